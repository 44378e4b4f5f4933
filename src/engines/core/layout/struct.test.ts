import { describe, expect, it } from 'vitest';
import { layoutGaps, layoutProblems } from '../../testing/layouts.ts';
import { bytes, i32, i8, struct, u16, u16be, u32, u32be, u32s, u64, u64be, u8 } from './struct.ts';

const All = struct('all', 60, {
  a: u8(0), b: i8(1), c: u16(2), d: u32(4), e: i32(8), f: u16be(12), g: u32be(14), h: u64(18), i: u64be(26), j: bytes(34, 5), k: u32s(40, 4),
});

describe('struct', () => {
  it('reads each type at its offset, little and big-endian', () => {
    const image = Uint8Array.from({ length: 64 }, (_, i) => 0xf0 + i);
    const all = All.at(image, 4);
    expect(Object.fromEntries(Object.keys(All.fields).map((name) => [name, (all as Record<string, unknown>)[name]]))).toEqual({
      a: 0xf4, b: 0xf5 - 256, c: 0xf7f6, d: 0xfbfaf9f8, e: 0xfffefdfc | 0, f: 0x0001, g: 0x02030405, h: 0x0d0c0b0a09080706n, i: 0x0e0f101112131415n,
      j: Uint8Array.of(0x16, 0x17, 0x18, 0x19, 0x1a), k: [0x1f1e1d1c, 0x23222120, 0x27262524, 0x2b2a2928],
    });
  });

  it('writes through to the buffer, and nothing beside the field', () => {
    expect(layoutProblems(All)).toEqual([]);
    const image = new Uint8Array(64);
    All.at(image, 2).d = 0xdeadbeef;
    expect([...image.subarray(6, 10)]).toEqual([0xef, 0xbe, 0xad, 0xde]);
  });

  it('shares the buffer of a subarray', () => {
    const image = new Uint8Array(100);
    const part = image.subarray(20);
    All.at(part, 1).a = 7;
    expect(image[21]).toBe(7);
    All.at(part, 1).j[0] = 9;
    expect(image[55]).toBe(9);
  });

  it('refuses what does not fit', () => {
    expect(() => All.at(new Uint8Array(59))).toThrow(RangeError);
    expect(() => All.at(new Uint8Array(100), 41)).toThrow(RangeError);
    expect(() => All.at(new Uint8Array(100), -1)).toThrow(RangeError);
    expect(() => struct('short', 4, { a: u32(1) })).toThrow('short.a ends past');
  });
});

describe('layoutProblems', () => {
  it('finds overlaps, but for those that are meant', () => {
    const Overlapping = struct('overlapping', 8, { a: u32(0), b: u16(2), c: u32(4) });
    expect(layoutProblems(Overlapping)).toEqual(['a and b overlap']);
    expect(layoutProblems(Overlapping, [['a', 'b']])).toEqual([]);
  });

  it('finds a field that loses bits', () => {
    const Lossy = struct('lossy', 4, { a: { ...u16(0), set: (view: DataView, at: number, value: number) => view.setUint8(at, value) } });
    expect(layoutProblems(Lossy)).toEqual(['a does not read back what was written']);
  });

  it('tells what no field names', () => {
    expect(layoutGaps(struct('gaps', 12, { a: u16(2), b: u32(4) }))).toEqual([[0, 2], [8, 12]]);
  });
});
