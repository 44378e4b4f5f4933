import type { FieldRow, StructureRow } from '../../shared/contract/bytes.ts';

/** What a byte is: a field of a structure, or a part of one that no field names. */
export interface Spot {
  readonly structure: StructureRow;
  readonly field: FieldRow | undefined;
  /** The bytes of the field, or of the structure. */
  readonly at: number;
  readonly length: number;
}

/** Bytes with what they are. */
export interface HexBlock {
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly spots: readonly Spot[];
  /** For each byte an index of `spots`; -1 where nothing is known. */
  readonly map: Int32Array;
}

/** Paints structures over bytes: the inner ones come later, so that a byte belongs to the innermost. */
export function hexBlock(at: number, bytes: Uint8Array, structures: readonly StructureRow[]): HexBlock {
  const spots: Spot[] = [];
  const map = new Int32Array(bytes.length).fill(-1);
  const paint = (spot: Spot): void => {
    const from = Math.max(0, spot.at - at);
    const to = Math.min(bytes.length, spot.at + spot.length - at);
    if (from >= to) return;
    map.fill(spots.length, from, to);
    spots.push(spot);
  };
  for (const structure of structures) {
    paint({ structure, field: undefined, at: structure.at, length: structure.length });
    for (const field of structure.fields) paint({ structure, field, at: field.at, length: field.length });
  }
  return { at, bytes, spots, map };
}

export function spotAt(block: HexBlock | undefined, at: number): Spot | undefined {
  return block === undefined ? undefined : block.spots[block.map[at - block.at] ?? -1];
}

/** "s_log_block_size = 2 → 4096"; of bytes that no field names, the structure. Long values are cut. */
export function spotText({ structure, field }: Spot, longest = 160): string {
  const { name, meaning } = field ?? structure;
  const value = field === undefined ? '' : ` = ${cut(field.value, 64)}`;
  return cut(`${name}${value}${meaning === undefined ? '' : `${field === undefined ? ': ' : ' → '}${meaning}`}`, longest);
}

function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}

/** Bytes as numbers, a time and text; undefined where they end too early. Little-endian and big-endian. */
export interface Readings {
  readonly unsigned: readonly { readonly bits: 8 | 16 | 32 | 64; readonly little: string | undefined; readonly big: string | undefined }[];
  readonly signed: string | undefined;
  /** 32 bits of seconds since 1970, little-endian. */
  readonly time: string | undefined;
  readonly text: string;
}

/** Reads up to 16 bytes that begin at the cursor. */
export function readings(bytes: Uint8Array): Readings {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const read = (length: number, get: () => number | bigint): string | undefined => (bytes.length >= length ? String(get()) : undefined);
  return {
    unsigned: [
      { bits: 8, little: read(1, () => view.getUint8(0)), big: undefined },
      { bits: 16, little: read(2, () => view.getUint16(0, true)), big: read(2, () => view.getUint16(0)) },
      { bits: 32, little: read(4, () => view.getUint32(0, true)), big: read(4, () => view.getUint32(0)) },
      { bits: 64, little: read(8, () => view.getBigUint64(0, true)), big: read(8, () => view.getBigUint64(0)) },
    ],
    signed: read(4, () => view.getInt32(0, true)),
    time: bytes.length >= 4 ? new Date(view.getUint32(0, true) * 1000).toISOString().replace('.000Z', 'Z') : undefined,
    text: printable(bytes),
  };
}

/** Printable ASCII, dots for the rest. */
export function printable(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
  return text;
}
