import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isDiskError, usage } from '../../../core/errors.ts';
import { e2fsckFindings, kernelContents, type TestVolume, testVolume } from '../../../testing/ext4-volume.ts';
import { type Random, random } from '../../../testing/fuzz/random.ts';
import { missingTools, scratchFolder } from '../../../testing/tools.ts';
import { mappedRuns } from '../mapping.ts';

const scratch = scratchFolder();
afterAll(() => { scratch.remove(); });
const noTools = missingTools('mke2fs', 'debugfs', 'e2fsck');
const asRoot = process.getuid?.() === 0;
/** CLUTCH_SEED tries another run, CLUTCH_RUNS more of them. */
const SEED = Number(process.env['CLUTCH_SEED'] ?? 4);
const RUNS = Number(process.env['CLUTCH_RUNS'] ?? 1);

/** Feature sets: [name, mke2fs, KiB, longest file]. */
const SETS: readonly (readonly [name: string, mkfs: readonly string[], size: number, longest: number])[] = [
  ['extents', ['-t', 'ext4', '-b', '1024'], 24 << 10, 2_000_000],
  ['extents, 4 KiB', ['-t', 'ext4', '-b', '4096'], 32 << 10, 4_000_000],
  ['extents, 64bit off, uninit_bg', ['-t', 'ext4', '-b', '1024', '-O', '^64bit,^metadata_csum,uninit_bg', '-g', '1024'], 24 << 10, 2_000_000],
  ['extents, many groups', ['-t', 'ext4', '-b', '1024', '-g', '256', '-O', '^resize_inode'], 24 << 10, 2_000_000],
  ['bigalloc', ['-t', 'ext4', '-b', '1024', '-O', 'bigalloc', '-C', '8192'], 48 << 10, 2_000_000],
  ['bigalloc, 4 KiB', ['-t', 'ext4', '-b', '4096', '-O', 'bigalloc', '-C', '65536', '-O', '^has_journal'], 48 << 10, 4_000_000],
  ['block numbers', ['-t', 'ext2', '-b', '1024'], 24 << 10, 2_000_000],
  ['block numbers, 2 KiB, checksums', ['-t', 'ext4', '-b', '2048', '-O', '^extent,^64bit'], 32 << 10, 4_000_000],
  ['quota', ['-t', 'ext4', '-b', '1024', '-O', 'quota'], 24 << 10, 2_000_000],
];

/** Lets the `nth` allocation from now on fail; the function that comes back ends that. */
function failAllocation({ volume }: TestVolume, nth: number): () => void {
  const allocator = volume.allocator as { allocate: TestVolume['volume']['allocator']['allocate'] };
  const { allocate } = allocator;
  let left = nth;
  allocator.allocate = (...args) => {
    if (--left === 0) throw usage('ENOSPC', 'made to fail');
    return allocate.apply(allocator, args);
  };
  return () => { allocator.allocate = allocate; };
}

function randomBytes(numbers: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const start = 1 + numbers.below(255);
  for (let i = 0; i < length; i++) bytes[i] = start + i + (i >> 8);
  return bytes;
}

/** What a file is, changed by the same calls. */
class Model {
  bytes: Uint8Array = new Uint8Array(0);

  grow(size: number): void {
    if (size <= this.bytes.length) return;
    const longer = new Uint8Array(size);
    longer.set(this.bytes);
    this.bytes = longer;
  }

  write(at: number, from: Uint8Array): void {
    this.grow(at + from.length);
    this.bytes.set(from, at);
  }

  truncate(size: number): void {
    this.grow(size);
    this.bytes = this.bytes.slice(0, size);
  }
}

/** One random call. A failure leaves what was there, a write perhaps its first part. */
function step(test: TestVolume, numbers: Random, node: number, model: Model, longest: number, inject: boolean): void {
  const { contents, superblock } = test.volume;
  const span = numbers.pick([longest, longest, 100_000, 20_000]);
  const at = numbers.oneIn(3) ? numbers.below(span / 1024) * 1024 : numbers.below(span);
  const length = 1 + (numbers.oneIn(8) ? numbers.below(400_000) : numbers.below(numbers.pick([10, 3000, 30_000])));
  const restore = inject ? failAllocation(test, 1 + numbers.below(4)) : () => {};
  const before = model.bytes;
  try {
    switch (numbers.below(inject ? 8 : 10)) {
      case 0: case 1: case 2: case 3: case 4: {
        const from = randomBytes(numbers, Math.min(length, longest - at));
        const done = contents.write(node, at, from);
        if (!inject) expect(done).toBe(from.length);
        model.write(at, from.subarray(0, done));
        break;
      }
      case 5: case 6:
        contents.punch(node, at, length);
        model.bytes.fill(0, Math.min(at, model.bytes.length), Math.min(at + length, model.bytes.length));
        break;
      case 7:
        if (superblock.features.extents) {
          contents.reserve(node, at, length);
          model.grow(at + length);
        }
        break;
      default:
        contents.truncate(node, at);
        model.truncate(at);
    }
  } catch (error) {
    if (!isDiskError(error) || error.fault.kind !== 'usage' || error.fault.errno !== 'ENOSPC') throw error;
    restore();
    // A reservation may have grown the file by what it got, with zeros; a punch may have zeroed the edges.
    const now = test.read(node);
    const same = new Uint8Array(now.length);
    same.set(before.subarray(0, now.length));
    const changed = now.findIndex((byte, i) => byte !== same[i] && !(byte === 0 && i >= at && i < at + length));
    expect(changed, 'a byte changed though the call failed').toBe(-1);
    expect(now.length).toBeGreaterThanOrEqual(before.length);
    model.bytes = now;
  } finally {
    restore();
  }
}

describe.skipIf(noTools !== undefined)('random changes of files', () => {
  describe.each([...SETS])('%s', (name, mkfs, size, longest) => {
    it.each(Array.from({ length: RUNS }, (_, i) => SEED + i).flatMap((seed) => [[seed, 'staged'], [seed, 'direct']] as const))('agree with a model, e2fsck and the kernel (seed %i, %s)', (seed, durability) => {
      const test = testVolume(join(scratch.path, `${name.replaceAll(/\W/g, '-')}-${seed}-${durability}`), mkfs, size, { seed, durability });
      const numbers = random(seed, 7);
      const files = new Map(Array.from({ length: 4 }, () => [test.create(), new Model()] as const));
      const nodes = [...files.keys()];
      for (let round = 0; round < 250; round++) {
        const node = numbers.pick(nodes);
        const model = files.get(node)!;
        step(test, numbers, node, model, longest, numbers.oneIn(4));
        if (numbers.oneIn(5)) expect(Buffer.compare(test.read(node), model.bytes), `round ${round}, inode ${node}`).toBe(0);
        if (numbers.oneIn(40)) test.volume.transaction.commit();
      }
      for (const [node, model] of files) {
        expect(Buffer.compare(test.read(node), model.bytes), `inode ${node}`).toBe(0);
        // The runs that are told are in order and apart.
        let end = 0;
        for (const run of mappedRuns(test.volume.contents.mapping(node))) {
          expect(run.logical).toBeGreaterThanOrEqual(end);
          end = run.logical + run.count;
        }
      }
      const path = test.save(nodes);
      expect(e2fsckFindings(path)).toBeUndefined();
      if (!asRoot) return;
      for (const [node, bytes] of kernelContents(path, nodes)) expect(Buffer.compare(bytes, files.get(node)!.bytes), `inode ${node}`).toBe(0);
    }, 60_000);
  });

  it.each([...SETS])('a file of thousands of fragments is made and taken apart (%s)', (name, mkfs, size) => {
    const test = testVolume(join(scratch.path, `fragments-${name.replaceAll(/\W/g, '-')}`), mkfs, size);
    const { contents, superblock } = test.volume;
    const block = superblock.blockSize;
    const node = test.create();
    const model = new Model();
    const numbers = random(SEED, 9);
    const places = Array.from({ length: 3000 }, (_, i) => i * 2).toSorted(() => numbers.below(3) - 1);
    const most = Math.min(places.length, Math.floor((size * 1024 * 0.6) / (block * Math.min(2, superblock.clusterRatio))));
    for (const place of places.slice(0, most)) {
      const bytes = randomBytes(numbers, block);
      contents.write(node, place * block, bytes);
      model.write(place * block, bytes);
    }
    expect(Buffer.compare(test.read(node), model.bytes)).toBe(0);
    // Half of the fragments go again, one by one, and a part from the end.
    for (const place of places.slice(0, most >> 1)) {
      contents.punch(node, place * block, block);
      model.bytes.fill(0, place * block, (place + 1) * block);
    }
    contents.truncate(node, 4001 * block + 5);
    model.truncate(4001 * block + 5);
    expect(Buffer.compare(test.read(node), model.bytes)).toBe(0);
    expect(e2fsckFindings(test.save([node]))).toBeUndefined();
  }, 60_000);
});
