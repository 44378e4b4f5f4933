import { accessSync, constants, lstatSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What is done with an image. `extract` writes into an empty folder that is there already. `write` makes an ext4 of 1 GiB, `new.ext4` in that
 * folder, of the tree that `image` then is. `check` looks for damage and repairs none.
 */
export type Task = 'first' | 'list' | 'extract' | 'check' | 'write';

/** The image that `write` makes, in its target folder. */
export const WRITTEN = 'new.ext4';
const SIZE = '1024M';

/** A program that is measured. */
export interface Contender {
  readonly name: string;
  /** The command for a task; undefined where it cannot do it. */
  command(task: Task, image: string, target: string): readonly string[] | undefined;
  /** Something that `write` needs and that is made before the clock runs. */
  prepare?(tree: string, folder: string): void;
  /** Why it cannot run here; empty when it can. */
  readonly absent: string;
}

/** Everyone who is compared, Clutch first. */
export function contenders(root: string): Contender[] {
  const clutch = join(root, 'bin/clutch');
  return [
    {
      name: 'clutch', absent: isExecutable(clutch) ? '' : 'bin/clutch is not there',
      command: (task, image, target) => ({
        first: [clutch, 'ls', image], list: [clutch, 'ls', '-lR', image], extract: [clutch, 'extract', image, '-C', target],
        check: [clutch, 'fsck', image], write: [clutch, 'mkfs', join(target, WRITTEN), '--size', SIZE, '--from', image],
      })[task],
    },
    {
      name: 'clutch untar', absent: isExecutable(clutch) ? '' : 'bin/clutch is not there',
      command: (task, tree, target) => (task === 'write' ? shell('"$1" mkfs "$2" --size "$3"; tar -C "$4" -S --xattrs --xattrs-include="*" -cf - . | "$1" untar "$2"', clutch, join(target, WRITTEN), SIZE, tree) : undefined),
    },
    {
      name: 'clutch walk', absent: isExecutable(clutch) ? '' : 'bin/clutch is not there',
      command: (task, image) => (task === 'list' ? [clutch, 'walk', '--json', image] : undefined),
    },
    {
      name: '7z', absent: needs('7z'),
      command: (task, image, target) => ({ first: ['7z', 'l', image], list: ['7z', 'l', image], extract: ['7z', 'x', '-y', '-snld', `-o${target}`, image], check: undefined, write: undefined })[task],
    },
    {
      name: 'debugfs', absent: needs('debugfs'),
      command: (task, image, target) => ({ first: ['debugfs', '-R', 'ls -l /', image], list: undefined, extract: ['debugfs', '-R', `rdump / ${target}`, image], check: undefined,
        write: shell('mke2fs -q -t ext4 "$1" "$2"; debugfs -w -f "$3" "$1"', join(target, WRITTEN), SIZE, join(target, '..', DEBUGFS_SCRIPT)) })[task],
      prepare: (tree, folder) => writeFileSync(join(folder, DEBUGFS_SCRIPT), debugfsScript(tree)),
    },
    {
      name: 'fls', absent: needs('fls'),
      command: (task, image) => ({ first: ['fls', '-l', image], list: ['fls', '-r', '-l', '-p', image], extract: undefined, check: undefined, write: undefined })[task],
    },
    {
      name: 'kernel', absent: process.getuid?.() === 0 ? '' : 'mounting needs root',
      command(task, image, target) {
        if (task === 'check') return undefined;
        if (task === 'write') return shell('mke2fs -q -t ext4 "$1" "$2"; m=$(mktemp -d); unshare --mount --propagation private sh -ec \'mount -o loop "$1" "$2"; cp -a "$3/." "$2"; umount "$2"\' sh "$1" $m "$3"; rmdir $m', join(target, WRITTEN), SIZE, image);
        return mounted(image, { first: 'ls -la "$1"', list: 'find "$1" -ls', extract: 'cp -a "$1/." "$2"' }[task], target);
      },
    },
    { name: 'e2fsck', absent: needs('e2fsck'), command: (task, image) => (task === 'check' ? ['e2fsck', '-fn', image] : undefined) },
    { name: 'mke2fs -d', absent: needs('mke2fs'), command: (task, tree, target) => (task === 'write' ? ['mke2fs', '-q', '-t', 'ext4', '-d', tree, join(target, WRITTEN), SIZE] : undefined) },
    {
      name: 'fuse2fs', absent: needs('fuse2fs'),
      command: (task, tree, target) => (task === 'write'
        ? shell('mke2fs -q -t ext4 "$1" "$2"; m=$(mktemp -d); fuse2fs -o fakeroot "$1" $m >/dev/null; cp -a "$3/." $m; umount $m; while pgrep -f "fuse2fs.*$m" >/dev/null; do sleep 0.01; done; rmdir $m', join(target, WRITTEN), SIZE, tree)
        : undefined),
    },
  ];
}

const DEBUGFS_SCRIPT = 'tree.debugfs';

/** Commands for debugfs that make a tree: contents, modes and owners. Hard links and attributes it could be told, too, at still more commands a file. */
function debugfsScript(tree: string): string {
  const lines: string[] = [];
  const visit = (below: string): void => {
    for (const entry of readdirSync(join(tree, below), { withFileTypes: true })) {
      const path = `${below}/${entry.name}`;
      const stat = lstatSync(join(tree, path));
      if (entry.isDirectory()) lines.push(`mkdir ${quoted(path)}`);
      else if (entry.isSymbolicLink()) lines.push(`symlink ${quoted(path)} ${quoted(readlinkSync(join(tree, path)))}`);
      else if (entry.isFile()) lines.push(`write ${quoted(join(tree, path))} ${quoted(path)}`);
      else continue;
      if (!entry.isSymbolicLink()) lines.push(`sif ${quoted(path)} mode 0${stat.mode.toString(8)}`);
      if (stat.uid !== 0) lines.push(`sif ${quoted(path)} uid ${stat.uid}`);
      if (stat.gid !== 0) lines.push(`sif ${quoted(path)} gid ${stat.gid}`);
      if (entry.isDirectory()) visit(path);
    }
  };
  visit('');
  return `${lines.join('\n')}\n`;
}

function quoted(path: string): string {
  return `"${path.replaceAll('"', '""')}"`;
}

function shell(script: string, ...args: string[]): string[] {
  return ['sh', '-ec', script, 'sh', ...args];
}

/** A command of the shell with the image mounted at $1, in a mount namespace of its own; mounting and unmounting are part of the time. */
export function mounted(image: string, command: string, target: string): string[] {
  const script = `set -e; m=$(mktemp -d); mount -o loop,ro "$3" $m; set -- $m "$1"; ${command}; umount $m; rmdir $m`;
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', target, '', image];
}

function needs(program: string): string {
  const folders = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`.split(':');
  return folders.some((folder) => isExecutable(join(folder, program))) ? '' : `${program} is not installed`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
