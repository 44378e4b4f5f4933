import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { corrupt, unsupported } from '../../../engines/core/errors.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import { type BuiltGuest, type GuestFilesystem, type GuestManifest, type GuestSource, OWN } from '../manifest.ts';
import { type Archive, fetchPackage, type Mirrors, readArchive } from './archive.ts';
import type { CompileModules } from './compile.ts';
import { byBytes, type CpioEntry, writeCpio } from './cpio.ts';
import { type DebFile, readDeb } from './deb.ts';
import type { Downloads } from './downloads.ts';
import { addModules, baseEntries, type GuestScripts } from './initramfs.ts';
import { bootableKernel } from './kernel.ts';
import { isModulePath, Modules } from './modules.ts';
import type { Trust } from './release.ts';
import { Userland } from './userland.ts';

/** Bytes of one file of a kernel's package. */
const MOST_FILE = 256 << 20;

/** Modules of devices that no guest has: the greater part of a kernel's package, left out to save memory. */
const NEVER = /\/kernel\/(sound|drivers\/(accel|bluetooth|comedi|gpu|hid|hwmon|iio|infiniband|input|isdn|media|net|platform|staging|usb|video|watchdog))\//;

/** What a build works with. */
export interface BuildTools {
  readonly mirrors: Mirrors;
  readonly trust: Trust;
  readonly downloads: Downloads;
  readonly scripts: GuestScripts;
  /** Said of what it is built from; see `BuiltGuest.inputs`. */
  readonly inputs: string;
  readonly job: JobContext;
  /** Compiles modules that the kernel's package has not. */
  readonly compile: CompileModules;
}

/**
 * Builds a guest from packages and puts it in place as a whole: whoever looks meets the old one or the new one.
 * @param folder where it goes; what was there is replaced
 * @throws DiskError as the parts: corrupt, unsupported, io, timeout, cancelled
 */
export async function buildFromPackages(manifest: GuestManifest, folder: string, tools: BuildTools): Promise<BuiltGuest> {
  const { source } = manifest;
  if (source === undefined) throw unsupported(manifest.name, `${manifest.title} is not built from packages: its files come with it`);
  const { job, downloads } = tools;
  const archive = await readArchive(source.suites, source.components, source.architecture, {
    mirrors: tools.mirrors, trust: tools.trust, archived: source.archived === true ? source.suites : [], downloads, job,
  });
  const userland = new Userland(archive, downloads, job);
  const kernel = await readKernel(source, archive, tools);
  const image = await bootableKernel(kernel.image, manifest.architecture, job);
  const modules = new Modules(kernel.files.values(), kernel.builtin, job);
  const compiled = await tools.compile(source, kernel.version, archive, downloads, job);
  for (const [name, bytes] of compiled.modules) modules.add(name, bytes);

  const files = new Map<string, Uint8Array>([['kernel', image]]);
  const programs = new Map<string, CpioEntry>();
  for (const { package: name, files: wanted, suite } of source.base) {
    for (const [path, entry] of await userland.programs(name, wanted, suite)) programs.set(path, entry);
  }
  const baseModules = await modules.closure(source.modules);
  const base = baseEntries(tools.scripts, programs, baseModules);
  files.set('base.cpio', writeCpio(base));

  const there = new Set(baseModules.map((module) => module.name));
  const filesystems: Record<string, string> = {};
  for (const [type, wanted] of modulesByType(manifest)) {
    const entries = new Map<string, CpioEntry>();
    addModules(entries, type, (await modules.closure(wanted)).filter((module) => !there.has(module.name)));
    filesystems[type] = `fs-${type}.cpio`;
    files.set(filesystems[type], writeCpio(entries));
  }
  const packages: Record<string, string> = {};
  for (const [name, wanted] of toolPackages(manifest)) {
    const entries = await userland.programs(name, wanted.filter((each) => !each.startsWith(OWN)));
    for (const own of wanted.filter((each) => each.startsWith(OWN))) entries.set(own.slice(1), { type: 'file', mode: 0o755, bytes: tools.scripts.helper(own.slice(OWN.length)) });
    packages[name] = `tool-${name}.cpio`;
    // What the base has need not come twice: both are of the same packages.
    files.set(packages[name], writeCpio(new Map([...entries].filter(([path]) => base.get(path) === undefined || path.includes('/bin/') || path.includes('/sbin/')))));
  }

  const all = [...files].toSorted(([a], [b]) => byBytes(a, b));
  const built: BuiltGuest = {
    kernel: 'kernel', kernelVersion: kernel.version, initramfs: 'base.cpio', filesystems, tools: packages,
    digest: sha256(all.map(([name, bytes]) => `${name} ${sha256(bytes)}\n`).join('')),
    inputs: tools.inputs,
    packages: [...kernel.packages, ...compiled.packages, ...userland.used.values()].map(({ name, version, sha256: digest }) => ({ name, version, sha256: digest })).toSorted((a, b) => byBytes(a.name, b.name)),
    built: new Date().toISOString(),
  };
  job.report({ done: 0, unit: 'bytes', now: `writing ${manifest.title}` });
  putInPlace(folder, [...all, ['guest.json', new TextEncoder().encode(`${JSON.stringify(built, undefined, 2)}\n`)]]);
  downloads.prune();
  return built;
}

interface Kernel {
  readonly version: string;
  readonly image: Uint8Array;
  readonly builtin: string;
  readonly files: ReadonlyMap<string, DebFile>;
  readonly packages: readonly { readonly name: string; readonly version: string; readonly sha256: string }[];
}

async function readKernel(source: GuestSource, archive: Archive, { downloads, job }: BuildTools): Promise<Kernel> {
  const files = new Map<string, DebFile>();
  const packages = source.kernel.map((pattern) => archive.match(pattern, source.kernelSuite));
  for (const each of packages) {
    const path = await fetchPackage(each, downloads, job);
    job.report({ done: 0, unit: 'bytes', now: `unpacking ${each.name}` });
    const wanted = (file: string, size: number): boolean => size <= MOST_FILE && (/(^|\/)vmlinuz/.test(file) || file.endsWith('/modules.builtin') || (isModulePath(file) && !NEVER.test(file)));
    for (const [name, file] of await readDeb(path, each.name, wanted, job)) files.set(name, file);
  }
  const image = [...files.values()].find((file) => /^(boot\/vmlinuz-[^/]+|usr\/lib\/modules\/[^/]+\/vmlinuz)$/.test(file.path) && file.bytes !== undefined)?.bytes;
  const versions = new Set([...files.keys()].flatMap((path) => /^usr\/lib\/modules\/([^/]+)\//.exec(path)?.[1] ?? []));
  const [version] = versions;
  if (image === undefined || version === undefined || versions.size > 1) throw corrupt(packages.map(({ name }) => name).join(', '), `it has ${image === undefined ? 'no kernel' : `modules of ${versions.size} kernels`}`);
  const builtin = new TextDecoder().decode(files.get(`usr/lib/modules/${version}/modules.builtin`)?.bytes ?? new Uint8Array(0));
  return { version, image, builtin, files, packages };
}

/** The modules of each filesystem type: several formats may share one. */
export function modulesByType({ filesystems, volumes }: GuestManifest): Map<string, string[]> {
  const types = new Map<string, string[]>();
  for (const { type, modules } of [...filesystems.filter((each) => each.access !== 'known-bad'), ...volumes]) types.set(type, [...new Set([...(types.get(type) ?? []), ...modules])]);
  return new Map([...types].toSorted(([a], [b]) => byBytes(a, b)));
}

/** The programs of each tool package: checkers, makers, helpers. */
export function toolPackages({ filesystems, volumes }: GuestManifest): Map<string, string[]> {
  const packages = new Map<string, string[]>();
  const tools = [...filesystems.flatMap((each: GuestFilesystem) => [each.helper, each.check, each.make]), ...volumes.map((each) => each.tool)];
  for (const tool of tools) {
    if (tool === undefined) continue;
    packages.set(tool.package, [...new Set([...(packages.get(tool.package) ?? []), tool.program, ...(tool.files ?? [])])]);
  }
  return new Map([...packages].toSorted(([a], [b]) => byBytes(a, b)));
}

function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Fills a folder beside the target and puts it in the target's place. */
function putInPlace(folder: string, files: readonly (readonly [string, Uint8Array])[]): void {
  mkdirSync(dirname(folder), { recursive: true });
  const fresh = mkdtempSync(join(dirname(folder), `.${basename(folder)}.new-`));
  const old = mkdtempSync(join(dirname(folder), `.${basename(folder)}.old-`));
  try {
    for (const [name, bytes] of files) writeFileSync(join(fresh, name), bytes);
    for (let tries = 1; ; tries++) {
      try {
        rmSync(old, { recursive: true, force: true });
        try {
          renameSync(folder, old);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        }
        renameSync(fresh, folder);
        return;
      } catch (error) {
        // Another build put its own there in between.
        if (tries === 10) throw error;
      }
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
  }
}
