import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** What is done with an image. `extract` writes into an empty folder that is there already. */
export type Task = 'first' | 'list' | 'extract';

/** A program that is measured. */
export interface Contender {
  readonly name: string;
  /** The command for a task; undefined where it cannot do it. */
  command(task: Task, image: string, target: string): readonly string[] | undefined;
  /** Why it cannot run here; empty when it can. */
  readonly absent: string;
}

/** Everyone who is compared, Clutch first. */
export function contenders(root: string): Contender[] {
  const clutch = join(root, 'bin/clutch');
  return [
    {
      name: 'clutch', absent: isExecutable(clutch) ? '' : 'bin/clutch is not there',
      command: (task, image, target) => ({ first: [clutch, 'ls', image], list: [clutch, 'ls', '-lR', image], extract: [clutch, 'extract', image, '-C', target] })[task],
    },
    {
      name: 'clutch walk', absent: isExecutable(clutch) ? '' : 'bin/clutch is not there',
      command: (task, image) => (task === 'list' ? [clutch, 'walk', '--json', image] : undefined),
    },
    {
      name: '7z', absent: needs('7z'),
      command: (task, image, target) => ({ first: ['7z', 'l', image], list: ['7z', 'l', image], extract: ['7z', 'x', '-y', '-snld', `-o${target}`, image] })[task],
    },
    {
      name: 'debugfs', absent: needs('debugfs'),
      command: (task, image, target) => ({ first: ['debugfs', '-R', 'ls -l /', image], list: undefined, extract: ['debugfs', '-R', `rdump / ${target}`, image] })[task],
    },
    {
      name: 'fls', absent: needs('fls'),
      command: (task, image) => ({ first: ['fls', '-l', image], list: ['fls', '-r', '-l', '-p', image], extract: undefined })[task],
    },
    {
      name: 'kernel', absent: process.getuid?.() === 0 ? '' : 'mounting needs root',
      command: (task, image, target) => mounted(image, { first: 'ls -la "$1"', list: 'find "$1" -ls', extract: 'cp -a "$1/." "$2"' }[task], target),
    },
  ];
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
