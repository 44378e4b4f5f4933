import { corrupt, unsupported } from '../../../engines/core/errors.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import { compressionByName, decompressBytes } from './decompress.ts';
import type { DebFile } from './deb.ts';
import { Elf } from './elf.ts';
import { slimModule } from './slim.ts';

/** Bytes of one module unpacked. The greatest that matters, btrfs, has 3 MB; graphics drivers have 25. */
const MOST_MODULE = 128 << 20;

/** Modules that one may bring along. */
const MOST_TOGETHER = 512;

/** What ends a signed module (Linux: include/linux/module_signature.h). */
const SIGNATURE = new TextEncoder().encode('~Module signature appended~\n');

/** A module as it goes into an initramfs. */
export interface Module {
  /** With "_": "virtio_blk". */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The modules of a kernel, and what each needs. */
export class Modules {
  readonly #files = new Map<string, DebFile>();
  readonly #builtin: ReadonlySet<string>;
  readonly #loaded = new Map<string, Module & { readonly before: readonly string[]; readonly wished: readonly string[] }>();
  readonly #job: JobContext;

  /**
   * @param files of the kernel's packages; those that are modules are taken
   * @param builtin the text of modules.builtin: a path a line
   */
  constructor(files: Iterable<DebFile>, builtin: string, job: JobContext) {
    for (const file of files) if (file.bytes !== undefined && isModulePath(file.path)) this.#files.set(moduleName(file.path), file);
    this.#builtin = new Set(builtin.split('\n').filter((line) => line !== '').map(moduleName));
    this.#job = job;
  }

  /** Adds one that was compiled beside them. */
  add(name: string, bytes: Uint8Array): void {
    this.#files.set(moduleName(name), { path: name, mode: 0o644, bytes });
  }

  /**
   * Modules with all that they depend on, in the order in which they can be inserted. What the kernel has built in is left out, and so is a
   * name with "?" that it has not. Soft dependencies
   * ("softdep: pre") come along where the kernel has them.
   * @throws DiskError unsupported for a module that the kernel has not; corrupt for a damaged one, or a circle
   */
  async closure(names: readonly string[]): Promise<Module[]> {
    const order = new Map<string, Module>();
    const visit = async (name: string, above: readonly string[]): Promise<void> => {
      if (order.has(name) || this.#builtin.has(name)) return;
      if (above.includes(name)) throw corrupt(`module ${name}`, `it depends on itself (${[...above, name].join(' → ')})`);
      const module = await this.#load(name, above);
      for (const wish of module.wished) {
        // A wish may be for what a module does ("crc32c"); the kernel calls the plain one of several so.
        const each = this.#files.has(wish) ? wish : `${wish}_generic`;
        if (this.#files.has(each) && !above.includes(each) && each !== name) await visit(each, [...above, name]);
      }
      for (const each of module.before) await visit(each, [...above, name]);
      order.set(name, { name, bytes: module.bytes });
      if (order.size > MOST_TOGETHER) throw corrupt(`module ${names.join(', ')}`, `more than ${MOST_TOGETHER} modules come along`);
    };
    for (const name of names) {
      const optional = name.endsWith('?');
      const plain = moduleName(optional ? name.slice(0, -1) : name);
      if (!optional || this.#files.has(plain)) await visit(plain, []);
    }
    return [...order.values()];
  }

  async #load(name: string, above: readonly string[]): Promise<Module & { readonly before: readonly string[]; readonly wished: readonly string[] }> {
    const known = this.#loaded.get(name);
    if (known !== undefined) return known;
    const file = this.#files.get(name);
    if (file?.bytes === undefined) throw unsupported(name, `This kernel has no module ${name}${above.length === 0 ? '' : `, which ${above.at(-1)} needs`}`);
    const what = `module ${name}`;
    const bytes = withoutSignature(await decompressBytes(file.bytes, compressionByName(file.path), what, MOST_MODULE, this.#job), what);
    const info = readModinfo(bytes, what);
    const module = { name, bytes: slimModule(bytes), before: namesIn(info.get('depends') ?? []), wished: namesIn((info.get('softdep') ?? []).map((soft) => /(?:^|\s)pre:\s*(.*?)(?:\s*post:|$)/.exec(soft)?.[1] ?? '')) };
    this.#loaded.set(name, module);
    return module;
  }
}

function namesIn(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(/[,\s]+/)).filter((each) => each !== '').map(moduleName);
}

/** What a module says of itself: its section ".modinfo", "key=value" with a zero after each. A key may repeat. */
export function readModinfo(bytes: Uint8Array, what: string): Map<string, string[]> {
  const section = new Elf(bytes, what).section('.modinfo');
  if (section === undefined) throw corrupt(what, 'it says nothing of itself (no .modinfo)');
  const info = new Map<string, string[]>();
  for (const line of new TextDecoder('latin1').decode(section).split('\0')) {
    const equals = line.indexOf('=');
    if (equals <= 0) continue;
    const key = line.slice(0, equals);
    info.set(key, [...(info.get(key) ?? []), line.slice(equals + 1)]);
  }
  return info;
}

/** A module without the signature behind it: nobody checks it in a guest, and it is different in every build of a distribution. */
export function withoutSignature(bytes: Uint8Array, what: string): Uint8Array {
  const end = bytes.length - SIGNATURE.length;
  if (end < 12 || !SIGNATURE.every((byte, i) => bytes[end + i] === byte)) return bytes;
  // struct module_signature: its last field is the signature's length, big-endian.
  const length = new DataView(bytes.buffer, bytes.byteOffset + end - 4, 4).getUint32(0);
  if (length > end - 12) throw corrupt(what, 'its signature is longer than it');
  return bytes.subarray(0, end - 12 - length);
}

/** Whether a path of a package is a module's. */
export function isModulePath(path: string): boolean {
  return /\.ko(\.(xz|zst|gz))?$/.test(path);
}

/** "kernel/fs/nls/nls_cp437.ko.xz" and "crc32c-intel" as the kernel calls them: "nls_cp437", "crc32c_intel". */
export function moduleName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.ko(\.\w+)?$/, '').replaceAll('-', '_');
}
