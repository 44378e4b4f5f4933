/** Small ELF64 files for tests: a library's or program's needs, or a module's word of itself. */
export interface SmallElf {
  readonly needed?: readonly string[];
  readonly interpreter?: string;
  /** The section .modinfo, "key=value" each. */
  readonly modinfo?: readonly string[];
  /** Bytes at the end. */
  readonly extra?: Uint8Array;
}

/** Makes one. One PT_LOAD maps the whole file at address 0, so that addresses are offsets. */
export function makeElf({ needed = [], interpreter, modinfo, extra = new Uint8Array(0) }: SmallElf): Buffer {
  const strings = Buffer.from(`\0${needed.map((name) => `${name}\0`).join('')}`);
  const info = Buffer.from((modinfo ?? []).map((line) => `${line}\0`).join(''));
  const names = Buffer.from('\0.modinfo\0.shstrtab\0');
  const loader = Buffer.from(interpreter === undefined ? '' : `${interpreter}\0`);
  const entries: (readonly [number, number])[] = [];
  let at = 1;
  for (const name of needed) {
    entries.push([1, at]);
    at += name.length + 1;
  }
  const headers = 2 + (interpreter === undefined ? 0 : 1);
  const stringsAt = 64 + headers * 56;
  const dynamicAt = stringsAt + strings.length;
  const dynamic = words([...entries.flat(), 5, stringsAt, 0, 0]);
  const infoAt = dynamicAt + dynamic.length;
  const namesAt = infoAt + info.length;
  const loaderAt = namesAt + names.length;
  const sectionsAt = loaderAt + loader.length;
  const sections = modinfo === undefined ? [] : [section(0, 0, 0), section(1, infoAt, info.length), section(10, namesAt, names.length)];
  const size = sectionsAt + sections.length * 64 + extra.length;
  const head = Buffer.alloc(64);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(head);
  head.writeBigUInt64LE(64n, 0x20);
  head.writeBigUInt64LE(BigInt(sections.length === 0 ? 0 : sectionsAt), 0x28);
  head.writeUInt16LE(56, 0x36);
  head.writeUInt16LE(headers, 0x38);
  head.writeUInt16LE(64, 0x3a);
  head.writeUInt16LE(sections.length, 0x3c);
  head.writeUInt16LE(sections.length - 1 & 0xffff, 0x3e);
  const programs = [program(1, 0, size), program(2, dynamicAt, dynamic.length), ...(interpreter === undefined ? [] : [program(3, loaderAt, loader.length)])];
  return Buffer.concat([head, ...programs, strings, dynamic, info, names, loader, ...sections, extra]);
}

function words(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 8);
  values.forEach((value, i) => bytes.writeBigUInt64LE(BigInt(value), i * 8));
  return bytes;
}

function program(type: number, at: number, size: number): Buffer {
  const bytes = words([0, at, at, at, size, size, 8]);
  bytes.writeUInt32LE(type, 0);
  return bytes;
}

function section(name: number, at: number, size: number): Buffer {
  const bytes = words([0, 0, 0, at, size, 0, 0, 0]);
  bytes.writeUInt32LE(name, 0);
  return bytes;
}
