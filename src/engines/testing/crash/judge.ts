import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MemoryDevice } from '../../core/bytes/memory.ts';
import { RecordingDevice } from '../../core/bytes/recording.ts';
import { Superblock } from '../../filesystems/ext4/superblock.ts';
import { ext4 } from '../../filesystems/ext4/index.ts';
import { testContext } from '../context.ts';
import type { Random } from '../fuzz/random.ts';
import { type PowerCut, powerCuts } from './power.ts';
import { difference, type Snapshot, snapshot } from './snapshot.ts';
import { openDirect, type Recording } from './workload.ts';

/** What e2fsck -p may say of a filesystem that lost its power, and nothing else: the journal, and what was deleted or cut while it was open. */
const EXPECTED = /recovering journal|Clearing orphaned inode|Truncating orphaned inode|Truncating inode|^\s*$|: clean|\d+\/\d+ files|was not cleanly unmounted/;

/** Who recovers a cut beside ourselves. */
export interface Judges {
  readonly e2fsck: boolean;
  readonly kernel: boolean;
  /** The power goes again while we recover: picks when. */
  readonly again?: Random;
}

/**
 * Judges one cut: recovered by ourselves and, each apart from the others, by e2fsck and the kernel, it is clean and holds a state between the
 * last sync before the cut and the operation that it interrupted. It writes to the cut's image.
 * @returns what is wrong; undefined when nothing is
 */
export async function judge(recording: Recording, cut: PowerCut, by: Judges, folder: string, worker: number): Promise<string | undefined> {
  // What the host does before it opens the image: a redo log that is there is made true.
  for (const { at, bytes } of recording.redo.find(({ from, to }) => from <= cut.at && cut.at < to)?.writes ?? []) cut.image.set(bytes, at);
  const path = join(folder, `cut-${worker}.img`);
  let wrong: string | undefined;
  if (by.e2fsck) {
    await writeFile(path, cut.image);
    wrong = await byE2fsck(recording, cut, path);
  }
  if (wrong === undefined && by.kernel) {
    await writeFile(path, cut.image);
    wrong = await byKernel(recording, cut, path);
  }
  // Without a journal, what was not unmounted is checked before it is opened for writing again: it is only looked at.
  if (recording.redo.length > 0) return wrong ?? readBack(recording, cut, 'with the redo log', cut.image);
  // Last, as it writes to the image.
  return wrong ?? await byUsTwice(recording, cut, path, by) ?? byUs(recording, cut, path, by.e2fsck);
}

/** Recovery is cut, too, and then done again. */
async function byUsTwice(recording: Recording, cut: PowerCut, path: string, { again }: Judges): Promise<string | undefined> {
  if (again === undefined) return undefined;
  const device = new RecordingDevice(new MemoryDevice(cut.image.slice()));
  await (await openDirect(device, 1_800_000_000)).close();
  const writes = device.events.filter(({ kind }) => kind !== 'read').length;
  for (const second of powerCuts(cut.image, device.events, 2, Math.min(1, 2 / (3 * writes + 1)), again)) {
    const wrong = await byUs(recording, { ...second, at: cut.at }, path, false);
    if (wrong !== undefined) return `after a second cut in the middle of recovery (event ${second.at} of ${device.events.length}, ${second.how}): ${wrong}`;
  }
  return undefined;
}

async function byUs(recording: Recording, cut: PowerCut, path: string, checked: boolean): Promise<string | undefined> {
  const fs = await openDirect(new MemoryDevice(cut.image), 1_800_000_000);
  const lost = lostIn(recording, cut, await snapshot(fs));
  await fs.close();
  if (lost !== undefined) return `recovered by us: ${lost}`;
  if (!checked) return undefined;
  await writeFile(path, cut.image);
  return clean('recovered by us', path);
}

async function byE2fsck(recording: Recording, cut: PowerCut, path: string): Promise<string | undefined> {
  // Where the superblock itself is torn, e2fsck is told of a backup, and preening is not for that.
  const torn = !superblockIsSound(cut.image);
  const backup = new Superblock(recording.image.slice(1024, 2048), 1024);
  const args = torn ? ['-fy', '-b', `${backup.groupStart(1)}`, '-B', `${backup.blockSize}`] : ['-fp'];
  const { code, said } = await run('e2fsck', [...args, path]);
  if (code > 1) return `e2fsck ${args.join(' ')} ends with ${code}:\n${said}`;
  // e2fsck says so after every orphan file that had entries, those of the kernel as well.
  const surprise = torn ? undefined : said.replaceAll(/.*Orphan file \(inode \d+\) block \d+ is not clean\.\nCLEARED\.\n/g, '').split('\n').find((line) => !EXPECTED.test(line));
  if (surprise !== undefined) return `e2fsck -fp repairs more than the journal and orphans (${surprise}):\n${said}`;
  return await clean('recovered by e2fsck', path) ?? readBack(recording, cut, 'recovered by e2fsck', await readFile(path));
}

async function byKernel(recording: Recording, cut: PowerCut, path: string): Promise<string | undefined> {
  // It mounts none with a torn superblock, its own no more than ours.
  if (!superblockIsSound(cut.image)) return undefined;
  const script = 'mkdir -p "$1.mnt" && mount -o loop "$1" "$1.mnt" && umount "$1.mnt"';
  const { code, said } = await run('unshare', ['--mount', '--propagation', 'private', 'bash', '-c', script, 'bash', path]);
  if (code !== 0) return `the kernel does not mount it:\n${said}`;
  return await clean('recovered by the kernel', path) ?? readBack(recording, cut, 'recovered by the kernel', await readFile(path));
}

async function readBack(recording: Recording, cut: PowerCut, how: string, image: Uint8Array): Promise<string | undefined> {
  const fs = await ext4.open(new MemoryDevice(image), testContext());
  const lost = lostIn(recording, cut, await snapshot(fs));
  return lost === undefined ? undefined : `${how}: ${lost}`;
}

async function clean(how: string, path: string): Promise<string | undefined> {
  const { code, said } = await run('e2fsck', ['-fn', path]);
  return code === 0 ? undefined : `${how}, e2fsck -fn says:\n${said}`;
}

/** Whether a tree is none of those that it could be after the cut: how it differs from the last that was synced. */
function lostIn({ moments }: Recording, cut: PowerCut, tree: Snapshot): string | undefined {
  let synced = 0;
  for (let i = 0; i < moments.length && moments[i]!.at <= cut.at; i++) if (moments[i]!.synced) synced = i;
  let last = synced;
  // The operation that was running counts as well.
  while (last + 1 < moments.length && moments[last]!.at <= cut.at) last++;
  const unsure = new Set(moments.slice(synced + 1, last + 1).flatMap(({ wrote }) => wrote));
  let told: string | undefined;
  for (let i = last; i >= synced; i--) {
    told = difference(tree, moments[i]!.tree, unsure);
    if (told === undefined) return undefined;
  }
  return `it is none of the ${last - synced + 1} trees between the last sync and the cut (${moments.slice(synced, last + 1).map(({ what }) => what).join(', ')}); beside the synced one: ${told}`;
}

function superblockIsSound(image: Uint8Array): boolean {
  return new Superblock(image.slice(1024, 2048), 1024).checksumMatches;
}

async function run(tool: string, args: readonly string[]): Promise<{ code: number; said: string }> {
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' };
  return new Promise((resolve, reject) => {
    execFile(tool, args, { env, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') resolve({ code, said: stdout + stderr.replace(/^e2fsck \d.*\n/, '') });
      else reject(error ?? new Error(tool));
    });
  });
}
