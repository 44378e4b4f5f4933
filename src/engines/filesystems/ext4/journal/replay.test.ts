import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { isDiskError } from '../../../core/errors.ts';
import type { Note } from '../../../core/filesystem.ts';
import { dirtyByKernel, type JournalImage, journalImage, replayedByE2fsck } from '../../../testing/ext4-journal.ts';
import { SHARED } from '../../../testing/recipes/build.ts';
import { missingTools, run, scratchFolder } from '../../../testing/tools.ts';
import { type JournalMap, readJournal } from './replay.ts';

const scratch = scratchFolder();
afterAll(() => { scratch.remove(); });
const noTools = missingTools('mke2fs', 'debugfs', 'e2fsck');
const noMount = noTools ?? missingTools('mount', 'unshare', 'python3') ?? (process.getuid?.() === 0 ? undefined : 'skipped: mounting needs root');

function read(image: JournalImage): { map: JournalMap; notes: Note[] } {
  const notes: Note[] = [];
  return { map: readJournal(image.journal, (note) => { notes.push(note); }), notes };
}

/** Blocks in which the image under the map differs from what e2fsck made of it, but for the superblock and the journal itself, which e2fsck rewrites. */
function differences(image: JournalImage, map: JournalMap): number[] {
  const { blockSize, count } = image.journal;
  const own = new Set(Array.from({ length: count }, (_, logical) => image.journal.physical(logical) / blockSize));
  own.add(Math.floor(1024 / blockSize));
  const expected = replayedByE2fsck(image);
  const different: number[] = [];
  for (let block = 0; (block + 1) * blockSize <= expected.length; block++) {
    if (own.has(block)) continue;
    const at = block * blockSize;
    const ours = map.get(block) ?? image.bytes.subarray(at, at + blockSize);
    if (Buffer.compare(ours, expected.subarray(at, at + blockSize)) !== 0) different.push(block);
  }
  return different;
}

const damaged = ['j_corrupt_commit_csum', 'j_corrupt_commit_tid', 'j_corrupt_descr_csum', 'j_corrupt_revoke_csum'];
const fixture = (name: string) => join(SHARED, 'e2fsprogs', name, 'image.gz');

function make(name: string, mkfs: string[], commands: string[]): JournalImage {
  const path = join(scratch.path, `${name}.img`);
  const data = join(scratch.path, 'blocks');
  writeFileSync(data, Buffer.alloc(4096 * 8, 0x5a));
  run('mke2fs', ['-q', '-F', '-t', 'ext4', ...mkfs, path, '16M']);
  run('debugfs', ['-w', '-f', '-', path], commands.join('\n').replaceAll('DATA', data));
  return journalImage(path);
}

function unpack(name: string): JournalImage {
  const path = join(scratch.path, `${name}.img`);
  writeFileSync(path, gunzipSync(readFileSync(fixture(name))));
  return journalImage(path);
}

describe.skipIf(noMount !== undefined)('journals of the kernel read as e2fsck replays them', () => {
  it.each([
    ['no checksums', '-b 2048 -O ^metadata_csum,^64bit', 'data=journal', []],
    ['no checksums, 64bit', '-b 2048 -O ^metadata_csum,64bit', 'data=journal', ['journal_64bit']],
    ['version 1', '-b 1024 -O ^metadata_csum,^64bit', 'journal_checksum,data=journal', ['journal_checksum']],
    ['version 1, asynchronous', '-b 4096 -O ^metadata_csum,64bit', 'journal_async_commit,data=writeback', ['journal_checksum', 'journal_async_commit']],
    ['version 3, 64bit', '-b 4096 -O metadata_csum,64bit', 'data=journal', ['journal_64bit', 'journal_checksum_v3']],
    ['version 3, 32 bits', '-b 1024 -O metadata_csum,^64bit', 'data=journal', ['journal_checksum_v3']],
    ['version 3, revokes of 64 bits', '-b 1024 -O metadata_csum,64bit', 'data=ordered', ['journal_64bit', 'journal_checksum_v3']],
    ['no checksums, revokes of 32 bits', '-b 1024 -O ^metadata_csum,^64bit', 'data=ordered', []],
  ])('%s', (name, mkfs, options, features) => {
    const image = journalImage(dirtyByKernel(scratch.path, name.replace(/\W+/g, '-'), [mkfs], options));
    const { map, notes } = read(image);
    expect(notes).toEqual([]);
    expect(map.dirty).toBe(true);
    expect(map.features).toEqual(expect.arrayContaining(features));
    expect(map.size).toBeGreaterThan(20);
    // Without the map it would be another tree: the test would show nothing otherwise.
    const stale = [...map.blocks()].filter((block) => Buffer.compare(map.get(block)!, image.bytes.subarray(block * image.journal.blockSize, (block + 1) * image.journal.blockSize)) !== 0);
    expect(stale.length).toBeGreaterThan(10);
    expect(differences(image, map)).toEqual([]);
    if (options.includes('data=journal')) {
      const escaped = [...map.blocks()].filter((block) => map.at(block) === undefined);
      expect(escaped.length).toBeGreaterThan(0);
      for (const block of escaped) expect(Buffer.from(map.get(block)!.subarray(0, 4)).toString('hex')).toBe('c03b3998');
    } else {
      // With all data in the journal, the kernel writes no revoke records.
      expect(map.revoked).toBeGreaterThan(0);
    }
  });
});

describe.skipIf(noTools !== undefined)('journals written by debugfs', () => {
  it.each([
    ['v2-64', ['-b', '1024', '-O', 'metadata_csum,64bit'], ['jo -c -v 2', 'jw -b 9000,9001,9002,9003 DATA', 'jw -r 9001', 'jc'], 2],
    ['v2-32', ['-b', '1024', '-O', 'metadata_csum,^64bit'], ['jo -c -v 2', 'jw -b 9000,9001,9002,9003 DATA', 'jw -r 9001', 'jc'], 2],
    ['v3-64', ['-b', '4096', '-O', 'metadata_csum,64bit'], ['jo -c -v 3', 'jw -b 2000,2001,2002,2003 DATA', 'jw -r 2001', 'jc'], 3],
    ['v3-32', ['-b', '1024', '-O', 'metadata_csum,^64bit'], ['jo -c -v 3', 'jw -b 9000,9001,9002,9003 DATA', 'jw -r 9001', 'jc'], 3],
    ['none', ['-b', '1024', '-O', '^metadata_csum,^64bit'], ['jo', 'jw -b 9000,9001,9002,9003 DATA', 'jw -r 9001', 'jc'], 0],
  ] as const)('%s, with a revoke', (name, mkfs, commands, version) => {
    const image = make(name, [...mkfs], [...commands]);
    const { map, notes } = read(image);
    expect(notes).toEqual([]);
    expect(map.features.some((feature) => feature === `journal_checksum_v${version}`)).toBe(version !== 0);
    expect(map.size).toBe(3);
    expect(map.revoked).toBe(1);
    expect(differences(image, map)).toEqual([]);
  });

  it('leaves out a transaction without its commit', () => {
    const image = make('uncommitted', ['-b', '1024', '-O', 'metadata_csum,64bit'], ['jo -c', 'jw -b 9000,9001 DATA', 'jw -c -b 9002,9003 DATA', 'jc']);
    const { map } = read(image);
    expect([...map.blocks()]).toEqual([9000, 9001]);
    expect(differences(image, map)).toEqual([]);
  });
});

const noFixtures = noTools ?? (existsSync(fixture(damaged[0]!)) ? undefined : `skipped: no ${fixture(damaged[0]!)}`);
if (noFixtures !== undefined) console.warn(noFixtures);

describe.skipIf(noFixtures !== undefined)('damaged journals', () => {
  it.each(damaged)('%s ends where e2fsck ends it', (name) => {
    const image = unpack(name);
    const { map, notes } = read(image);
    expect(differences(image, map)).toEqual([]);
    // The two others end in a transaction that never got its commit: nothing worth a note.
    expect(notes.length > 0).toBe(name.includes('commit_csum') || name.includes('descr'));
  });

  it('finds the fast commits behind the log', () => {
    const { map } = read(unpack('j_recover_fast_commit'));
    expect(map.features).toContain('fast_commit');
    expect(map.fastCommits!.records.length).toBeGreaterThan(0);
  });
});

/** A journal by hand: 1 KiB blocks, without checksums; block 0 is the superblock. */
function byHand(length: number, start: number, sequence: number, log: Readonly<Record<number, Buffer>>, incompat = 0): JournalImage {
  const bytes = Buffer.alloc(length * 1024);
  for (const [at, value] of [[0, 0xc03b3998], [4, 4], [12, 1024], [16, length], [20, 1], [24, sequence], [28, start], [40, incompat]] as const) bytes.writeUInt32BE(value, at);
  for (const [logical, block] of Object.entries(log)) block.copy(bytes, Number(logical) * 1024);
  const journal = { blockSize: 1024, count: length, block: (logical: number) => bytes.subarray(logical * 1024, (logical + 1) * 1024), physical: (logical: number) => logical * 1024 };
  return { path: '', bytes, journal };
}

function header(type: number, sequence: number): Buffer {
  const block = Buffer.alloc(1024);
  block.writeUInt32BE(0xc03b3998, 0);
  block.writeUInt32BE(type, 4);
  block.writeUInt32BE(sequence, 8);
  return block;
}

function descriptor(sequence: number, ...blocks: number[]): Buffer {
  const block = header(1, sequence);
  blocks.forEach((number, i) => {
    block.writeUInt32BE(number, 12 + i * 8);
    block.writeUInt16BE(2 | (i === blocks.length - 1 ? 8 : 0), 12 + i * 8 + 6);
  });
  return block;
}

const commit = (sequence: number): Buffer => header(2, sequence);
const data = (byte: number): Buffer => Buffer.alloc(1024, byte);

describe('journals by hand', () => {
  it('wrap around the log\'s end, and around the highest sequence number', () => {
    const last = 0xffffffff;
    const { map, notes } = read(byHand(8, 5, last, {
      5: descriptor(last, 100, 101), 6: data(1), 7: data(2), 1: commit(last),
      2: descriptor(0, 101), 3: data(3), 4: commit(0),
    }));
    expect(notes).toEqual([]);
    expect([map.firstSequence, map.endSequence]).toEqual([last, 1]);
    expect([...map.blocks()]).toEqual([100, 101]);
    expect(map.get(100)![0]).toBe(1);
    expect(map.get(101)![0]).toBe(3);
    expect(map.at(101)).toBe(3 * 1024);
    expect(map.get(102)).toBeUndefined();
  });

  it('keep what is written after a revoke', () => {
    const revoke = header(5, 2);
    revoke.writeUInt32BE(20, 12);
    revoke.writeUInt32BE(100, 16);
    const log = { 1: descriptor(1, 100, 101), 2: data(1), 3: data(2), 4: commit(1), 5: revoke, 6: commit(2) };
    const revoked = read(byHand(16, 1, 1, log)).map;
    expect([...revoked.blocks()]).toEqual([101]);
    expect(revoked.revoked).toBe(1);
    const rewritten = read(byHand(16, 1, 1, { ...log, 7: descriptor(3, 100), 8: data(9), 9: commit(3) })).map;
    expect(rewritten.get(100)![0]).toBe(9);
  });

  it.each([
    ['a log that has no end', byHand(4, 1, 1, { 1: header(5, 1), 2: header(5, 1), 3: header(5, 1) }), 'twice'],
    ['a revoke block that counts too much', byHand(8, 1, 1, { 1: Object.assign(header(5, 1), { 12: 0xff }), 2: commit(1) }), 'counts'],
  ])('%s is damage', (_name, image, message) => {
    const { map, notes } = read(image);
    expect(map.size).toBe(0);
    expect(notes).toEqual([expect.objectContaining({ severity: 'error', message: expect.stringContaining(message) })]);
  });

  it.each([
    ['a start outside the log', byHand(8, 9, 1, {}), 'corrupt'],
    ['unknown features', byHand(8, 1, 1, {}, 0x40), 'unsupported'],
    ['two checksum versions', byHand(8, 1, 1, {}, 0x18), 'corrupt'],
  ])('%s is refused', (_name, image, kind) => {
    expect(() => read(image)).toThrow(expect.objectContaining({ fault: expect.objectContaining({ kind }) }));
  });

  it('have nothing to say when they are empty', () => {
    expect(read(byHand(8, 0, 1, {})).map).toMatchObject({ dirty: false, size: 0 });
  });

  it('only ever end in a map or a DiskError, whatever is written into them', () => {
    const image = journalOfNoise();
    let seed = 12345;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return Math.floor(seed / 2 ** 32 * below);
    };
    const original = Buffer.from(image.bytes);
    for (let round = 0; round < 5000; round++) {
      for (let k = random(6); k >= 0; k--) image.bytes[random(2) === 0 ? random(10) * 1024 + random(64) : random(image.bytes.length)] = random(256);
      try {
        const { map } = read(image);
        for (const block of map.blocks()) expect(map.get(block)!.length).toBe(1024);
      } catch (error) {
        if (!isDiskError(error)) throw error;
      }
      if (round % 4 === 0) image.bytes.set(original);
    }
  });
});

function journalOfNoise(): JournalImage {
  return byHand(16, 1, 1, { 1: descriptor(1, 100, 101), 2: data(1), 3: data(2), 4: commit(1), 5: header(5, 2), 6: commit(2), 7: descriptor(3, 7), 8: data(0), 9: commit(3) });
}
