import { corrupt } from '../../../engines/core/errors.ts';

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1;
const DT_STRTAB = 5;

/** Headers of a kind that are looked at; libraries that one file may name. */
const MOST_HEADERS = 65_536;
const MOST_NEEDED = 512;

/** A range of a file. */
interface Range {
  readonly at: number;
  readonly size: number;
}

interface Segment extends Range {
  readonly type: number;
  readonly address: number;
}

/** What of an ELF file (System V ABI, gABI chapters 4 and 5) the builder must know. Either class and byte order. */
export class Elf {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #what: string;
  readonly #wide: boolean;
  readonly #little: boolean;

  /** @throws DiskError corrupt when it is none */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (!isElf(bytes) || bytes.length < 52) throw corrupt(what, 'it is no ELF file');
    this.#wide = bytes[4] === 2;
    this.#little = bytes[5] === 1;
  }

  /** The libraries that it asks for (DT_NEEDED), by name. */
  needed(): string[] {
    const segments = this.#segments();
    const dynamic = segments.find((segment) => segment.type === PT_DYNAMIC);
    if (dynamic === undefined) return [];
    const word = this.#wide ? 8 : 4;
    const names: number[] = [];
    let strings: number | undefined;
    for (let at = dynamic.at; at + 2 * word <= dynamic.at + dynamic.size; at += 2 * word) {
      const tag = this.#word(at);
      if (tag === 0) break;
      const value = this.#word(at + word);
      if (tag === DT_NEEDED) names.push(value);
      if (tag === DT_STRTAB) strings = value;
      if (names.length > MOST_NEEDED) throw corrupt(this.#what, `it asks for more than ${MOST_NEEDED} libraries`);
    }
    if (names.length === 0) return [];
    const holder = segments.find(({ type, address, size }) => type === PT_LOAD && strings !== undefined && strings >= address && strings < address + size);
    if (holder === undefined || strings === undefined) throw corrupt(this.#what, 'the names of its libraries lie nowhere');
    const base = holder.at + strings - holder.address;
    return names.map((name) => this.#string(base + name));
  }

  /** The program that loads it; undefined for libraries and static programs. */
  interpreter(): string | undefined {
    const segment = this.#segments().find(({ type }) => type === PT_INTERP);
    return segment === undefined ? undefined : this.#string(segment.at);
  }

  /** The bytes of a section; undefined when it has none of the name. */
  section(name: string): Uint8Array | undefined {
    const [at, size, count, names] = this.#wide
      ? [this.#word(0x28), this.#half(0x3a), this.#half(0x3c), this.#half(0x3e)]
      : [this.#word(0x20), this.#half(0x2e), this.#half(0x30), this.#half(0x32)];
    if (at === 0 || count === 0 || size < (this.#wide ? 64 : 40)) return undefined;
    const header = (index: number): { name: number; range: Range } => {
      const from = at + index * size;
      return { name: this.#int(from), range: this.#wide ? { at: this.#word(from + 0x18), size: this.#word(from + 0x20) } : { at: this.#word(from + 0x10), size: this.#word(from + 0x14) } };
    };
    const strings = header(names).range;
    for (let index = 0; index < count; index++) {
      const section = header(index);
      if (this.#string(strings.at + section.name) !== name) continue;
      const { at: from, size: length } = section.range;
      if (from + length > this.#bytes.length) throw corrupt(this.#what, `its section ${name} lies beyond its end`);
      return this.#bytes.subarray(from, from + length);
    }
    return undefined;
  }

  #segments(): Segment[] {
    const [at, size, count] = this.#wide ? [this.#word(0x20), this.#half(0x36), this.#half(0x38)] : [this.#word(0x1c), this.#half(0x2a), this.#half(0x2c)];
    if (count > MOST_HEADERS || (count > 0 && size < (this.#wide ? 56 : 32))) throw corrupt(this.#what, 'its program headers are none');
    return Array.from({ length: count }, (_, index) => {
      const from = at + index * size;
      return this.#wide
        ? { type: this.#int(from), at: this.#word(from + 8), address: this.#word(from + 16), size: this.#word(from + 32) }
        : { type: this.#int(from), at: this.#word(from + 4), address: this.#word(from + 8), size: this.#word(from + 16) };
    });
  }

  #check(at: number, length: number): void {
    if (!(at >= 0 && at + length <= this.#bytes.length)) throw corrupt(this.#what, 'one of its structures lies beyond its end');
  }

  #half(at: number): number {
    this.#check(at, 2);
    return this.#view.getUint16(at, this.#little);
  }

  #int(at: number): number {
    this.#check(at, 4);
    return this.#view.getUint32(at, this.#little);
  }

  #word(at: number): number {
    if (!this.#wide) return this.#int(at);
    this.#check(at, 8);
    return Number(this.#view.getBigUint64(at, this.#little));
  }

  #string(at: number): string {
    this.#check(at, 1);
    const end = this.#bytes.indexOf(0, at);
    if (end < 0 || end - at > 4096) throw corrupt(this.#what, 'one of its names has no end');
    return new TextDecoder('latin1').decode(this.#bytes.subarray(at, end));
  }
}

/** Whether bytes begin as an ELF file does. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}
