import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, scratchFolder } from '../tools.ts';
import { e2fsck, type ExitClass, runOwn } from './compare.ts';

/** Small images with every kind of file, to be damaged at one place, and what becomes of them in our check. */

/** Shapes of filesystems, by what mke2fs is told. All have blocks of 1 KiB, so that a few hundred names make an index. */
export const SHAPES = {
  plain: ['-t', 'ext4', '-O', '^has_journal,^metadata_csum,^resize_inode,^uninit_bg'],
  sums: ['-t', 'ext4', '-O', '^has_journal,^resize_inode,metadata_csum,64bit'],
  ext2: ['-t', 'ext2', '-O', '^resize_inode'],
  inline: ['-t', 'ext4', '-I', '256', '-O', '^has_journal,^resize_inode,inline_data'],
  quota: ['-t', 'ext4', '-O', '^has_journal,^resize_inode,quota', '-E', 'quotatype=usrquota:grpquota'],
  bigalloc: ['-t', 'ext4', '-C', '4096', '-O', '^has_journal,^resize_inode,bigalloc'],
} as const;
export type Shape = keyof typeof SHAPES;

const UUID = '8f3c0a52-1111-4222-8333-0123456789ab';
const NAMES_FOR_AN_INDEX = 300;

/** What fills them. `many` gets an index from `e2fsck -D`. */
const COMMANDS = [
  'mkdir dir', 'mkdir dir/sub', 'mkdir dir/sub/deep', 'mkdir other', 'mkdir many', 'mkdir small',
  'write FILE dir/one', 'write FILE dir/two', 'write FILE dir/three', 'symlink dir/link one', 'cd dir', 'mknod fifo p', 'cd /', 'write FILE dir/sub/deep/four', 'write FILE small/x', 'ln dir/one other/hard',
];

const made = new Map<Shape, Uint8Array>();

/** A sound image of a shape; a copy of its own. */
export function sample(shape: Shape): Uint8Array {
  const there = made.get(shape) ?? build(shape);
  made.set(shape, there);
  return there.slice();
}

function build(shape: Shape): Uint8Array {
  const folder = scratchFolder();
  try {
    const image = join(folder.path, 'image');
    const file = join(folder.path, 'file');
    writeFileSync(image, new Uint8Array(8 << 20));
    writeFileSync(file, 'contents\n'.repeat(300));
    run('mke2fs', ['-q', '-F', '-b', '1024', '-N', '1024', '-U', UUID, ...SHAPES[shape], '-E', `hash_seed=${UUID}`, image]);
    const many = Array.from({ length: NAMES_FOR_AN_INDEX }, (_, i) => `symlink many/a-name-of-some-length-${i} to-${i}`);
    run('debugfs', ['-w', '-f', '-', image], [...COMMANDS.map((command) => command.replace('FILE', file)), ...many].join('\n'));
    const { words } = e2fsck(image, '-fyD');
    const after = e2fsck(image, '-fn');
    if (after.exit !== 'clean') throw new Error(`the sample ${shape} is not clean: ${words}${after.words}`);
    return new Uint8Array(readFileSync(image));
  } finally {
    folder.remove();
  }
}

/** The image as debugfs leaves it after these commands. */
export function debugfs(image: Uint8Array, ...commands: string[]): Uint8Array {
  const folder = scratchFolder();
  try {
    const path = join(folder.path, 'image');
    writeFileSync(path, image);
    run('debugfs', ['-w', '-f', '-', path], commands.join('\n'));
    return new Uint8Array(readFileSync(path));
  } finally {
    folder.remove();
  }
}

/** What debugfs prints. */
export function ask(image: Uint8Array, command: string): string {
  const folder = scratchFolder();
  try {
    const path = join(folder.path, 'image');
    writeFileSync(path, image);
    return run('debugfs', ['-R', command, path]);
  } finally {
    folder.remove();
  }
}

/** The number of an inode by its path. */
export function inodeOf(image: Uint8Array, path: string): number {
  return Number(/Inode: (\d+)/.exec(ask(image, `stat ${path}`))![1]);
}

/** The bytes of a block of a file, in the image itself. */
export function blockOf(image: Uint8Array, path: string, logical: number): Uint8Array {
  const block = Number(/(\d+)\s*$/.exec(ask(image, `bmap ${path} ${logical}`))![1]);
  return image.subarray(block * 1024, (block + 1) * 1024);
}

/** Where the entry of that name begins in a directory's block; -1 when it is not there. */
export function entryAt(block: Uint8Array, name: string): number {
  for (let at = 0; at + 8 <= block.length;) {
    const length = block[at + 4]! | (block[at + 5]! << 8);
    if (length === 0) return -1;
    if (new TextDecoder().decode(block.subarray(at + 8, at + 8 + block[at + 6]!)) === name) return at;
    at += length;
  }
  return -1;
}

/** What became of a damaged image. */
export interface Outcome {
  /** Codes of the findings of a dry run, in order, each once. */
  readonly found: readonly string[];
  readonly dry: ExitClass;
  readonly fixed: ExitClass;
  /** Codes of what a second check finds after the repair. */
  readonly left: readonly string[];
  /** What `e2fsck -fn` says before, what `e2fsck -fy` does, and what `-fn` says after our repair, with its words. */
  readonly before: ExitClass;
  readonly theirs: ExitClass;
  readonly after: ExitClass;
  readonly words: string;
  readonly repaired: Uint8Array;
}

/** Checks, repairs, checks again, and has e2fsck check what came of it. */
export async function outcome(image: Uint8Array): Promise<Outcome> {
  const folder = scratchFolder();
  try {
    const path = join(folder.path, 'image');
    writeFileSync(path, image);
    const before = e2fsck(path, '-fn').exit;
    const theirs = e2fsck(path, '-fy').exit;
    const dry = await runOwn(image, false);
    const fixed = await runOwn(image, true);
    const again = await runOwn(fixed.bytes, false);
    writeFileSync(path, fixed.bytes);
    const after = e2fsck(path, '-fn');
    return { found: codes(dry.findings), dry: dry.exit, fixed: fixed.exit, left: codes(again.findings), before, theirs, after: after.exit, words: after.words, repaired: fixed.bytes };
  } finally {
    folder.remove();
  }
}

const codes = (findings: readonly { readonly code: string }[]): string[] => [...new Set(findings.map(({ code }) => code))];
