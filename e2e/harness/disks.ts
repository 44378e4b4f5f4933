import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync, readSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { makeImage } from './image.ts';
import { run } from './processes.ts';

/** Images of whole disks and of damaged filesystems, each made by the reference tools. */

const MIB = 1 << 20;

/** A disk of 96 MiB, gzip-compressed: GPT with ext4 "holiday" (48 MiB), a partition of unknown bytes (16 MiB), the rest unallocated. */
export function makeDisk(source: string, image: string): void {
  const raw = `${image}.raw`;
  const volume = `${image}.volume`;
  makeImage(source, volume, 48);
  writeFileSync(raw, '');
  truncateSync(raw, 96 * MIB);
  run('sgdisk', [
    '-U', '5f1d0a52-0000-4222-8333-0123456789ab',
    '-n', '1:2048:+48M', '-c', '1:holiday', '-u', '1:5f1d0a52-0001-4222-8333-0123456789ab',
    '-n', '2:0:+16M', '-c', '2:mystery', '-u', '2:5f1d0a52-0002-4222-8333-0123456789ab', '-t', '2:8301', raw,
  ]);
  put(raw, MIB, readFileSync(volume));
  // Neither empty nor like any format.
  put(raw, 49 * MIB, Uint8Array.from({ length: MIB }, (_, i) => (Math.imul(i + 1, 2_654_435_761) >>> 13) & 0xff));
  writeFileSync(image, gzipSync(readFileSync(raw), { level: 1 }));
  rmSync(raw);
  rmSync(volume);
}

/** An image with one file, "big.bin", whose blocks are all written. */
export function makeBig(image: string, bytes: number): void {
  const seed = `${image}.seed`;
  writeFileSync(seed, 'x');
  writeFileSync(image, '');
  truncateSync(image, bytes + 256 * MIB);
  run('mke2fs', ['-q', '-F', '-t', 'ext4', '-O', '^extent,^64bit,^metadata_csum', '-b', '4096', '-L', 'big', image]);
  const commands = `${image}.debugfs`;
  // Mapped by blocks, so that there is no such thing as an extent without contents.
  writeFileSync(commands, `write ${seed} big.bin\nset_inode_field big.bin size ${bytes}\nfallocate big.bin 0 ${bytes / 4096 - 1}\nset_inode_field big.bin mode 0100644\n`);
  run('debugfs', ['-w', '-f', commands, image]);
  rmSync(seed);
  rmSync(commands);
}

/** The tree's image with impossible numbers in its primary superblock (its magic stays). */
export function makeWithoutPrimary(sound: string, image: string): void {
  copyFileSync(sound, image);
  // s_log_block_size and s_log_cluster_size of struct ext4_super_block.
  put(image, 1024 + 0x18, Uint8Array.from([77, 0, 0, 0, 78, 0, 0, 0]));
}

/** The tree's image with a flipped bit in the inode of `path`; its checksum tells. @returns the inode's number */
export function makeWithBadInode(sound: string, image: string, path: string): number {
  copyFileSync(sound, image);
  const told = run('debugfs', ['-R', `imap ${path}`, sound]);
  const [, inode, block, offset] = /Inode (\d+) is part of block group \d+\s+located at block (\d+), offset (0x[\da-f]+)/.exec(told)!;
  const blockSize = Number(/Block size:\s+(\d+)/.exec(run('dumpe2fs', ['-h', sound]))![1]);
  // i_atime's lowest bit.
  const at = Number(block) * blockSize + Number(offset) + 8;
  put(image, at, Uint8Array.from([get(image, at, 1)[0]! ^ 1]));
  return Number(inode);
}

/**
 * A copy of a filesystem in use, as a power cut leaves it: "after-the-cut/letter.txt" is only in its journal.
 * @throws Error where the machine lets nobody mount
 */
export function makeDirty(source: string, image: string): void {
  const live = `${image}.live`;
  const at = `${image}.mount`;
  makeImage(source, live);
  mkdirSync(at);
  run('mount', ['-o', 'loop,commit=300', live, at]);
  try {
    mkdirSync(join(at, 'after-the-cut'));
    writeFileSync(join(at, 'after-the-cut', 'letter.txt'), 'written just before the light went out\n');
    run('sync', ['-f', join(at, 'after-the-cut', 'letter.txt')]);
    run('cp', ['--sparse=always', live, image]);
  } finally {
    run('umount', [at]);
  }
  rmSync(live);
  rmSync(at, { recursive: true });
}

/** Names of files that a window could trip over, in a folder of the host. */
export const HOSTILE = ['<img src=x onerror=document.title=1>.html', 'tab\tand\u001B[31mred', 'a\u202Egnp.exe', '\u200B', '-rf', '$(reboot)', 'é'.normalize('NFD'), 'back\\slash', `${'x'.repeat(251)}.txt`] as const;

/** An image of hostile names. One of them, as only a forged directory has it, is "../escape.txt"; another is not UTF-8. */
export function makeHostile(folder: string, image: string): void {
  mkdirSync(folder);
  for (const name of HOSTILE) writeFileSync(join(folder, name), `I am ${name.length} characters long\n`);
  writeFileSync(Buffer.concat([Buffer.from(join(folder, 'latin-')), Buffer.from([0xe9, 0xff])]), 'not UTF-8\n');
  writeFileSync(join(folder, '..Xescape.txt'), 'out!\n');
  writeFileSync(image, '');
  truncateSync(image, 16 * MIB);
  // Without checksums, which would tell of the forgery.
  run('mke2fs', ['-q', '-F', '-t', 'ext4', '-O', '^metadata_csum', '-L', 'hostile', '-d', folder, image]);
  const bytes = readFileSync(image);
  for (let at = bytes.indexOf('..Xescape.txt'); at >= 0; at = bytes.indexOf('..Xescape.txt', at)) bytes.write('../escape.txt', at);
  writeFileSync(image, bytes);
}

function put(file: string, at: number, bytes: Uint8Array): void {
  const fd = openSync(file, 'r+');
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}

function get(file: string, at: number, length: number): Uint8Array {
  const fd = openSync(file, 'r');
  const bytes = new Uint8Array(length);
  readSync(fd, bytes, 0, length, at);
  closeSync(fd);
  return bytes;
}
