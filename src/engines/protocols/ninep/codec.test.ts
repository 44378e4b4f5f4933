import { describe, expect, it } from 'vitest';
import { isDiskError } from '../../core/errors.ts';
import { decode, decodeDirents, decodeStats, encode, encodeDirent, encodeStat, Frames, HEADER } from './codec.ts';
import { type Fields, type Kinds, type MessageName, MESSAGES, type UnixStat } from './messages.ts';

const STAT: UnixStat = {
  type: 1, dev: 2, qid: { type: 0x80, version: 3, path: 0xffff_ffff_ffff_fffen }, mode: 0x800001ff, atime: 4, mtime: 0xfffffffe, length: 1n << 40n,
  name: 'ä\udcff', uid: '0', gid: '', muid: 'me', extension: 'c 1 3', n_uid: 70_000, n_gid: 0xffffffff, n_muid: 1,
};

/** A value of each kind, the largest and oddest of it. */
const SAMPLE: Kinds = {
  u8: 0xfe, u16: 0xfffe, u32: 0xfffffffe, u64: 0xffff_ffff_ffff_fff0n, string: 'name \udcff\udc80 ä', strings: ['a', '', 'x'.repeat(255)], qid: { type: 2, version: 0xffffffff, path: 1n << 63n },
  qids: [{ type: 0, version: 0, path: 0n }, { type: 0x80, version: 1, path: 2n }], data: Uint8Array.of(1, 2, 3), stat: STAT, errno: 2,
};

function sample<M extends MessageName>(name: M): Fields<M> {
  return Object.fromEntries(Object.entries(MESSAGES[name].fields).map(([field, kind]) => [field, SAMPLE[kind as keyof Kinds]])) as Fields<M>;
}

const NAMES = Object.keys(MESSAGES) as MessageName[];

/** Seeded numbers below `most`. */
function generator(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
}

function failure(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('messages of 9P', () => {
  it.each(NAMES)('%s comes back as it was', (name) => {
    expect(decode(encode(name, 0x1234, sample(name)))).toEqual({ name, tag: 0x1234, fields: sample(name) });
  });

  it('are laid out as the specification says', () => {
    expect([...encode('Tversion', 0xffff, { msize: 8192, version: '9P2000.L' })]).toEqual([21, 0, 0, 0, 100, 0xff, 0xff, 0, 0x20, 0, 0, 8, 0, ...new TextEncoder().encode('9P2000.L')]);
    expect([...encode('Twalk', 1, { fid: 2, newfid: 3, wnames: ['a'] })]).toEqual([20, 0, 0, 0, 110, 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 1, 0, 1, 0, 97]);
    expect([...encode('Rlerror', 7, { ecode: 2 })]).toEqual([11, 0, 0, 0, 7, 7, 0, 2, 0, 0, 0]);
  });

  it('have numbers of their own, replies one behind their requests', () => {
    expect(new Set(NAMES.map((name) => MESSAGES[name].id)).size).toBe(NAMES.length);
    for (const name of NAMES.filter((each) => each.startsWith('T'))) expect(MESSAGES[`R${name.slice(1)}` as MessageName].id).toBe(MESSAGES[name].id + 1);
  });

  it('take an Rerror without its number, as plain 9P2000 has it', () => {
    const whole = encode('Rerror', 1, { ename: 'no', errno: 0 });
    const short = whole.slice(0, -4);
    short[0] = short.length;
    expect(decode(short).fields).toEqual({ ename: 'no', errno: 0 });
  });

  it('end in a DiskError when they are cut anywhere, or have more than their fields', () => {
    for (const name of NAMES) {
      const frame = encode(name, 1, sample(name));
      for (let length = HEADER; length < frame.length; length++) {
        if (name === 'Rerror' && length === frame.length - 4) continue;
        expect(isDiskError(failure(() => decode(frame.subarray(0, length)))), `${name} cut to ${length}`).toBe(true);
      }
      const longer = new Uint8Array(frame.length + 1);
      longer.set(frame);
      expect(isDiskError(failure(() => decode(longer))), name).toBe(true);
    }
  });

  it('refuse a string that no field takes', () => {
    expect(failure(() => encode('Tmkdir', 1, { dfid: 1, name: 'x'.repeat(65_536), mode: 0, gid: 0 }))).toMatchObject({ fault: { kind: 'usage', errno: 'ENAMETOOLONG' } });
  });

  it('are read or refused when thousands of them are damaged', () => {
    const random = generator(9);
    let read = 0;
    for (let i = 0; i < 20_000; i++) {
      const frame = encode(NAMES[i % NAMES.length]!, i & 0xffff, sample(NAMES[i % NAMES.length]!)).slice(0);
      for (let k = 0; k <= i % 4; k++) frame[4 + random(frame.length - 4)] = random(256);
      const error = failure(() => { decode(frame); read++; });
      if (error !== undefined && !isDiskError(error)) throw error;
    }
    // Most changes are of values, which may be anything.
    expect(read).toBeGreaterThan(1000);
    expect(read).toBeLessThan(20_000);
  });
});

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

describe('directories of 9P', () => {
  const entries = [{ qid: SAMPLE.qid, offset: 1n << 63n, type: 4, name: 'ä\udcff' }, { qid: SAMPLE.qid, offset: 7n, type: 8, name: '' }];

  it('come back as they were, in both dialects', () => {
    expect(decodeDirents(join(entries.map(encodeDirent)))).toEqual(entries);
    expect(decodeStats(join([encodeStat(STAT), encodeStat({ ...STAT, name: '' })]))).toEqual([STAT, { ...STAT, name: '' }]);
    expect([decodeDirents(new Uint8Array(0)), decodeStats(new Uint8Array(0))]).toEqual([[], []]);
  });

  it('end in a DiskError when the last entry is cut', () => {
    const [dirent, stat] = [encodeDirent(entries[0]!), encodeStat(STAT)];
    for (let length = 1; length < dirent.length; length++) expect(isDiskError(failure(() => decodeDirents(dirent.subarray(0, length))))).toBe(true);
    for (let length = 1; length < stat.length; length++) expect(isDiskError(failure(() => decodeStats(stat.subarray(0, length))))).toBe(true);
  });
});

describe('frames', () => {
  const stream = [encode('Tclunk', 1, { fid: 1 }), encode('Twrite', 2, { fid: 1, offset: 0n, data: new Uint8Array(3000).fill(7) }), encode('Tflush', 3, { oldtag: 1 })];
  const whole = join(stream);

  it('are put together from pieces of every size', () => {
    for (const size of [1, 2, 3, 4, 5, 7, 11, 100, 3000, whole.length]) {
      const frames = new Frames(8192);
      const found: Uint8Array[] = [];
      for (let at = 0; at < whole.length; at += size) found.push(...[...frames.push(whole.slice(at, at + size))].map((frame) => frame.slice()));
      expect(found, `pieces of ${size}`).toEqual(stream);
    }
  });

  it('of no length that one can have are refused at once', () => {
    for (const size of [0, 6, 8193, 0xffffffff]) {
      const header = new Uint8Array(4);
      new DataView(header.buffer).setUint32(0, size, true);
      expect(isDiskError(failure(() => [...new Frames(8192).push(header)])), `${size}`).toBe(true);
      const frames = new Frames(8192);
      expect([...frames.push(header.subarray(0, 3))]).toEqual([]);
      expect(isDiskError(failure(() => [...frames.push(header.subarray(3))])), `${size} in pieces`).toBe(true);
    }
  });
});
