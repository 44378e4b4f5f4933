import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JournalSource } from '../filesystems/ext4/journal/replay.ts';
import { run } from './tools.ts';

/** An image in memory with its journal, found by debugfs and not by the engine under test. */
export interface JournalImage {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly journal: JournalSource;
}

/** Finds the blocks of inode 8 (it has to be mapped by extents). */
export function journalImage(path: string): JournalImage {
  const bytes = readFileSync(path);
  const blockSize = 1024 << bytes.readUInt32LE(1024 + 24);
  const physical: number[] = [];
  for (const line of run('debugfs', ['-R', 'dump_extents -l <8>', path]).split('\n')) {
    const found = /^\s*\d+\/\s*\d+\s+\d+\/\s*\d+\s+(\d+)\s*-\s*(\d+)\s+(\d+)\s*-\s*(\d+)/.exec(line);
    if (found === null) continue;
    const [from, to, at] = [Number(found[1]), Number(found[2]), Number(found[3])];
    for (let i = from; i <= to; i++) physical[i] = at + i - from;
  }
  return {
    path, bytes,
    journal: {
      blockSize, count: physical.length,
      block: (logical) => bytes.subarray(physical[logical]! * blockSize, (physical[logical]! + 1) * blockSize),
      physical: (logical) => physical[logical]! * blockSize,
    },
  };
}

/** The image's bytes after e2fsck has replayed its journal, and nothing else. */
export function replayedByE2fsck(image: JournalImage): Uint8Array {
  const copy = `${image.path}.replayed`;
  copyFileSync(image.path, copy);
  const done = spawnSync('e2fsck', ['-E', 'journal_only', '-y', copy], { env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }, encoding: 'utf8' });
  if (done.error !== undefined) throw done.error;
  return readFileSync(copy);
}

/** A dirty journal made by the kernel: the image is copied while it is mounted, after transactions have reached the journal but not their places. */
export function dirtyByKernel(folder: string, name: string, mkfs: readonly string[], options: string): string {
  const script = `
    set -e
    img="$1/$2.made"; mnt="$1/$2.mnt"; mkdir -p "$mnt"
    truncate -s 48M "$img"; mke2fs -q -t ext4 ${mkfs.join(' ')} "$img"
    mount -o "loop,$3" "$img" "$mnt"
    trap 'umount "$mnt"' EXIT
    python3 - "$mnt" <<'END'
import os, sys
top = sys.argv[1]
def commit(path):
    file = os.open(path, os.O_RDONLY); os.fsync(file); os.close(file)
os.mkdir(top + '/dir')
for i in range(400): open(f'{top}/dir/file{i}', 'w').write('x' * i)
# Data blocks that begin like a journal block have to be escaped.
open(top + '/escaped', 'wb').write((b'\\xc0\\x3b\\x39\\x98' + b'magic'.ljust(1020, b'.')) * 40)
commit(top + '/escaped')
for i in range(400): os.unlink(f'{top}/dir/file{i}')
os.rmdir(top + '/dir')
commit(top + '/escaped')
for i in range(50): open(f'{top}/late{i}', 'w').write('y' * 3000)
commit(top + '/late1')
END
    cp --sparse=always "$img" "$1/$2.img"
  `;
  execFileSync('unshare', ['--mount', '--propagation', 'private', 'bash', '-c', script, 'bash', folder, name, options], {
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }, stdio: ['ignore', 'ignore', 'pipe'],
  });
  return join(folder, `${name}.img`);
}
