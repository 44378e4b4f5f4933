import { describe, expect, it } from 'vitest';
import { crc32c } from '../../codecs/crc32c.ts';
import type { Note } from '../../core/filesystem.ts';
import { type DirectoryContext, INDEX_FLAG, listDirectory, lookupLinear, recordLength } from './directory.ts';
import { encodeNokeyName } from './encrypted-names.ts';
import { lookupHashed } from './htree.ts';

interface Entry {
  readonly inode: number;
  readonly name: string | Uint8Array;
  readonly type?: number;
  readonly length?: number;
  readonly hash?: readonly [number, number];
}

const SEED = 0x1234;

/** A directory block; the last entry takes what is left, up to the checksum's tail where one is asked for. */
function block(size: number, entries: readonly Entry[], tail = false): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  const end = size - (tail ? 12 : 0);
  let at = 0;
  entries.forEach((entry, i) => {
    const name = typeof entry.name === 'string' ? new TextEncoder().encode(entry.name) : entry.name;
    const needed = Math.max(12, Math.ceil((8 + name.length + (entry.hash ? 8 : 0)) / 4) * 4);
    const length = entry.length ?? (i === entries.length - 1 ? end - at : needed);
    view.setUint32(at, entry.inode, true);
    view.setUint16(at + 4, length === 65536 ? 0xffff : (length & 0xfffc) | (length >> 16), true);
    bytes[at + 6] = name.length;
    bytes[at + 7] = entry.type ?? 1;
    bytes.set(name, at + 8);
    if (entry.hash) {
      const hashAt = at + 8 + Math.ceil(name.length / 4) * 4;
      view.setUint32(hashAt, entry.hash[0], true);
      view.setUint32(hashAt + 4, entry.hash[1], true);
    }
    at += length;
  });
  if (tail) {
    view.setUint16(end + 4, 12, true);
    bytes[end + 7] = 0xde;
    view.setUint32(end + 8, crc32c(SEED, bytes, 0, end), true);
  }
  return bytes;
}

function directory(blocks: readonly (Uint8Array | undefined)[], more: Partial<DirectoryContext> = {}): { context: DirectoryContext; notes: Note[] } {
  const notes: Note[] = [];
  const blockSize = blocks.find((one) => one !== undefined)?.length ?? 1024;
  const context: DirectoryContext = {
    inode: 12, generation: 0, size: blocks.length * blockSize, flags: 0, blockSize, blockCount: 1000,
    block: (logical) => blocks[logical], place: (logical) => 4096 + logical * blockSize,
    hasFiletype: true, hasChecksum: false, checksumSeed: SEED, inodeCount: 100, encrypted: false, casefolded: false,
    dirIndex: false, largeDir: false, hashSeed: [0, 0, 0, 0], hashVersionDefault: 1, signedness: 'signed', note: (note) => { notes.push(note); },
    ...more,
  };
  return { context, notes };
}

const DOTS: Entry[] = [{ inode: 12, name: '.', type: 2 }, { inode: 2, name: '..', type: 2 }];
const names = (context: DirectoryContext): string[] => listDirectory(context).entries.map(({ name }) => name);

describe('linear directories', () => {
  it('lists names, inodes and types, without dots and deleted entries', () => {
    const { context, notes } = directory([block(1024, [...DOTS, { inode: 13, name: 'file' }, { inode: 0, name: 'gone' }, { inode: 14, name: 'link', type: 7 }, { inode: 15, name: 'odd', type: 99 }])]);
    expect(listDirectory(context)).toEqual({ entries: [{ name: 'file', node: 13, type: 'file' }, { name: 'link', node: 14, type: 'symlink' }, { name: 'odd', node: 15, type: undefined }] });
    expect(lookupLinear(context, 'link')).toEqual({ node: 14, type: 'symlink' });
    expect(lookupLinear(context, 'gone')).toBeUndefined();
    expect(lookupLinear(context, '..')).toEqual({ node: 2, type: 'dir' });
    expect(notes).toEqual([]);
  });

  it('has no types without the filetype feature', () => {
    const { context } = directory([block(1024, [{ inode: 13, name: 'file' }])], { hasFiletype: false });
    expect(listDirectory(context).entries[0]!.type).toBeUndefined();
  });

  it('goes on in batches from a cursor', () => {
    const blocks = Array.from({ length: 90 }, (_, b) => block(1024, Array.from({ length: 60 }, (_unused, i) => ({ inode: 13, name: `${b}-${i}` }))));
    const { context } = directory(blocks);
    const first = listDirectory(context);
    expect(first.entries.length).toBe(34 * 60);
    const second = listDirectory(context, first.next);
    const third = listDirectory(context, second.next);
    expect(third.next).toBeUndefined();
    expect(new Set([first, second, third].flatMap(({ entries }) => entries.map(({ name }) => name))).size).toBe(90 * 60);
    expect(() => listDirectory(context, 'elsewhere')).toThrow(expect.objectContaining({ fault: { kind: 'usage', errno: 'EINVAL' } }));
  });

  it('reads the lengths of 64 KiB blocks', () => {
    expect(recordLength(0xffff, 65536)).toBe(65536);
    expect(recordLength(0, 65536)).toBe(65536);
    expect(recordLength(0, 4096)).toBe(0);
    const { context, notes } = directory([block(65536, [{ inode: 13, name: 'a' }]), block(65536, [{ inode: 14, name: 'b', length: 12 }, { inode: 15, name: 'c' }])]);
    expect(names(context)).toEqual(['a', 'b', 'c']);
    expect(notes).toEqual([]);
  });

  it('skips holes, also with a map of them', () => {
    const sparse = [block(1024, [{ inode: 13, name: 'a' }]), undefined, undefined, block(1024, [{ inode: 14, name: 'b' }])];
    expect(names(directory(sparse).context)).toEqual(['a', 'b']);
    const asked: number[] = [];
    const { context } = directory(sparse, { block: (logical) => { asked.push(logical); return sparse[logical]; }, next: (logical) => (logical > 3 ? undefined : logical === 0 ? 0 : 3) });
    expect(names(context)).toEqual(['a', 'b']);
    expect(asked).toEqual([0, 3]);
  });

  it('does not believe a size beyond the filesystem', () => {
    const { context, notes } = directory([block(1024, [{ inode: 13, name: 'a' }])], { size: 2 ** 50 });
    expect(names(context)).toEqual(['a']);
    expect(notes).toHaveLength(1);
  });
});

describe('damaged directory blocks', () => {
  const sound = block(1024, [{ inode: 20, name: 'after' }]);
  it.each([
    ['rec_len is smaller than minimal', { inode: 14, name: 'x', length: 8 }],
    ['rec_len is too small for name_len', { inode: 14, name: 'longer name', length: 16 }],
    ["it runs over the block's end", { inode: 14, name: 'x', length: 2048 }],
    ["it ends too close to the block's end", { inode: 14, name: 'x', length: 1024 - 12 - 8 }],
    ['its inode number is out of bounds', { inode: 101, name: 'x' }],
  ] as const)('%s: the entries before it are kept and the next block is read', (message, entry) => {
    const { context, notes } = directory([block(1024, [{ inode: 13, name: 'a' }, entry]), sound]);
    expect(names(context)).toEqual(['a', 'after']);
    expect(notes).toEqual([expect.objectContaining({ severity: 'error', message: expect.stringContaining(message), place: { structure: 'directory block 0 of inode 12', at: 4096, length: 1024 } })]);
  });

  it('leaves out what has a slash or no name', () => {
    const { context, notes } = directory([block(1024, [{ inode: 13, name: 'a/b' }, { inode: 13, name: '' }, { inode: 14, name: 'c' }])]);
    expect(names(context)).toEqual(['c']);
    expect(notes).toHaveLength(2);
  });

  it('verifies checksums', () => {
    const good = block(1024, [{ inode: 13, name: 'good' }], true);
    const bad = block(1024, [{ inode: 13, name: 'bad' }], true);
    bad[8] = 0x42;
    const { context, notes } = directory([good, bad, sound], { hasChecksum: true });
    expect(names(context)).toEqual(['good']);
    expect(notes.map(({ message }) => message)).toEqual([expect.stringContaining('its checksum is wrong'), expect.stringContaining('no room for its checksum')]);
  });

  it('looks a name up past damage', () => {
    const { context } = directory([block(1024, [{ inode: 101, name: 'x' }]), sound]);
    expect(lookupLinear(context, 'after')?.node).toBe(20);
  });
});

describe('inline directories', () => {
  it('join i_block and system.data; the parent stands in front', () => {
    const first = new Uint8Array(60);
    first[0] = 7;
    first.set(block(56, [{ inode: 13, name: 'in i_block' }]), 4);
    const { context, notes } = directory([], { inline: [first, block(40, [{ inode: 14, name: 'in the attribute' }])], size: 100 });
    expect(names(context)).toEqual(['in i_block', 'in the attribute']);
    expect(lookupHashed(context, 'in the attribute')?.node).toBe(14);
    expect(lookupHashed(context, '..')?.node).toBe(7);
    expect(lookupHashed(context, '.')?.node).toBe(12);
    expect(notes).toEqual([]);
  });
});

describe('encrypted and casefolded directories', () => {
  it('take the hashes from behind the names', () => {
    const cipher = Uint8Array.from({ length: 32 }, (_, i) => i * 7);
    const { context, notes } = directory([block(1024, [...DOTS, { inode: 13, name: cipher, hash: [0x11223344, 0x55667788] }, { inode: 0, name: '' }])], { encrypted: true, casefolded: true });
    const name = encodeNokeyName(cipher, 0x11223344, 0x55667788);
    expect(names(context)).toEqual([name]);
    expect(lookupHashed(context, name)?.node).toBe(13);
    expect(notes).toEqual([]);
  });
});

describe('hostile indexes', () => {
  it('that lead round in circles end in a linear search', () => {
    const root = block(1024, [DOTS[0]!, { ...DOTS[1]!, length: 1012 }]);
    const view = new DataView(root.buffer);
    root[28] = 1;
    root[29] = 8;
    root[30] = 1;
    view.setUint16(32, 124, true);
    view.setUint16(34, 1, true);
    view.setUint32(36, 0, true);
    const { context, notes } = directory([root, block(1024, [{ inode: 13, name: 'a' }])], { dirIndex: true, flags: INDEX_FLAG });
    expect(lookupHashed(context, 'a')?.node).toBe(13);
    expect(notes[0]!.message).toContain('leads back');
    // To a leaf past the end.
    root[30] = 0;
    view.setUint32(36, 99, true);
    expect(lookupHashed(context, 'a')?.node).toBe(13);
    // Every pair leads to the same leaf with the same hash.
    view.setUint16(34, 124, true);
    for (let at = 36; at <= 1020; at += 8) view.setUint32(at, 1, true);
    expect(lookupHashed(context, 'a')?.node).toBe(13);
    expect(lookupHashed(context, 'none')).toBeUndefined();
  });
});
