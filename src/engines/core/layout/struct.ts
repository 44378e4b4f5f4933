/**
 * On-disk structures, declared once: the specification's field names with explicit offsets. A declaration makes a class whose
 * prototype getters read a DataView lazily (7 ns a field; a decode loop costs 50 times that). The same declaration
 * serves reader, writer, size and overlap tests, and the annotated hex view.
 *
 *     const Header = struct('ext4_extent_header', 12, { eh_magic: u16(0), eh_entries: u16(2) });
 *     const header = Header.at(bytes, offset);
 *     header.eh_magic
 */

/** One field: where it lies in its structure (bytes), and how it is read. */
export interface Field<T> {
  readonly offset: number;
  readonly size: number;
  /** "u32", "u16be", "bytes" … for the hex view. */
  readonly type: string;
  get(view: DataView, at: number): T;
  set(view: DataView, at: number, value: T): void;
}

// Fields of any type stand side by side; StructView gives each its own.
// oxlint-disable-next-line typescript/no-explicit-any
export type Fields = Readonly<Record<string, Field<any>>>;

/** A view of one structure in a buffer. Assigning to a field writes the buffer. */
export type StructView<F extends Fields> = { -readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never } & {
  /** The buffer, and the byte in it where the structure starts. */
  readonly $view: DataView;
  readonly $at: number;
};

export interface StructType<F extends Fields> {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly fields: F;
  /** A view of the structure at byte `at` of `bytes`. @throws RangeError when it would not fit */
  at(bytes: Uint8Array, at?: number): StructView<F>;
  /** The same over a DataView that is there already: one allocation less in tight loops. The caller has checked the bounds. */
  over(view: DataView, at: number): StructView<F>;
}

export type View<S> = S extends StructType<infer F> ? StructView<F> : never;

/** Declares a structure of `size` bytes. */
export function struct<const F extends Fields>(name: string, size: number, fields: F): StructType<F> {
  class Structure {
    // Declared alone: fields that are made and then set cost a fifth of the time that writing a small file takes.
    declare readonly $view: DataView;
    declare readonly $at: number;
    constructor(view: DataView, at: number) {
      this.$view = view;
      this.$at = at;
    }
  }
  for (const [key, field] of Object.entries(fields)) {
    if (field.offset + field.size > size) throw new RangeError(`${name}.${key} ends past the structure's ${size} bytes`);
    Object.defineProperty(Structure.prototype, key, {
      enumerable: true,
      get(this: Structure) { return field.get(this.$view, this.$at + field.offset); },
      set(this: Structure, value: unknown) { field.set(this.$view, this.$at + field.offset, value); },
    });
  }
  return {
    name, size, fields,
    at(bytes, at = 0) {
      if (at < 0 || at + size > bytes.length) throw new RangeError(`${name} at ${at} does not fit into ${bytes.length} bytes`);
      return new Structure(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at) as unknown as StructView<F>;
    },
    over: (view, at) => new Structure(view, at) as unknown as StructView<F>,
  };
}

function number(offset: number, size: number, type: string, get: (view: DataView, at: number) => number, set: (view: DataView, at: number, value: number) => void): Field<number> {
  return { offset, size, type, get, set };
}

export const u8 = (offset: number): Field<number> => number(offset, 1, 'u8', (v, at) => v.getUint8(at), (v, at, x) => v.setUint8(at, x));
export const i8 = (offset: number): Field<number> => number(offset, 1, 'i8', (v, at) => v.getInt8(at), (v, at, x) => v.setInt8(at, x));
export const u16 = (offset: number): Field<number> => number(offset, 2, 'u16', (v, at) => v.getUint16(at, true), (v, at, x) => v.setUint16(at, x, true));
export const u32 = (offset: number): Field<number> => number(offset, 4, 'u32', (v, at) => v.getUint32(at, true), (v, at, x) => v.setUint32(at, x, true));
export const i32 = (offset: number): Field<number> => number(offset, 4, 'i32', (v, at) => v.getInt32(at, true), (v, at, x) => v.setInt32(at, x, true));
export const u16be = (offset: number): Field<number> => number(offset, 2, 'u16be', (v, at) => v.getUint16(at, false), (v, at, x) => v.setUint16(at, x, false));
export const u32be = (offset: number): Field<number> => number(offset, 4, 'u32be', (v, at) => v.getUint32(at, false), (v, at, x) => v.setUint32(at, x, false));
export const u64 = (offset: number): Field<bigint> => ({ offset, size: 8, type: 'u64', get: (v, at) => v.getBigUint64(at, true), set: (v, at, x) => v.setBigUint64(at, x, true) });
export const u64be = (offset: number): Field<bigint> => ({ offset, size: 8, type: 'u64be', get: (v, at) => v.getBigUint64(at, false), set: (v, at, x) => v.setBigUint64(at, x, false) });
/** A run of bytes: a view, not a copy. */
export const bytes = (offset: number, size: number): Field<Uint8Array> => ({
  offset, size, type: 'bytes',
  get: (v, at) => new Uint8Array(v.buffer, v.byteOffset + at, size),
  set: (v, at, x) => { new Uint8Array(v.buffer, v.byteOffset + at, size).set(x.subarray(0, size)); },
});
/** `count` little-endian 32-bit numbers. */
export const u32s = (offset: number, count: number): Field<number[]> => ({
  offset, size: count * 4, type: `u32[${count}]`,
  get: (v, at) => Array.from({ length: count }, (_, i) => v.getUint32(at + i * 4, true)),
  set: (v, at, x) => { for (let i = 0; i < count; i++) v.setUint32(at + i * 4, x[i]!, true); },
});
