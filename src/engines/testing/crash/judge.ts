import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MemoryDevice } from '../../core/bytes/memory.ts';
import { Superblock } from '../../filesystems/ext4/superblock.ts';
import { ext4 } from '../../filesystems/ext4/index.ts';
import { testContext } from '../context.ts';
import type { PowerCut } from './power.ts';
import { difference, type Snapshot, snapshot } from './snapshot.ts';
import { openDirect, type Recording } from './workload.ts';

/** What e2fsck -p may say of a filesystem that lost its power, and nothing else: the journal, and what was deleted or cut while it was open. */
const EXPECTED = /recovering journal|Clearing orphaned inode|Truncating orphaned inode|Truncating inode|^\s*$|: clean|\d+\/\d+ files|was not cleanly unmounted|orphan file|Setting (free|filetype)/i;

export interface Verdict {
  /** What is wrong with the image; undefined when nothing is. */
  readonly wrong?: string;
  /** e2fsck was asked. */
  readonly byE2fsck: boolean;
}

/**
 * Judges one cut: recovered by ourselves and, apart from that, by e2fsck, it is clean and holds a state between the last sync before the cut and
 * the operation that it interrupted.
 * @param withE2fsck without it, only our own recovery is looked at
 */
export async function judge(recording: Recording, cut: PowerCut, withE2fsck: boolean, folder: string, worker: number): Promise<Verdict> {
  const sidecar = recording.redo.find(({ from, to }) => from <= cut.at && cut.at < to);
  // What the host does before it opens the image: a redo log that is there is made true.
  for (const { at, bytes } of sidecar?.writes ?? []) cut.image.set(bytes, at);
  const path = join(folder, `cut-${worker}.img`);
  const journal = recording.redo.length === 0;
  if (journal) {
    const device = new MemoryDevice(cut.image.slice());
    const fs = await openDirect(device, 1_800_000_000);
    const lost = lostIn(recording, cut, await snapshot(fs));
    await fs.close();
    if (lost !== undefined) return { wrong: `recovered by us: ${lost}`, byE2fsck: false };
    if (!withE2fsck) return { byE2fsck: false };
    await writeFile(path, device.view(0, device.size));
    const checked = await e2fsck(['-fn', path]);
    if (checked.code !== 0) return { wrong: `recovered by us, e2fsck -fn says:\n${checked.said}`, byE2fsck: true };
  } else if (!withE2fsck) {
    return { byE2fsck: false };
  }

  await writeFile(path, cut.image);
  const torn = !superblockIsSound(cut.image);
  // Where the superblock itself is torn, e2fsck takes a backup, and preening is not for that; nor is a filesystem without a journal that was not unmounted.
  const backup = new Superblock(recording.image.slice(1024, 2048), 1024);
  const repaired = await e2fsck([...(torn ? ['-fy', '-b', `${backup.groupStart(1)}`, '-B', `${backup.blockSize}`] : ['-fp']), path]);
  if (repaired.code > 1) return { wrong: `e2fsck ${torn ? '-fy' : '-fp'} ends with ${repaired.code}:\n${repaired.said}`, byE2fsck: true };
  const surprise = torn ? undefined : repaired.said.split('\n').find((line) => !EXPECTED.test(line));
  if (surprise !== undefined) return { wrong: `e2fsck -fp repairs more than the journal and orphans: ${surprise}`, byE2fsck: true };
  const checked = await e2fsck(['-fn', path]);
  if (checked.code !== 0) return { wrong: `recovered by e2fsck, e2fsck -fn says:\n${checked.said}`, byE2fsck: true };
  const fs = await ext4.open(new MemoryDevice(new Uint8Array(await readFile(path))), testContext());
  const lost = lostIn(recording, cut, await snapshot(fs));
  return lost === undefined ? { byE2fsck: true } : { wrong: `recovered by e2fsck${torn ? ' from a backup superblock' : ''}: ${lost}`, byE2fsck: true };
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

async function e2fsck(args: readonly string[]): Promise<{ code: number; said: string }> {
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' };
  return new Promise((resolve, reject) => {
    execFile('e2fsck', args, { env, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') resolve({ code, said: stdout + stderr.replace(/^e2fsck \d.*\n/, '') });
      else reject(error ?? new Error('e2fsck'));
    });
  });
}
