import type { Field, Fields, StructType, StructView } from './struct.ts';

/**
 * What the bytes of a device are, told from the declarations that the engines read them with: structures that lie somewhere, their fields,
 * and what a field's value means. Names, values and meanings may hold text of the image: whoever shows them escapes them.
 */

/** A structure on a device. */
export interface Structure {
  /** Byte offset on the device. */
  readonly at: number;
  /** Bytes. */
  readonly length: number;
  /** What it is there: "superblock", "backup superblock of group 3", "inode 5". */
  readonly name: string;
  /** The name of its declaration, as the specification has it: "ext4_super_block". Absent where there is none (a bitmap). */
  readonly type?: string;
  /** What it says as a whole: "12 of 8192 in use". */
  readonly meaning?: string;
  /** Its fields in the order of the declaration. Made when asked for. */
  fields(): FieldNote[];
}

/** A field, read. */
export interface FieldNote {
  /** Byte offset on the device. */
  readonly at: number;
  /** Bytes. */
  readonly length: number;
  readonly name: string;
  /** "u32", "u16be", "bytes". */
  readonly type: string;
  /** Numbers in decimal (magics and flags in hex), bytes in hex. */
  readonly value: string;
  readonly meaning?: string;
}

/** A place worth going to. */
export interface Landmark {
  readonly at: number;
  readonly length: number;
  readonly name: string;
}

/** The facet of a filesystem, a table or a container that can tell what its own bytes are. Nothing here throws for what it reads. */
export interface Structures {
  /**
   * The structures that touch [at, at + length) of the engine's device, lazily: a caller stops when it has enough. One that lies in another
   * (an entry in its table) comes after it. Bytes that nothing is known of are left out.
   */
  within(at: number, length: number): Iterable<Structure>;
  /** Places to go to, the most important first. Finite and few. */
  landmarks(): Iterable<Landmark>;
}

/** What a value means, and optionally a better spelling of the value itself. undefined = the value says it all. */
export type Explained = string | { readonly value: string; readonly meaning?: string | undefined } | undefined;

/** What the values of a declaration's fields mean: a table of functions, kept beside the layout. */
export type Meanings<F extends Fields> = { readonly [K in keyof F]?: (value: F[K] extends Field<infer T> ? T : never, structure: StructView<F>) => Explained };

/** Bytes of a field that are spelled out; more is cut. */
const LONGEST_HEX = 64;

/**
 * A declared structure at a place.
 * @param bytes hold the structure from byte `from` on
 * @param at where it lies on the device
 * @returns undefined when `bytes` are too few for it
 */
export function structureOf<F extends Fields>(type: StructType<F>, bytes: Uint8Array, from: number, at: number, name: string, meanings: Meanings<F> = {}, meaning?: string): Structure | undefined {
  if (from < 0 || from + type.size > bytes.length) return undefined;
  return { at, length: type.size, name, type: type.name, ...(meaning === undefined ? {} : { meaning }), fields: () => fieldsOf(type, type.at(bytes, from), at, meanings) };
}

/** A run of bytes without a declaration of its own. */
export function plainStructure(at: number, length: number, name: string, meaning?: string): Structure {
  return { at, length, name, ...(meaning === undefined ? {} : { meaning }), fields: () => [] };
}

/** The fields of a declaration over a view of it. @param at where the structure lies on the device */
export function fieldsOf<F extends Fields>(type: StructType<F>, view: StructView<F>, at: number, meanings: Meanings<F> = {}): FieldNote[] {
  return Object.entries(type.fields).map(([name, field]) => {
    const value: unknown = field.get(view.$view, view.$at + field.offset);
    const tell = meanings[name] as ((value: unknown, structure: StructView<F>) => Explained) | undefined;
    const explained = tell?.(value, view);
    const own = typeof explained === 'object' ? explained.value : valueText(value);
    const meaning = typeof explained === 'object' ? explained.meaning : explained;
    return { at: at + field.offset, length: field.size, name, type: field.type, value: own, ...(meaning === undefined || meaning === '' ? {} : { meaning }) };
  });
}

function valueText(value: unknown): string {
  if (value instanceof Uint8Array) return hexText(value);
  return Array.isArray(value) ? value.join(', ') : String(value);
}

/** Bytes as "de ad be ef", cut when they are many. */
export function hexText(bytes: Uint8Array): string {
  const text = Array.from(bytes.subarray(0, LONGEST_HEX), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return bytes.length > LONGEST_HEX ? `${text} …` : text;
}

/** A number spelled in hex, with what it means. */
export function inHex(value: number | bigint, meaning?: string): Explained {
  return { value: `0x${value.toString(16)}`, meaning };
}

/** Whether a magic number or a checksum is the right one. */
export function asExpected(value: number | bigint, expected: number | bigint, right: string): Explained {
  return inHex(value, value === expected ? right : `wrong: it should be 0x${expected.toString(16)}`);
}

/** Seconds since 1970 as ISO 8601; undefined for zero, which is "never" everywhere. */
export function isoTime(seconds: number | bigint): string | undefined {
  const milliseconds = Number(seconds) * 1000;
  // What a Date can hold: more than that stands in no sound image.
  if (milliseconds === 0 || !(Math.abs(milliseconds) <= 8.64e15)) return undefined;
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}

/** The names of the bits that are set, and "bit 7" for those without one; undefined when none is. */
export function bitNames(word: number, names: Iterable<readonly [bit: number, name: string]>): string | undefined {
  const found: string[] = [];
  let rest = word >>> 0;
  for (const [bit, name] of names) {
    if ((word & bit) === 0) continue;
    found.push(name);
    rest = (rest & ~bit) >>> 0;
  }
  for (let i = 0; i < 32; i++) if ((rest >>> i) & 1) found.push(`bit ${i}`);
  return found.length === 0 ? undefined : found.join(', ');
}

/** A count of bytes for people: "4 MiB". Exact below 1 KiB. */
export function sizeText(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${Number.isInteger(size) ? size : size.toFixed(1)} ${UNITS[unit]!}`;
}
const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;
