import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { random } from '../fuzz/random.ts';
import { run } from '../tools.ts';
import { judge } from './judge.ts';
import { powerCuts } from './power.ts';
import { record } from './workload.ts';

/** A kind of filesystem that loses its power. */
export interface Setup {
  readonly name: string;
  /** Arguments of mke2fs; groups are small, so that there are several, with a backup of the superblock. */
  readonly mkfs: readonly string[];
  readonly size: string;
  /** Kernels are often built without what it needs. */
  readonly rarelyMounted?: boolean;
}

/** What is made of every event beside the plain prefix, and how many of all these cuts a workload gives at most. */
const VARIANTS = 2;
const MOST_A_WORKLOAD = 150;
/** In one of so many cuts, our recovery is cut as well. */
const AGAIN = 4;
/** More of a kind of filesystem say nothing new. */
const MOST_FAILURES = 5;

const UUID = '6d7e2d8a-1b2c-4d3e-8f90-a1b2c3d4e5f6';

export const SETUPS: readonly Setup[] = [
  { name: 'ext3, 1 KiB', mkfs: ['-t', 'ext3', '-b', '1024', '-J', 'size=1', '-g', '2048'], size: '4M' },
  { name: 'ext4, 1 KiB', mkfs: ['-t', 'ext4', '-b', '1024', '-J', 'size=1', '-g', '2048', '-O', 'metadata_csum,64bit'], size: '4M' },
  { name: 'ext4, 4 KiB', mkfs: ['-t', 'ext4', '-b', '4096', '-J', 'size=4', '-g', '1024', '-O', 'metadata_csum,64bit'], size: '12M' },
  { name: 'fast_commit', mkfs: ['-t', 'ext4', '-b', '1024', '-J', 'size=2', '-g', '2048', '-O', 'fast_commit'], size: '5M' },
  { name: 'orphan_file', mkfs: ['-t', 'ext4', '-b', '1024', '-J', 'size=1', '-g', '2048', '-O', 'orphan_file'], size: '4M' },
  { name: 'inline_data, gdt_csum', mkfs: ['-t', 'ext4', '-b', '2048', '-J', 'size=2', '-g', '2048', '-O', 'inline_data,^metadata_csum,uninit_bg', '-I', '256'], size: '6M' },
  { name: 'without extents and checksums', mkfs: ['-t', 'ext4', '-b', '1024', '-J', 'size=1', '-g', '2048', '-O', '^extent,^64bit,^metadata_csum,^flex_bg'], size: '4M' },
  { name: 'bigalloc', mkfs: ['-t', 'ext4', '-b', '1024', '-C', '4096', '-J', 'size=1', '-g', '1024', '-N', '512', '-O', 'bigalloc'], size: '8M' },
  { name: 'quota, project, ea_inode', mkfs: ['-t', 'ext4', '-b', '1024', '-J', 'size=1', '-g', '2048', '-I', '256', '-O', 'quota,project,ea_inode', '-E', 'quotatype=usrquota:grpquota:prjquota'], size: '4M', rarelyMounted: true },
  { name: 'ext2 with a redo log', mkfs: ['-t', 'ext2', '-b', '1024', '-g', '2048'], size: '3M' },
];

export interface CrashOptions {
  readonly setup: Setup;
  readonly seed: number;
  /** Cut points to try. */
  readonly points: number;
  /** One in so many is shown to e2fsck, too, and one in so many to the kernel; 0 for none. */
  readonly e2fsckEvery: number;
  readonly kernelEvery: number;
  readonly folder: string;
  /** Tells the files of one worker apart. */
  readonly worker: number;
}

export interface CrashResult {
  readonly points: number;
  readonly byE2fsck: number;
  readonly byKernel: number;
  readonly operations: number;
  readonly full: number;
  /** What makes it again, and what is wrong. */
  readonly failures: readonly string[];
}

/** An empty filesystem. */
export function makeImage(setup: Setup, folder: string, worker: number): Uint8Array {
  const path = join(folder, `made-${worker}.img`);
  run('mke2fs', ['-q', '-F', '-U', UUID, '-E', `hash_seed=${UUID}`, ...setup.mkfs, path, setup.size]);
  return new Uint8Array(readFileSync(path));
}

/** Records workload after workload and cuts each of them, until there are as many points as wanted. */
export async function crash({ setup, seed, points, e2fsckEvery, kernelEvery, folder, worker }: CrashOptions): Promise<CrashResult> {
  const image = makeImage(setup, folder, worker);
  const failures: string[] = [];
  let done = 0;
  let byE2fsck = 0;
  let byKernel = 0;
  const isTurn = (every: number): boolean => every > 0 && done % every === 0;
  let operations = 0;
  let full = 0;
  for (let round = 0; done < points; round++) {
    const dice = random(seed, round);
    const recording = await record(image, 40, dice);
    operations += recording.moments.length;
    full += recording.full;
    const events = recording.events.filter(({ kind }) => kind !== 'read').length;
    const share = Math.min(1, Math.min(points, MOST_A_WORKLOAD) / (events * (1 + VARIANTS)));
    for (const cut of powerCuts(recording.image, recording.events, VARIANTS, share, dice)) {
      if (done >= points) break;
      const by = { e2fsck: isTurn(e2fsckEvery), kernel: setup.rarelyMounted !== true && isTurn(kernelEvery), ...(dice.oneIn(AGAIN) ? { again: dice } : {}) };
      const wrong = await judge(recording, cut, by, folder, worker);
      if (by.e2fsck) byE2fsck++;
      if (by.kernel) byKernel++;
      done++;
      if (wrong !== undefined) failures.push(`${setup.name}, seed ${seed}, workload ${round}, cut after event ${cut.at} of ${recording.events.length} (${cut.how}): ${wrong}`);
      if (failures.length >= MOST_FAILURES) return { points: done, byE2fsck, byKernel, operations, full, failures };
    }
  }
  return { points: done, byE2fsck, byKernel, operations, full, failures };
}
