import * as v from 'valibot';
import { refusedArgument } from './arguments.ts';
import type { GuestManifest } from './manifest.ts';

/** Texts and lists of a manifest, at most: characters, entries. */
const LONGEST = 4_000;
const MOST = 1_000;

const text = v.pipe(v.string(), v.minLength(1), v.maxLength(LONGEST));
/** A name that becomes a file's name. */
const name = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9_.+-]{0,63}$/, 'a name has lower case letters, digits, ".", "+", "-" and "_"'));
/** A kernel module; "?": where the kernel has it. */
const moduleName = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9_-]{0,62}\??$/, 'the name of a kernel module, with "?" behind it where the kernel may do without'));
/** A file of the guest's own folder. */
const ownFile = v.pipe(v.string(), v.regex(/^[\w][\w.+-]{0,127}$/, 'the name of a file in the guest\'s folder, without a path'));
const path = v.pipe(v.string(), v.regex(/^(?!\/|.*(^|\/)\.\.(\/|$))[\w.+/-]{1,255}$/, 'a program\'s name, or a path in the package'));
const seconds = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(3600));
const options = v.pipe(v.string(), v.maxLength(LONGEST), v.regex(/^[\w=,.:+/-]*$/, 'a list of mount options with commas'));

function list<const S extends v.GenericSchema>(of: S) {
  return v.pipe(v.array(of), v.maxLength(MOST));
}

const program = { package: name, program: v.union([path, v.pipe(v.string(), v.regex(/^\/clutch\/[a-z0-9-]{1,63}$/, 'a script of guests/linux'))]), files: v.optional(list(path)) };
/** Of a package's "configure", which takes variables and paths as well, and runs what they name: a word for one of its features, or with the folder of the headers. */
const configureWord = v.pipe(v.string(), v.regex(/^--[a-z][a-z0-9-]{0,63}(=(\{headers\}|\{common\}|[a-z0-9-]{0,63}))?$/, 'an option of the package\'s "configure" that names no file but {headers} and {common}'));
const status = list(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(255)));

const filesystem = v.strictObject({
  format: name,
  title: v.optional(text),
  type: name,
  access: v.picklist(['read-write', 'read-only', 'known-bad']),
  reason: v.optional(text),
  modules: list(moduleName),
  readOptions: v.pipe(list(options), v.minLength(1)),
  writeOptions: v.optional(options),
  device: v.picklist(['disk', 'mtd', 'ubi']),
  helper: v.optional(v.strictObject(program)),
  check: v.optional(v.strictObject({ ...program, dry: list(text), repair: v.optional(list(text)), clean: status, errors: status, repaired: status })),
  make: v.optional(v.strictObject({ ...program, arguments: list(text) })),
});

const volumes = v.strictObject({ type: name, modules: list(moduleName), tool: v.strictObject(program) });

const fields = {
  title: text,
  summary: text,
  rank: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1000)),
  system: v.picklist(['linux', 'other']),
  architecture: v.picklist(['x86_64', 'aarch64', 's390x', 'i386', 'm68k', 'ppc', 'arm']),
  machine: v.strictObject({
    type: v.pipe(v.string(), v.regex(/^(?!.*(firmware|dtb|kernel|initrd|append|pflash))[\w.=,-]{1,200}$/, 'a machine of QEMU\'s, with its properties, but none that names a file')),
    cpu: v.pipe(v.string(), v.regex(/^[\w.=,+-]{1,200}$/, 'a processor of QEMU\'s')),
    memory: v.pipe(v.number(), v.integer(), v.minValue(16), v.maxValue(16384)),
    warm: v.boolean(),
    arguments: v.pipe(list(text), v.check((args) => refusedArgument(args) === undefined, ({ input }) => `"${refusedArgument(input)}" reaches the computer outside the guest, which no guest may`)),
  }),
  boot: v.strictObject({
    kernel: v.optional(ownFile),
    initrd: v.optional(ownFile),
    disk: v.optional(ownFile),
    append: v.pipe(v.string(), v.maxLength(LONGEST)),
    deadline: seconds,
    ready: v.optional(text),
    console: v.picklist(['serial', 'sclp']),
  }),
  transport: v.strictObject({
    dialect: v.picklist(['9P2000.L', '9P2000.u']),
    over: v.picklist(['virtio', 'serial']),
    agent: v.boolean(),
    msize: v.pipe(v.number(), v.integer(), v.minValue(4096), v.maxValue(1 << 24)),
  }),
  tables: list(text),
  trees: list(v.picklist(['devfs', 'procfs', 'sysfs', 'tmpfs', 'overlay'])),
};

const source = {
  kind: v.literal('debian'),
  suites: v.pipe(list(name), v.minLength(1)),
  kernelSuite: v.optional(name),
  archived: v.optional(v.boolean()),
  components: v.pipe(list(name), v.minLength(1)),
  architecture: name,
  kernel: v.pipe(list(v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9+.*-]{1,127}$/, 'a package\'s name, or a pattern with "*"'))), v.minLength(1)),
  base: list(v.strictObject({ package: name, files: v.pipe(list(path), v.minLength(1)), suite: v.optional(name) })),
  modules: list(moduleName),
  download: v.pipe(v.number(), v.integer(), v.minValue(1)),
  compile: v.optional(v.strictObject({ package: name, prepare: v.optional(ownFile), configure: v.optional(list(configureWord)), modules: v.pipe(list(path), v.minLength(1)), seconds, space: v.pipe(v.number(), v.integer(), v.minValue(1)), licence: text })),
};

/** A whole manifest, as the rest of the program sees it. */
export const manifestSchema = v.strictObject({
  name,
  ...fields,
  source: v.optional(v.strictObject(source)),
  filesystems: list(filesystem),
  volumes: list(volumes),
});

/** What may stand in a guest.yml: a manifest, or what is different from the one that it extends. */
export const guestFileSchema = v.strictObject({
  $schema: v.optional(v.pipe(v.string(), v.description('Address of this schema, for editors.'))),
  extends: v.optional(v.pipe(name, v.description('Another guest, or a "base.yml" of the folder of that name. Its fields count where this file has none; filesystems are joined by format and type.'))),
  without: v.optional(v.pipe(list(name), v.description('Types of filesystems and volumes of the extended one that this guest has not.'))),
  ...v.partial(v.strictObject({ ...fields, machine: v.partial(fields.machine), boot: v.partial(fields.boot), transport: v.partial(fields.transport) })).entries,
  source: v.optional(v.partial(v.strictObject(source))),
  filesystems: v.optional(list(filesystem)),
  volumes: v.optional(list(volumes)),
});

export type GuestFile = v.InferOutput<typeof guestFileSchema>;

/** The two say the same: one for the checker of types, one for what comes in. */
type Same<A, B> = [Plain<A>] extends [Plain<B>] ? ([Plain<B>] extends [Plain<A>] ? true : never) : never;
type Plain<T> = T extends readonly (infer E)[] ? Plain<E>[] : T extends object ? { -readonly [K in keyof T]: Plain<Exclude<T[K], undefined>> } : T;
true satisfies Same<GuestManifest, v.InferOutput<typeof manifestSchema>>;
