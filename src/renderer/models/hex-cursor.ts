/** The byte with the focus, and the one that a selection began at. */
export interface HexCursor {
  readonly at: number;
  readonly anchor: number;
}

export interface HexKey {
  readonly key: string;
  readonly shift: boolean;
  readonly mod: boolean;
}

/** Where a key leads in `size` bytes of `columns` a row, or undefined when it is none of ours. */
export function moved(cursor: HexCursor, { key, shift, mod }: HexKey, size: number, columns: number, page: number): HexCursor | undefined {
  const to = target(cursor.at, key, mod, size, columns, page);
  if (to === undefined || size === 0) return undefined;
  return { at: to, anchor: shift ? cursor.anchor : to };
}

function target(at: number, key: string, mod: boolean, size: number, columns: number, page: number): number | undefined {
  const row = Math.floor(at / columns);
  const last = size - 1;
  // Up and down stay in their column: past an edge they stay where they are.
  const rows = (count: number): number => {
    const most = Math.floor(last / columns);
    const goal = Math.min(most, Math.max(0, row + count));
    return Math.min(last, goal * columns + (at % columns));
  };
  switch (key) {
    case 'ArrowLeft': return Math.max(0, at - 1);
    case 'ArrowRight': return Math.min(last, at + 1);
    case 'ArrowUp': return rows(-1);
    case 'ArrowDown': return rows(1);
    case 'PageUp': return rows(-page);
    case 'PageDown': return rows(page);
    case 'Home': return mod ? 0 : row * columns;
    case 'End': return mod ? last : Math.min(last, row * columns + columns - 1);
    default: return undefined;
  }
}

/** The selected bytes, [from, to); of one byte, the one with the focus. */
export function selected({ at, anchor }: HexCursor): { readonly from: number; readonly to: number } {
  return { from: Math.min(at, anchor), to: Math.max(at, anchor) + 1 };
}

/** What an offset is counted in where the layer knows it. */
export interface OffsetUnits {
  readonly sector: number;
  readonly block?: number | undefined;
}

/**
 * An offset as people type it: "0x8100", "33024", "sector 64", "block 33", "+512" and "-0x10" from `from`.
 * @returns undefined for what is none, or does not lie in `size` bytes
 */
export function parseOffset(text: string, from: number, size: number, units: OffsetUnits): number | undefined {
  const match = /^([+-])?(?:(sector|block)\s+)?(0x[0-9a-f]+|[\d,_]+)$/i.exec(text.trim());
  if (match === null) return undefined;
  const [, sign, unit, digits] = match;
  const scale = unit === undefined ? 1 : unit.toLowerCase() === 'sector' ? units.sector : units.block;
  if (scale === undefined) return undefined;
  const count = Number(digits!.replace(/[,_]/g, '')) * scale;
  const at = sign === '+' ? from + count : sign === '-' ? from - count : count;
  return Number.isSafeInteger(at) && at >= 0 && at < size ? at : undefined;
}

/** Bytes of a search: "de ad be ef" or "0xdeadbeef", or a text as UTF-8. undefined for hex that is none. */
export function parsePattern(text: string, hex: boolean): Uint8Array<ArrayBuffer> | undefined {
  if (!hex) return text === '' ? undefined : new TextEncoder().encode(text);
  const digits = text.replace(/\s+|0x/gi, '');
  if (digits.length === 0 || digits.length % 2 !== 0 || !/^[0-9a-f]+$/i.test(digits)) return undefined;
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16));
}
