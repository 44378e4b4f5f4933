import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../core/bytes/memory.ts';
import { corrupt } from '../../core/errors.ts';
import type { Note } from '../../core/filesystem.ts';
import { missingTools, scratchFolder } from '../../testing/tools.ts';
import { DeviceBlocks } from './blocks.ts';
import { Groups } from './groups.ts';
import { InodeTable } from './inode.ts';
import { findOrphans, type OrphanContext, readOrphans } from './orphans.ts';
import { recover } from './recovery.ts';
import { locateSuperblock, type Located } from './superblock.ts';

const scratch = scratchFolder();
afterAll(() => { scratch.remove(); });
const noMount = missingTools('mke2fs', 'mount', 'unshare', 'python3') ?? (process.getuid?.() === 0 ? undefined : 'skipped: mounting needs root');

/** Files are deleted while they are open; the image is copied before they are closed. Prints their inode numbers. */
const SCRIPT = `
import os, sys, json, shutil
top = sys.argv[1]
files = [open(f'{top}/f{i}', 'w+') for i in range(7)]
for i, f in enumerate(files): f.write('x' * 5000); f.flush(); os.fsync(f.fileno())
for i in range(7): os.unlink(f'{top}/f{i}')
with open(top + '/last', 'w') as f: os.fsync(f.fileno())
os.system(f'sync -f {top}')
shutil.copyfile(sys.argv[2] + '.made', sys.argv[2])
print(json.dumps([os.fstat(f.fileno()).st_ino for f in files]))
`;

describe.skipIf(noMount !== undefined)('orphans of the kernel', () => {
  it.each([
    ['list', '-b 1024 -O metadata_csum,^orphan_file'], ['file', '-b 1024 -O metadata_csum,orphan_file'], ['file without checksums', '-b 4096 -O ^metadata_csum,orphan_file'],
  ])('%s', (name, mkfs) => {
    const path = join(scratch.path, `${name.replaceAll(' ', '-')}.img`);
    const shell = `
      set -e
      mkdir -p "$1.mnt"; truncate -s 32M "$1.made"; mke2fs -q -F -t ext4 ${mkfs} "$1.made" > "$1.log"; mount -o loop "$1.made" "$1.mnt"
      python3 -c "$2" "$1.mnt" "$1"; umount "$1.mnt"`;
    const expected = JSON.parse(execFileSync('unshare', ['--mount', '--propagation', 'private', 'bash', '-c', shell, 'bash', path, SCRIPT], {
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'],
    })) as number[];
    const notes: Note[] = [];
    const note = (one: Note): void => { notes.push(one); };
    const device = new MemoryDevice(new Uint8Array(readFileSync(path)));
    const located = locateSuperblock(device, false) as Located;
    const make = (sb: Located['superblock']): DeviceBlocks => new DeviceBlocks(device, device, sb.blockSize, sb.blockCount);
    const { superblock, map } = recover(located.superblock, make(located.superblock), false, note);
    const blocks = make(superblock);
    if (map !== undefined) blocks.overlay(map);
    const groups = new Groups(superblock, blocks, note);
    const found = findOrphans(superblock, blocks, groups, new InodeTable(superblock, blocks, groups, note), note);
    expect(found.toSorted((a, b) => a - b)).toEqual(expected.toSorted((a, b) => a - b));
    expect(notes).toEqual([]);
  });
});

function read(next: Record<number, number>, first: number): { found: number[]; notes: Note[] } {
  const notes: Note[] = [];
  const context: OrphanContext = {
    lastOrphan: first, inodeCount: 100, note: (note) => { notes.push(note); },
    deletionTime(inode) {
      const to = next[inode];
      if (to === undefined) throw corrupt(`inode ${inode}`, 'it is not there');
      return to;
    },
  };
  return { found: readOrphans(context), notes };
}

describe('damaged orphan lists', () => {
  it('end', () => {
    expect(read({ 12: 13, 13: 0 }, 12)).toEqual({ found: [12, 13], notes: [] });
    expect(read({}, 0)).toEqual({ found: [], notes: [] });
  });

  it.each([
    ['circles', { 12: 13, 13: 12 }, [12, 13], 'twice'],
    ['numbers that are no inode', { 12: 101 }, [12], 'does not exist'],
    ['inodes that can\'t be read', { 12: 13 }, [12, 13], 'followed'],
  ])('with %s end in a note', (_name, next, expected, message) => {
    const { found, notes } = read(next, 12);
    expect(found).toEqual(expected);
    expect(notes).toEqual([expect.objectContaining({ severity: 'error', message: expect.stringContaining(message) })]);
  });
});
