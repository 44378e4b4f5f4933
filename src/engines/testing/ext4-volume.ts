import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CacheDevice } from '../core/bytes/cache.ts';
import { MemoryDevice } from '../core/bytes/memory.ts';
import { isDiskError } from '../core/errors.ts';
import type { WriteAccess } from '../core/probe.ts';
import { inlineParts } from '../filesystems/ext4/inline-data.ts';
import { INODE, INODE_FLAGS } from '../filesystems/ext4/layout.ts';
import { readMapped } from '../filesystems/ext4/mapping.ts';
import { locateSuperblock } from '../filesystems/ext4/superblock.ts';
import { xattrContext } from '../filesystems/ext4/write/contexts.ts';
import { type Foundation, openForWriting } from '../filesystems/ext4/write/open.ts';
import { openVolume } from '../filesystems/ext4/write/open-volume.ts';
import type { Volume } from '../filesystems/ext4/write/volume.ts';
import { random } from './fuzz/random.ts';
import { run } from './tools.ts';

const S_IFREG = 0x8000;

/** An image of mke2fs in memory, opened for writing below its directories: inodes get names from debugfs at the end. */
export interface TestVolume {
  readonly volume: Volume;
  readonly bytes: Uint8Array;
  /** A regular file with one link and no name. */
  create(owner?: { readonly uid: number; readonly gid: number; readonly project: number }): number;
  /** A file's contents, as readers see them. */
  read(node: number): Uint8Array;
  /** Commits, writes the image to a file, and names the inodes in the root: "f12". @returns its path */
  save(nodes: readonly number[]): string;
}

/** @param folder where the image goes @param mkfs options of mke2fs, without the file and its size @param size as mke2fs takes it, in KiB */
export function testVolume(folder: string, mkfs: readonly string[], size: number, more: { readonly durability?: WriteAccess['durability']; readonly seed?: number; readonly asRoot?: boolean } = {}): TestVolume {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'image');
  writeFileSync(path, '');
  truncateSync(path, size * 1024);
  run('mke2fs', ['-q', '-F', ...mkfs, path]);
  const bytes = new Uint8Array(readFileSync(path));
  const device = new CacheDevice(new MemoryDevice(bytes), 64 * 1024);
  const numbers = random(more.seed ?? 1, 0);
  let clock = 1_700_000_000_000_000_000n;
  const access: WriteAccess = {
    durability: more.durability ?? 'staged',
    now: () => clock += 1_000_000n,
    random: (into) => { for (let i = 0; i < into.length; i++) into[i] = numbers.below(256); },
    redo: { begin: () => {}, end: () => {} },
  };
  const located = locateSuperblock(device, false);
  if (located === undefined || isDiskError(located)) throw located ?? new Error('no superblock');
  const foundation: Foundation = openForWriting(device, device, located, access, (note) => { throw new Error(note.message); });
  const volume = openVolume(foundation, more.asRoot === undefined ? {} : { asRoot: more.asRoot });
  return {
    volume, bytes,
    create: (owner = { uid: 0, gid: 0, project: 0 }) => volume.operation(() => {
      const { node, inode } = volume.inodes.allocate(INODE.root, S_IFREG | 0o644, owner);
      inode.i_links_count = 1;
      volume.contents.initialise(node);
      return node;
    }),
    read(node) {
      const inode = volume.inodes.get(node);
      const into = new Uint8Array(inode.size);
      if (inode.has(INODE_FLAGS.inlineData)) {
        let at = 0;
        for (const part of inlineParts(inode, xattrContext(volume, inode))) {
          into.set(part.subarray(0, Math.max(0, inode.size - at)), at);
          at += part.length;
        }
      } else {
        readMapped(volume.contents.mapping(node), foundation.blocks, 0, into);
      }
      return into;
    },
    save(nodes) {
      volume.contents.settle();
      foundation.close();
      writeFileSync(path, bytes);
      // debugfs does not make directories longer when it adds a name.
      const script = nodes.map((node, i) => `${i % 60 === 59 ? 'expand_dir /\n' : ''}ln <${node}> f${node}`).join('\n');
      if (nodes.length > 0) run('debugfs', ['-w', '-f', '-', path], script);
      return path;
    },
  };
}

/** What `e2fsck -fn` says against an image; undefined when it finds nothing. */
export function e2fsckFindings(path: string): string | undefined {
  const { status, stdout, stderr } = spawnSync('e2fsck', ['-fn', path], { encoding: 'utf8', env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin`, LC_ALL: 'C' } });
  const lines = stdout.split('\n').filter((line) => line !== '' && !/^Pass \d|^.*: \d+\/\d+ files/.test(line));
  return status === 0 && lines.length === 0 ? undefined : `exit ${status}\n${lines.join('\n')}\n${stderr}`;
}

/** Contents of files in the root of an image, read by the kernel: of those that `save` named, unless their names are given. */
export function kernelContents(path: string, nodes: readonly number[], name = (node: number) => `f${node}`): Map<number, Uint8Array> {
  const mount = `${path}.mnt`;
  mkdirSync(mount, { recursive: true });
  execFileSync('mount', ['-o', 'loop,ro', path, mount]);
  try {
    return new Map(nodes.map((node) => [node, new Uint8Array(readFileSync(join(mount, name(node))))]));
  } finally {
    execFileSync('umount', [mount]);
  }
}
