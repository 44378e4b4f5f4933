import { randomBytes } from 'node:crypto';
import { appendFileSync, chmodSync, linkSync, mkdirSync, mkdtempSync, openSync, closeSync, symlinkSync, truncateSync, utimesSync, writeFileSync, writeSync, lutimesSync, readdirSync, lstatSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { crc32 } from '../../src/engines/codecs/crc32.ts';
import { run } from './processes.ts';

/** A folder of its own for one test, below the system's temporary folder. */
export function scratch(name: string): string {
  return mkdtempSync(join(tmpdir(), `clutch-${name}-`));
}

/** The time that every entry of the tree carries: 2023-11-14 22:13:20 UTC, in seconds. */
export const TREE_TIME = 1_700_000_000;

/** A small tree with one of everything that a window must cope with. */
export function makeTree(folder: string): void {
  mkdirSync(join(folder, 'docs', 'letters', '2023'), { recursive: true });
  mkdirSync(join(folder, 'pictures'));
  mkdirSync(join(folder, 'empty'));
  writeFileSync(join(folder, 'readme.txt'), 'Hello from inside the image.\nZweite Zeile: grüße 日本語\n');
  writeFileSync(join(folder, 'docs', 'letters', '2023', 'to-grandmother.txt'), 'Dear grandmother,\n\nall is well.\n');
  writeFileSync(join(folder, 'docs', 'report.bin'), Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7919) >> 5));
  writeFileSync(join(folder, '.hidden'), 'not seen at first\n');
  writeFileSync(join(folder, 'script.sh'), '#!/bin/sh\necho hello\n');
  chmodSync(join(folder, 'script.sh'), 0o755);
  writeFileSync(join(folder, 'pictures', 'gradient.png'), gradientPng(96, 64));
  writeFileSync(join(folder, 'line\nbreak \u202Efdp.exe'), 'a hostile name\n');
  writeFileSync(join(folder, `${'long-'.repeat(48)}name.txt`), 'a long name\n');
  symlinkSync('docs/letters', join(folder, 'letters'));
  symlinkSync('/nowhere', join(folder, 'dangling'));
  linkSync(join(folder, 'readme.txt'), join(folder, 'docs', 'readme-again.txt'));
  const sparse = openSync(join(folder, 'sparse.img'), 'w');
  writeSync(sparse, Buffer.alloc(65536, 1), 0, 65536, 4 << 20);
  closeSync(sparse);
  truncateSync(join(folder, 'sparse.img'), 16 << 20);
  for (const name of ['file10.txt', 'file9.txt', 'file1.txt']) writeFileSync(join(folder, name), name);
  setTimes(folder);
}

/** Enough small files that an extraction brings its second thread in. */
export function makeCrowd(folder: string): void {
  for (let d = 0; d < 30; d++) {
    mkdirSync(join(folder, `folder-${d}`), { recursive: true });
    for (let f = 0; f < 60; f++) writeFileSync(join(folder, `folder-${d}`, `file-${f}`), `${d} ${f} `.repeat(f * 17));
  }
  setTimes(folder);
}

/** An ext4 image of a tree, with nothing of the moment in it. `megabytes` is its size, `free` what lies in its free blocks: a disk that was in use before has old bytes there. */
export function makeImage(folder: string, image: string, megabytes = 64, free: 'zeros' | 'old bytes' = 'zeros'): void {
  writeFileSync(image, '');
  if (free === 'zeros') truncateSync(image, megabytes << 20);
  else for (let written = 0; written < megabytes; written++) appendFileSync(image, randomBytes(1 << 20));
  run('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', 'holiday', '-U', '8f3c0a52-1111-4222-8333-0123456789ab', '-E', `root_owner=0:0${free === 'zeros' ? '' : ',nodiscard'}`, '-d', folder, image], { ...process.env, E2FSPROGS_FAKE_TIME: `${TREE_TIME}`, SOURCE_DATE_EPOCH: `${TREE_TIME}` });
}

function setTimes(path: string): void {
  const stat = lstatSync(path);
  if (stat.isDirectory()) for (const name of readdirSync(path)) setTimes(join(path, name));
  if (stat.isSymbolicLink()) lutimesSync(path, TREE_TIME, TREE_TIME);
  else utimesSync(path, TREE_TIME, TREE_TIME);
}

/** A PNG of a colour gradient. Its chunks' checksums are right, so a strict decoder shows it. */
export function gradientPng(width: number, height: number): Buffer {
  const rows = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) rows.set([(x * 255) / width, (y * 255) / height, 160], y * (width * 3 + 1) + 1 + x * 3);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]), chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(type: string, data: Buffer): Buffer {
  const whole = Buffer.alloc(data.length + 12);
  whole.writeUInt32BE(data.length, 0);
  whole.write(type, 4, 'latin1');
  data.copy(whole, 8);
  whole.writeUInt32BE(crc32(whole.subarray(4, data.length + 8)), data.length + 8);
  return whole;
}
