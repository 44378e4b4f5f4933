import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FILL } from '../../../engines/testing/full-tree.ts';
import { ROOT } from '../../../engines/testing/recipes/build.ts';
import type { WalkEntry } from '../../../engines/testing/walk.ts';

/** Entries of the largest folder: more than one answer of the guest's server holds. */
const ENTRIES = 1200;

/** Why the kernel here can't be asked; undefined when it can. */
export function notMounted(format: string): string | undefined {
  if (process.getuid?.() !== 0) return 'filling it needs a mount, and a mount needs root';
  return new RegExp(`\\t${format}$`, 'm').test(readFileSync('/proc/filesystems', 'utf8')) ? undefined : `this kernel does not mount ${format}`;
}

/** Fills an image with everything that there is, by the kernel here. @param place a folder to mount at, which is made @param then a shell's commands over what was filled, "$2" @returns how the kernel walks it at the end */
export function filled(image: string, place: string, then = 'true'): WalkEntry[] {
  mounted(image, place, 'rw', `python3 -c "$4" "$2" ${ENTRIES}; ${then}`);
  const lines = mounted(image, place, 'ro', `python3 "${join(ROOT, 'src/engines/testing/oracle/kernel-walk.py')}" --folder "$2"`);
  return lines.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as WalkEntry);
}

/** Runs a shell over a mounted image, $2, in a mount namespace of its own. @throws Error where nothing can be mounted here */
function mounted(image: string, place: string, options: string, script: string): string {
  return execFileSync('unshare', ['-m', '--propagation', 'private', 'bash', '-euc', `mkdir -p "$2"; mount -o "loop,$3" "$1" "$2"; trap 'umount "$2"' EXIT; ${script}`, 'bash', image, place, options, FILL], { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } });
}
