import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, copyFileSync, existsSync, fstatSync, ftruncateSync, openSync, readdirSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32c } from '../../../../engines/codecs/crc32c.ts';
import type { Random } from '../../../../engines/testing/fuzz/random.ts';
import { build, hasTool, missing, SHARED, unpack } from '../../../../engines/testing/recipes/build.ts';
import { FOREIGN } from '../../../../engines/testing/recipes/foreign.ts';

/** An image that hostile ones are made from. */
export interface Seed {
  readonly name: string;
  /** Its format, as a guest's manifest calls it. */
  readonly format: string;
  /** Somebody crafted it to break kernels: it is taken as it is. */
  readonly crafted: boolean;
  /** Writes it to `path`. @throws Error when it can't be made */
  make(path: string): void;
}

/** Bytes of the largest crafted image: some say that they have terabytes. */
const LARGEST = 2 ** 30;
const BLOCK = 4096;
const PIECE = 2 ** 20;

/** All that can be made here. @param served formats that the guest mounts */
export function seeds(served: ReadonlySet<string>): Seed[] {
  const made = FOREIGN.filter((row) => missing(row) === '' && row.tools.every(hasTool)).flatMap((row): Seed[] => {
    const format = [row.matrix, row.format].find((each) => each !== undefined && served.has(each));
    return format === undefined ? [] : [{ name: row.name, format, crafted: false, make: (path) => { copySparse(build(row, 'foreign').image, path); } }];
  });
  return [...made, ...crafted('btrfs-progs/fuzz-tests/images', 'btrfs', /\.raw\.xz$/), ...crafted('btrfs-progs/fsck-tests', 'btrfs', /\.(?:raw\.xz|img|img\.xz)$/), ...crafted('e2fsprogs', 'ext4', /image\.gz$/)];
}

function crafted(folder: string, format: string, named: RegExp): Seed[] {
  const root = join(SHARED, folder);
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => named.test(name)).toSorted().map((name) => ({ name: `${folder}/${name}`, format, crafted: true, make: (path) => { restore(join(root, name), path); } }));
}

/** Unpacks, and turns a metadata dump of btrfs into an image. */
function restore(file: string, path: string): void {
  const packed = /\.(?:xz|gz)$/.test(file);
  if (packed) unpack(file, path);
  if (/\.img(?:\.xz)?$/.test(file)) {
    const dump = `${path}.dump`;
    copyFileSync(packed ? path : file, dump);
    rmSync(path, { force: true });
    const done = spawnSync('btrfs-image', ['-r', dump, path], { timeout: 60_000, encoding: 'utf8', env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } });
    rmSync(dump);
    if (done.status !== 0) throw new Error(`btrfs-image: ${done.error?.message ?? done.stderr}`);
  }
  if (statSync(path).size > LARGEST) throw new Error(`it has ${statSync(path).size} bytes`);
}

/** With its holes. */
export function copySparse(from: string, to: string): void {
  const done = spawnSync('cp', ['--sparse=always', from, to], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`cp: ${done.error?.message ?? done.stderr}`);
}

/** Calls `each` with every MiB that is not all zeros. */
function pieces(path: string, each: (at: number, bytes: Buffer) => void): void {
  const zeros = Buffer.alloc(PIECE);
  const bytes = Buffer.alloc(PIECE);
  const file = openSync(path, 'r');
  try {
    for (let at = 0, got = 0; (got = readSync(file, bytes, 0, PIECE, at)) > 0; at += got) {
      const piece = bytes.subarray(0, got);
      if (!piece.equals(zeros.subarray(0, got))) each(at, piece);
    }
  } finally {
    closeSync(file);
  }
}

/** Of size and contents. Holes cost nothing. */
export function digestOf(path: string): string {
  const hash = createHash('sha256').update(String(statSync(path).size));
  pieces(path, (at, bytes) => { hash.update(`${at}:`).update(bytes); });
  return hash.digest('hex');
}

function usedBlocks(path: string): number[] {
  const used: number[] = [];
  const zeros = Buffer.alloc(BLOCK);
  pieces(path, (at, bytes) => {
    for (let i = 0; i < bytes.length; i += BLOCK) {
      const block = bytes.subarray(i, i + BLOCK);
      if (!block.equals(zeros.subarray(0, block.length))) used.push(at + i);
    }
  });
  return used;
}

/** Numbers at which arithmetic breaks. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe];

/**
 * Damages an image: bytes and numbers of its first used blocks (the superblock as a rule) or of any, blocks swapped, emptied or filled with noise, the
 * end cut off. Where checksums are simple they are made right again in half of the cases, so that a kernel goes on to what was damaged.
 * @returns what was done
 */
export function mutate(path: string, dice: Random): string {
  const used = usedBlocks(path);
  const file = openSync(path, 'r+');
  const done: string[] = [];
  try {
    const { size } = fstatSync(file);
    const reseal = dice.oneIn(2);
    for (let left = 1 + dice.below(3); left > 0; left--) {
      const first = dice.oneIn(2);
      const at = dice.pick(first ? used.slice(0, 4) : used);
      const block = Buffer.alloc(Math.min(BLOCK, size - at));
      readSync(file, block, 0, block.length, at);
      const kind = dice.below(12);
      if (kind < 5) {
        for (let n = 1 + dice.below(first ? 6 : 40); n > 0; n--) block[dice.below(dice.oneIn(2) ? Math.min(512, block.length) : block.length)] = dice.below(256);
        done.push(`bytes at ${at}`);
      } else if (kind < 9) {
        for (let n = 1 + dice.below(4); n > 0; n--) {
          const where = dice.below(Math.floor(Math.min(dice.oneIn(2) ? 256 : BLOCK, block.length) / 4)) * 4;
          if (dice.oneIn(2)) block.writeUInt32LE(dice.pick(EDGES), where);
          else block.writeUInt32BE(dice.pick(EDGES), where);
        }
        done.push(`numbers at ${at}`);
      } else if (kind === 9) {
        const other = dice.pick(used);
        readSync(file, block, 0, Math.min(block.length, size - other), other);
        done.push(`the block of ${other} at ${at}`);
      } else if (kind === 10) {
        for (let i = 0; i < block.length; i++) block[i] = dice.below(256);
        done.push(`noise at ${at}`);
      } else {
        const to = Math.max(512, Math.floor(dice.below(size) / 512) * 512);
        ftruncateSync(file, to);
        done.push(`cut to ${to}`);
        break;
      }
      if (reseal && sealed(block)) done.push('checksums right');
      writeSync(file, block, 0, block.length, at);
    }
  } finally {
    closeSync(file);
  }
  return done.join(', ');
}

/** Makes right the checksums of XFS's headers and inodes (xfs_format.h, where they lie) and of btrfs's superblock. @returns whether there were any */
function sealed(block: Buffer): boolean {
  let any = false;
  const seal = (start: number, length: number, at: number): void => {
    if (start + length > block.length) return;
    block.writeUInt32LE(0, start + at);
    block.writeUInt32LE(~crc32c(0xffffffff, block, start, start + length) >>> 0, start + at);
    any = true;
  };
  if (block.length === BLOCK && block.toString('latin1', 64, 72) === '_BHRfS_M') {
    block.writeUInt32LE(~crc32c(0xffffffff, block, 32, BLOCK) >>> 0, 0);
    return true;
  }
  for (let at = 0; at + 512 <= block.length; at += 512) {
    const magic = block.toString('latin1', at, at + 4);
    if (magic === 'XFSB') seal(at, 512, 224);
    else if (magic === 'XAGF') seal(at, 512, 216);
    else if (magic === 'XAGI') seal(at, 512, 312);
    else if (magic.startsWith('IN') && block[at + 4] === 3) seal(at, 512, 100);
  }
  return any;
}
