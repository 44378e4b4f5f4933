import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isDiskError, usage } from '../../../core/errors.ts';
import { e2fsckFindings, kernelContents, testVolume } from '../../../testing/ext4-volume.ts';
import { missingTools, run, scratchFolder } from '../../../testing/tools.ts';

const scratch = scratchFolder();
afterAll(() => { scratch.remove(); });
const noTools = missingTools('mke2fs', 'debugfs', 'e2fsck', 'dumpe2fs');
const asRoot = process.getuid?.() === 0;

/** Feature sets: [name, mke2fs, size in KiB, whether the kernel here can mount it]. */
const SETS: readonly (readonly [name: string, mkfs: readonly string[], size: number, mounts: boolean])[] = [
  ['ext4, 4 KiB', ['-t', 'ext4', '-b', '4096'], 64 << 10, true],
  ['ext4, 1 KiB', ['-t', 'ext4', '-b', '1024'], 64 << 10, true],
  ['ext4, 2 KiB, meta_bg', ['-t', 'ext4', '-b', '2048', '-O', 'meta_bg,^resize_inode'], 64 << 10, true],
  ['ext4, 64 KiB', ['-t', 'ext4', '-b', '65536'], 256 << 10, false],
  ['no 64bit', ['-t', 'ext4', '-b', '1024', '-O', '^64bit'], 64 << 10, true],
  ['uninit_bg', ['-t', 'ext4', '-b', '1024', '-O', '^metadata_csum,uninit_bg'], 64 << 10, true],
  ['no flex_bg', ['-t', 'ext4', '-b', '1024', '-O', '^flex_bg'], 64 << 10, true],
  ['sparse_super2', ['-t', 'ext4', '-b', '1024', '-O', 'sparse_super2'], 64 << 10, true],
  ['bigalloc', ['-t', 'ext4', '-b', '4096', '-O', 'bigalloc', '-C', '65536'], 64 << 10, true],
  ['bigalloc, 1 KiB', ['-t', 'ext4', '-b', '1024', '-O', 'bigalloc', '-C', '16384'], 64 << 10, true],
  ['ext2, 1 KiB', ['-t', 'ext2', '-b', '1024'], 64 << 10, true],
  ['ext2, 4 KiB', ['-t', 'ext2', '-b', '4096'], 64 << 10, true],
  ['ext3, 2 KiB', ['-t', 'ext3', '-b', '2048'], 64 << 10, true],
  ['no extents, metadata_csum', ['-t', 'ext4', '-b', '1024', '-O', '^extent,^64bit'], 64 << 10, true],
  ['orphan_file', ['-t', 'ext4', '-b', '1024', '-O', 'orphan_file'], 64 << 10, true],
  ['128-byte inodes', ['-t', 'ext4', '-b', '1024', '-I', '128'], 64 << 10, true],
];

/** Bytes that differ everywhere. */
function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0, x = seed * 2654435761; i < length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    bytes[i] = x >>> 24;
  }
  return bytes;
}

describe.skipIf(noTools !== undefined)('contents in the inode', () => {
  it.each([256, 1024])('change there, and grow out of it (inodes of %i bytes)', (inodeSize) => {
    const folder = join(scratch.path, `inline-${inodeSize}`);
    mkdirSync(folder);
    const small = pattern(100, 1);
    ['a', 'b', 'c', 'd', 'e'].forEach((name) => { writeFileSync(join(folder, name), small); });
    const test = testVolume(join(scratch.path, `inline-image-${inodeSize}`), ['-t', 'ext4', '-O', 'inline_data', '-I', `${inodeSize}`, '-d', folder], 16 << 10);
    const { contents, inodes } = test.volume;
    const inline = [12, 13, 14, 15, 16];
    for (const node of inline) expect(inodes.get(node).has(0x10000000)).toBe(true);
    const expected = new Map(inline.map((node) => [node, new Uint8Array(small)]));
    contents.write(12, 50, pattern(30, 2));
    expected.get(12)!.set(pattern(30, 2), 50);
    contents.write(13, 90, pattern(5000, 3));
    expected.set(13, new Uint8Array(5090));
    expected.get(13)!.set(small);
    expected.get(13)!.set(pattern(5000, 3), 90);
    contents.truncate(14, 70);
    contents.truncate(14, 90);
    expected.set(14, new Uint8Array(90));
    expected.get(14)!.set(small.subarray(0, 70));
    contents.reserve(15, 1000, 9000);
    expected.set(15, new Uint8Array(10_000));
    expected.get(15)!.set(small);
    contents.punch(16, 10, 70);
    expected.get(16)!.fill(0, 10, 80);
    const there = (node: number): boolean => inodes.get(node).has(0x10000000);
    expect(inline.map(there)).toEqual([true, false, true, false, true]);
    for (const [node, bytes] of expected) expect(Buffer.compare(test.read(node), bytes), `inode ${node}`).toBe(0);
    const path = test.save([]);
    expect(e2fsckFindings(path)).toBeUndefined();
    if (!asRoot) return;
    const names = new Map(inline.map((node, i) => [node, 'abcde'[i]!]));
    for (const [node, bytes] of kernelContents(path, inline, (each) => names.get(each)!)) expect(Buffer.compare(bytes, expected.get(node)!), `inode ${node}`).toBe(0);
  });
});

describe.skipIf(noTools !== undefined)('quota files', () => {
  it.each([1024, 4096])('say what users, groups and projects use (%i byte blocks)', (blockSize) => {
    const test = testVolume(join(scratch.path, `quota-${blockSize}`), ['-t', 'ext4', '-b', `${blockSize}`, '-I', '256', '-O', 'quota,project', '-E', 'quotatype=usrquota:grpquota:prjquota'], 32 << 10);
    const { contents, inodes, operation } = test.volume;
    const nodes: number[] = [];
    for (let i = 0; i < 65; i++) {
      const node = test.create({ uid: i * 77, gid: i % 3 === 0 ? 4_000_000_000 : i, project: i >> 2 });
      contents.write(node, 0, pattern(i * 500, i));
      nodes.push(node);
    }
    operation(() => { inodes.setOwner(nodes[5]!, { uid: 1, gid: 2, project: 3 }); });
    contents.truncate(nodes[60]!, 10);
    // An operation that fails leaves no trace in them.
    expect(() => operation(() => {
      inodes.setOwner(nodes[6]!, { uid: 123_456, gid: 2, project: 3 });
      throw new Error('no');
    })).toThrow('no');
    for (const node of nodes.splice(20, 10)) {
      operation(() => {
        contents.free(node, 0);
        inodes.free(node);
      });
    }
    expect(e2fsckFindings(test.save(nodes))).toBeUndefined();
  });
});

describe.skipIf(noTools !== undefined)('files written below the directories', () => {
  it.each([...SETS])('%s', (name, mkfs, size, mounts) => {
    const test = testVolume(join(scratch.path, name.replaceAll(/\W/g, '-')), mkfs, size);
    const { contents } = test.volume;
    const expected = new Map<number, Uint8Array>();
    for (const [i, length] of [0, 1, 100, 1024, 5000, 65_536, 100_000, 3_000_000].entries()) {
      const node = test.create();
      const bytes = pattern(length, i);
      for (let at = 0; at < length; at += 700_001) expect(contents.write(node, at, bytes.subarray(at, at + 700_001))).toBe(Math.min(700_001, length - at));
      expected.set(node, bytes);
    }
    // Holes, a reserved range that is half written, a punched one, and cuts both ways.
    const holes = test.create();
    contents.write(holes, 500_000, pattern(10_000, 20));
    if (test.volume.superblock.features.extents) contents.reserve(holes, 1_000_000, 300_000);
    else expect(() => contents.reserve(holes, 1_000_000, 300_000)).toThrow('only in files with extents');
    contents.write(holes, 1_100_000, pattern(50_000, 21));
    contents.write(holes, 0, pattern(200_000, 22));
    contents.punch(holes, 50_000, 77_777);
    contents.truncate(holes, 1_120_001);
    contents.truncate(holes, 1_500_000);
    const holed = new Uint8Array(1_500_000);
    holed.set(pattern(10_000, 20), 500_000);
    holed.set(pattern(50_000, 21).subarray(0, 20_001), 1_100_000);
    holed.set(pattern(200_000, 22));
    holed.fill(0, 50_000, 127_777);
    expected.set(holes, holed);
    // One that goes again.
    const gone = test.create();
    contents.write(gone, 0, pattern(1_000_000, 30));
    test.volume.operation(() => {
      contents.free(gone, 0);
      test.volume.inodes.free(gone);
    });
    for (const [node, bytes] of expected) expect(Buffer.compare(test.read(node), bytes), `inode ${node}`).toBe(0);
    const path = test.save([...expected.keys()]);
    expect(e2fsckFindings(path)).toBeUndefined();
    if (!asRoot || !mounts) return;
    for (const [node, bytes] of kernelContents(path, [...expected.keys()])) expect(Buffer.compare(bytes, expected.get(node)!), `inode ${node}`).toBe(0);
  });
});

/** Runs until the space ends; anything else that is thrown is a failure. */
function untilFull(work: () => void): void {
  for (let i = 0; i < 100_000; i++) {
    try {
      work();
    } catch (error) {
      if (isDiskError(error) && error.fault.kind === 'usage' && error.fault.errno === 'ENOSPC') return;
      throw error;
    }
  }
  throw new Error('the space does not end');
}

describe.skipIf(noTools !== undefined)('a filesystem that is full', () => {
  const FULL: readonly (readonly [name: string, mkfs: readonly string[], size: number])[] = [
    ['ext4', ['-t', 'ext4', '-b', '1024', '-J', 'size=1'], 4 << 10],
    ['many groups', ['-t', 'ext4', '-b', '1024', '-g', '512', '-J', 'size=1', '-O', 'uninit_bg'], 8 << 10],
    ['bigalloc', ['-t', 'ext4', '-b', '1024', '-O', 'bigalloc', '-C', '4096', '-J', 'size=1'], 8 << 10],
    ['ext2', ['-t', 'ext2', '-b', '1024'], 4 << 10],
    ['quota', ['-t', 'ext4', '-b', '1024', '-J', 'size=1', '-O', 'quota'], 8 << 10],
  ];
  it.each([...FULL].flatMap((set) => (['staged', 'direct'] as const).map((durability) => [...set, durability] as const)))('takes no more and loses nothing (%s, %s, %i KiB, %s)', (name, mkfs, size, durability) => {
    const test = testVolume(join(scratch.path, `full-${name.replaceAll(/\W/g, '-')}-${durability}`), mkfs, size, { durability });
    const { contents, inodes, operation } = test.volume;
    const expected = new Map<number, Uint8Array>();
    // Two files that grow in turns are in fragments, so that their maps need blocks as well.
    const pair = [test.create(), test.create()];
    for (const node of pair) expected.set(node, new Uint8Array(0));
    const append = (node: number, length: number): void => {
      const old = expected.get(node)!;
      const more = pattern(length, old.length);
      const done = contents.write(node, old.length, more);
      const whole = new Uint8Array(old.length + done);
      whole.set(old);
      whole.set(more.subarray(0, done), old.length);
      expected.set(node, whole);
      if (done < length) throw usage('ENOSPC', 'a part was written');
    };
    for (let i = 0; i < 150; i++) pair.forEach((node) => { append(node, 1024); });
    const sparse = test.create();
    expected.set(sparse, new Uint8Array(0));
    let place = 0;
    const pieces = new Uint8Array(16 << 20);
    untilFull(() => {
      const at = place++ * 5000;
      const bytes = pattern(1500, at);
      const done = contents.write(sparse, at, bytes);
      pieces.set(bytes.subarray(0, done), at);
      if (done < bytes.length) throw usage('ENOSPC', 'a part was written');
    });
    expected.set(sparse, pieces.slice(0, inodes.get(sparse).size));
    untilFull(() => { append(pair[0]!, 1000); });
    // Space comes back with the commit, without anybody asking for one.
    contents.truncate(sparse, 100_000);
    expected.set(sparse, expected.get(sparse)!.slice(0, 100_000));
    append(pair[1]!, 20_000);
    const small: number[] = [];
    untilFull(() => {
      const node = test.create();
      small.push(node);
      expected.set(node, new Uint8Array(0));
      append(node, 1500);
    });
    // Reservations that end halfway.
    untilFull(() => {
      const node = small[0]!;
      contents.truncate(node, 0);
      expected.set(node, new Uint8Array(0));
      if (!test.volume.superblock.features.extents) throw usage('ENOSPC', 'without extents nothing is reserved');
      contents.reserve(node, 0, 1 << 30);
    });
    expected.set(small[0]!, test.read(small[0]!));
    const last = small.pop()!;
    operation(() => {
      contents.free(last, 0);
      inodes.free(last);
    });
    expected.delete(last);
    for (const [node, bytes] of expected) expect(Buffer.compare(test.read(node), bytes), `inode ${node}`).toBe(0);
    if (test.volume.superblock.features.extents) expect(test.volume.free.blocks).toBeLessThan(size / 32);
    // Named by inode numbers in lost+found's stead: there is no room for a longer root.
    const path = test.save([...expected.keys()].slice(0, 40));
    const found = e2fsckFindings(path) ?? '';
    expect(found.replaceAll(/^(Unattached inode \d+|Connect to \/lost\+found\? no|exit 4|.*still has errors.*|e2fsck 1.*|)$\n?/gm, '').trim()).toBe('');
  }, 60_000);
});

describe.skipIf(noTools !== undefined)('orphans', () => {
  it.each([['in the list', '^orphan_file'], ['in the orphan file', 'orphan_file']] as const)('are freed or cut by e2fsck when the power goes (%s)', (_, feature) => {
    const test = testVolume(join(scratch.path, `orphans-${feature.replace('^', 'no-')}`), ['-t', 'ext4', '-b', '1024', '-O', feature], 16 << 10);
    const { contents, inodes, orphans, operation } = test.volume;
    const free = test.volume.free;
    const [kept, cut, ...deleted] = Array.from({ length: 5 }, () => test.create());
    for (const node of [kept!, cut!, ...deleted]) contents.write(node, 0, pattern(100_000, node));
    for (const node of deleted) {
      operation(() => {
        inodes.edit(node).i_links_count = 0;
        orphans.add(node);
      });
    }
    operation(() => {
      contents.setSize(cut!, 50_000);
      orphans.add(cut!);
      orphans.add(kept!);
    });
    // Out of the middle of the list.
    operation(() => { orphans.remove(kept!); });
    expect(() => operation(() => {
      orphans.add(kept!);
      throw new Error('no');
    })).toThrow('no');
    const path = test.save([kept!, cut!]);
    const { stdout } = spawnSync('e2fsck', ['-fy', path], { encoding: 'utf8', env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` } });
    expect(stdout.match(/orphaned inode \d+/g)).toHaveLength(4);
    expect(e2fsckFindings(path)).toBeUndefined();
    const counts = /Free blocks: +(\d+)\nFree inodes: +(\d+)/.exec(run('dumpe2fs', ['-h', path]).replaceAll(/^(?!Free ).*\n/gm, ''));
    expect([Number(counts![1]), Number(counts![2])]).toEqual([free.blocks - 98 - 49, free.inodes - 2]);
    if (!asRoot) return;
    const found = kernelContents(path, [kept!, cut!]);
    expect(Buffer.compare(found.get(kept!)!, pattern(100_000, kept!))).toBe(0);
    expect(Buffer.compare(found.get(cut!)!, pattern(100_000, cut!).subarray(0, 50_000))).toBe(0);
  });

  it('are none when a truncation in many steps is over', () => {
    const test = testVolume(join(scratch.path, 'orphans-steps'), ['-t', 'ext4', '-b', '1024', '-g', '256', '-O', '^resize_inode'], 16 << 10, { durability: 'direct' });
    const { contents, orphans, operation } = test.volume;
    const node = test.create();
    for (let i = 0; i < 400; i++) contents.write(node, i * 20_000, pattern(1000, i));
    const added: string[] = [];
    const { add, remove } = orphans;
    Object.assign(orphans, { add(each: number) { added.push(`+${each}`); add.call(orphans, each); }, remove(each: number) { added.push(`-${each}`); remove.call(orphans, each); } });
    contents.truncate(node, 100);
    expect(added).toEqual([`+${node}`, `-${node}`]);
    expect(operation(() => contents.freeSome(node, 1))).toBe(true);
    expect(e2fsckFindings(test.save([node]))).toBeUndefined();
  });
});

describe.skipIf(noTools !== undefined)('limits', () => {
  it('reserved blocks are left alone by who is not root', () => {
    const test = testVolume(join(scratch.path, 'reserved'), ['-t', 'ext4', '-b', '1024', '-m', '20', '-J', 'size=1'], 8 << 10, { asRoot: false });
    const { contents, superblock } = test.volume;
    const node = test.create();
    let size = 0;
    untilFull(() => { size += contents.write(node, size, pattern(50_000, size)); });
    expect(superblock.reservedCount).toBeGreaterThan(1600);
    // The map of the file may use some of them.
    expect(test.volume.free.blocks).toBeGreaterThan(superblock.reservedCount - 4);
    expect(test.volume.free.blocks).toBeLessThanOrEqual(superblock.reservedCount);
    expect(e2fsckFindings(test.save([node]))).toBeUndefined();
  });

  it.each([
    ['block numbers, 1 KiB', ['-t', 'ext2', '-b', '1024', '-O', '^large_file'], 16 * 2 ** 30 + 67_000_000],
    ['block numbers, 4 KiB', ['-t', 'ext3', '-b', '4096', '-O', '^large_file', '-J', 'size=4'], 2 ** 41 - 5 * 2 ** 30],
    ['extents, 1 KiB', ['-t', 'ext4', '-b', '1024', '-O', '^large_file'], 2 ** 42 - 1024],
    ['extents, 4 KiB', ['-t', 'ext4', '-b', '4096'], 2 ** 44 - 4096],
    ['extents without huge_file', ['-t', 'ext4', '-b', '4096', '-O', '^huge_file'], 2 ** 41 - 4096],
  ] as const)('files reach as far as the kernel lets them (%s)', (name, mkfs, most) => {
    const test = testVolume(join(scratch.path, `far-${name.replaceAll(/\W/g, '-')}`), mkfs, 32 << 10);
    const { contents } = test.volume;
    const node = test.create();
    const places = [0, 12 * 1024, 300_000, 70_000_000, 2 ** 31, 2 ** 32 + 5, Math.min(most, 2 ** 34 + 50_000_000) - 10_000];
    places.forEach((at, i) => { expect(contents.write(node, at, pattern(3000, i))).toBe(3000); });
    const placeOf = (at: number): unknown => contents.mapping(node).find(Math.floor(at / test.volume.superblock.blockSize)).physical;
    for (const at of places) expect(placeOf(at)).toBeTypeOf('number');
    expect(placeOf(1_000_000_000)).toBeUndefined();
    expect(() => contents.write(node, 2 ** 44, pattern(10, 1))).toThrow('larger than this filesystem allows');
    expect(() => contents.truncate(node, 2 ** 45)).toThrow('larger than this filesystem allows');
    const cut = test.create();
    places.slice(0, 5).forEach((at, i) => { contents.write(cut, at, pattern(3000, i)); });
    contents.truncate(cut, 5);
    const path = test.save([node, cut]);
    expect(e2fsckFindings(path)).toBeUndefined();
    expect(placeOf(places.at(-1)!)).toBeTypeOf('number');
  });
});
