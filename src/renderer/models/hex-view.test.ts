import { describe, expect, it } from 'vitest';
import type { StructureRow } from '../../shared/contract/bytes.ts';
import { hexBlock, readings, spotAt, spotText } from './hex-block.ts';
import { moved, parseOffset, parsePattern, selected } from './hex-cursor.ts';
import { clampTop, contentHeight, HEX_ROW, isScaled, lastTop, pixelsAt, topAt, topShowing } from './hex-scroll.ts';

describe('scrolling over bytes', () => {
  const small = { rows: 1000, viewport: 500 };
  const huge = { rows: 2 ** 49, viewport: 500 };

  it('gives each row its pixels where they fit, and a scale where not', () => {
    expect(isScaled(small)).toBe(false);
    expect(topAt(small, 210)).toBe(10.5);
    expect(pixelsAt(small, 10.5)).toBe(210);
    expect(isScaled(huge)).toBe(true);
    expect(contentHeight(huge)).toBeLessThan(16_000_000);
  });

  it('reaches the first and the last row of 2^53 bytes, and every place between is its own', () => {
    expect(topAt(huge, 0)).toBe(0);
    expect(topAt(huge, contentHeight(huge) - huge.viewport)).toBe(2 ** 49 - 25);
    for (const top of [0, 1, 12_345, 2 ** 40 + 7, lastTop(huge)]) {
      const pixels = pixelsAt(huge, top);
      expect(pixels).toBeGreaterThanOrEqual(0);
      expect(pixels).toBeLessThanOrEqual(contentHeight(huge));
    }
    expect(clampTop(huge, 2 ** 52)).toBe(lastTop(huge));
  });

  it('moves only as far as a row needs to be seen, and after a jump leaves some above it', () => {
    expect(topShowing(small, 100, 110, false)).toBe(100);
    expect(topShowing(small, 100, 99, false)).toBe(99);
    expect(topShowing(small, 100, 125, false)).toBe(101);
    expect(topShowing(small, 0, 500, true)).toBe(494);
    expect(topShowing({ rows: 3, viewport: 500 }, 0, 2, true)).toBe(0);
    expect(HEX_ROW).toBe(20);
  });
});

describe('the cursor', () => {
  const key = (name: string, shift = false, mod = false) => ({ key: name, shift, mod });

  it('goes by bytes, rows, pages and to both ends', () => {
    const at = (from: number, name: string, mod = false): number | undefined => moved({ at: from, anchor: from }, key(name, false, mod), 1000, 16, 10)?.at;
    expect([at(0, 'ArrowLeft'), at(999, 'ArrowRight'), at(5, 'ArrowUp'), at(5, 'ArrowDown'), at(40, 'ArrowUp')]).toEqual([0, 999, 5, 21, 24]);
    expect([at(40, 'PageDown'), at(40, 'PageUp'), at(40, 'Home'), at(40, 'End'), at(40, 'Home', true), at(40, 'End', true)]).toEqual([200, 8, 32, 47, 0, 999]);
    // The last row is short: down from a column that it has not, and End in it, lead to the last byte.
    expect([at(990, 'ArrowDown'), at(995, 'End')]).toEqual([999, 999]);
    expect(at(0, 'a')).toBeUndefined();
    expect(moved({ at: 0, anchor: 0 }, key('ArrowRight'), 0, 16, 10)).toBeUndefined();
  });

  it('extends a selection from where it began', () => {
    const cursor = moved({ at: 20, anchor: 20 }, key('ArrowLeft', true), 1000, 16, 10)!;
    expect(selected(moved(cursor, key('ArrowUp', true), 1000, 16, 10)!)).toEqual({ from: 3, to: 21 });
  });

  it('keeps exact at the end of 2^53 bytes', () => {
    const size = 2 ** 53 - 1;
    const end = moved({ at: 0, anchor: 0 }, key('End', false, true), size, 16, 10)!;
    expect(end.at).toBe(size - 1);
    expect(moved(end, key('ArrowUp'), size, 16, 10)!.at).toBe(size - 17);
  });
});

describe('offsets and patterns as they are typed', () => {
  const parse = (text: string, block?: number): number | undefined => parseOffset(text, 1000, 1_000_000, { sector: 512, block });

  it('understands hex, decimal, sectors, blocks, and steps from here', () => {
    expect(['0x418', '0X418', '1048', '33,024', ' sector 2 ', '+512', '-0x10'].map((text) => parse(text))).toEqual([0x418, 0x418, 1048, 33_024, 1024, 1512, 984]);
    expect([parse('block 3', 4096), parse('Block 0x3', 4096), parse('block 3')]).toEqual([12_288, 12_288, undefined]);
    expect(['', 'abc', '0xzz', '1000000', '-1001', '1.5', '99999999999999999999'].map((text) => parse(text))).toEqual(Array.from({ length: 7 }, () => undefined));
  });

  it('takes text as UTF-8 and hex in any spelling', () => {
    expect(parsePattern('é', false)).toEqual(Uint8Array.of(0xc3, 0xa9));
    expect([parsePattern('53 EF', true), parsePattern('0x53ef', true)]).toEqual([Uint8Array.of(0x53, 0xef), Uint8Array.of(0x53, 0xef)]);
    expect([parsePattern('5', true), parsePattern('xy', true), parsePattern('', false)]).toEqual([undefined, undefined, undefined]);
  });
});

describe('what bytes are', () => {
  const field = (at: number, length: number, name: string, value: string, meaning?: string) => ({ at, length, name, type: 'u32', value, ...(meaning === undefined ? {} : { meaning }) });
  const outer: StructureRow = { at: 90, length: 40, name: 'inode 5', layer: '0', fields: [field(100, 10, 'i_block', '00'), field(112, 4, 'i_flags', '0x1', 'one')] };
  const inner: StructureRow = { at: 100, length: 4, name: 'extent header', layer: '0', fields: [field(100, 2, 'eh_magic', '0xf30a', 'extents')] };
  const block = hexBlock(96, new Uint8Array(32), [outer, inner]);

  it('is told by the innermost structure, and by its fields before itself', () => {
    const at = (place: number): string | undefined => { const spot = spotAt(block, place); return spot && spotText(spot); };
    expect([at(96), at(100), at(103), at(105), at(112), at(127)]).toEqual(['inode 5', 'eh_magic = 0xf30a → extents', 'extent header', 'i_block = 00', 'i_flags = 0x1 → one', 'inode 5']);
    expect(spotAt(block, 128)).toBeUndefined();
    expect(spotAt(undefined, 100)).toBeUndefined();
  });

  it('is cut where values are long', () => {
    const long = { structure: outer, field: field(0, 1, 'name', 'x'.repeat(500), 'y'.repeat(500)), at: 0, length: 1 };
    expect(spotText(long)).toHaveLength(160);
  });

  it('reads numbers in both orders, and nothing past the end', () => {
    const { unsigned, time, text } = readings(Uint8Array.of(0x80, 0x43, 0x6d, 0x38, 0x41));
    expect(unsigned[1]).toEqual({ bits: 16, little: '17280', big: '32835' });
    expect(unsigned[3]).toEqual({ bits: 64, little: undefined, big: undefined });
    expect([time, text]).toEqual(['2000-01-01T00:00:00Z', '.Cm8A']);
    expect(readings(new Uint8Array(0)).signed).toBeUndefined();
  });
});
