import { OverlayDevice } from '../../../engines/core/bytes/overlay.ts';
import { MemoryDevice } from '../../../engines/core/bytes/memory.ts';
import { type Random, random } from '../../../engines/testing/fuzz/random.ts';
import { nodeJob } from '../../session.ts';
import { apply } from '../apply.ts';
import type { Recovery } from '../editing.ts';
import { recoverApply } from '../recovery.ts';
import { cutPower, type Files, SimulatedDisk } from './simulated-disk.ts';

const SIDECAR = '.disk.img.clutch-apply';
const PLACES = [{ folder: '/', path: SIDECAR }];
const PAGE = 4096;

export interface CrashRun {
  readonly cuts: number;
  /** Cuts after which the image had none, and all of the changes. */
  readonly old: number;
  readonly now: number;
  /** Cuts in the middle of a recovery, beside. */
  readonly again: number;
  /** Processes that were killed, whose changes were recovered by another one before the power went, beside. */
  readonly killed: number;
  /** Cuts before the Apply was committed, when its changes of zeros may have been in the image. */
  readonly uncommitted: number;
}

export interface CrashOptions {
  /** Whether zeros of the image are holes. */
  readonly sparse?: boolean;
  /** Whether changes of zeros are written before the Apply is committed, however few they are; else all are as long as there are few. */
  readonly fresh?: boolean;
}

/**
 * Applies the changes from one image to another, and cuts the power at every step: after recovery it must be one of the two, byte by byte, and
 * the new one from the moment on at which that was promised.
 * @param cuts how many cuts there are at least
 * @throws Error with seed and cut of the first that is wrong
 */
export async function crashApply(before: Uint8Array, after: Uint8Array, cuts: number, seed: number, { sparse = true, fresh = false }: CrashOptions = {}): Promise<CrashRun> {
  const disk = SimulatedDisk.of(before);
  disk.sparse = sparse;
  const overlay = new OverlayDevice(new MemoryDevice(before));
  for (let at = 0; at < after.length; at += PAGE) {
    if (Buffer.compare(before.subarray(at, at + PAGE), after.subarray(at, at + PAGE)) !== 0) overlay.write(at, after.subarray(at, at + PAGE));
  }
  const files = [{ path: 'disk.img', size: before.length, inode: '7' }];
  await apply(overlay, { device: disk.image, files, witnesses: [{ at: 0, length: PAGE }] }, { disk, places: PLACES, free: () => undefined, ...(fresh ? { leastChanges: 0 } : {}) }, nodeJob(), () => { throw new Error('it failed'); });
  if (Buffer.compare(disk.imageBytes, after) !== 0 || disk.others.length > 0) throw new Error('Apply itself did not write what it should');

  const { events } = disk;
  const start: Files = new Map([['disk.img', before]]);
  // The second sync of the sidecar makes it valid; the third one commits it, where there is one.
  const syncs = events.flatMap((event, i) => (event.kind === 'sync' && event.file === SIDECAR ? [i] : []));
  const [valid, promised] = [syncs[1]! + 1, syncs.at(-1)! + 1];
  if (syncs.length !== (fresh ? 3 : 2)) throw new Error(`The sidecar was synced ${syncs.length} times`);
  const firstOfImage = events.findIndex((event) => event.kind === 'write' && event.file === 'disk.img');
  if (firstOfImage < valid) throw new Error('The image was touched before the sidecar was valid');
  const dice = random(seed, 1);
  const run = { cuts: 0, old: 0, now: 0, again: 0, killed: 0, uncommitted: 0 };
  const check = async (left: Files, at: number, where: string): Promise<void> => {
    const state = await recovered(left, before, after, sparse, dice, where, run);
    if (state === 'old' && at >= promised) throw new Error(`${where}: what was promised is not there`);
    // The mark, or the tail, is written before it is synced.
    if (state === 'new' && at < promised - 1) throw new Error(`${where}: it was finished before it was committed`);
    run[state === 'old' ? 'old' : 'now']++;
  };
  for (let round = 0; run.cuts < cuts; round++) {
    for (let at = 0; at <= events.length; at++) {
      const where = `seed ${seed}, round ${round}, cut at ${at} of ${events.length}`;
      await check(cutPower(start, events, at, dice, round === 0), at, where);
      run.cuts++;
      if (at > valid && at < promised) run.uncommitted++;
      // Killed there instead, recovered, and the power goes in the middle of that or after it: what the process had not synced may be lost even now.
      if (!dice.oneIn(4)) continue;
      const second = new SimulatedDisk(cutPower(start, events, at, dice, true));
      second.sparse = sparse;
      await recover(second);
      const both = [...events.slice(0, at), ...second.events];
      const end = dice.oneIn(3) ? both.length : at + dice.below(second.events.length + 1);
      await check(cutPower(start, both, end, dice, false), at, `${where}, killed, and cut at ${end} of ${both.length}`);
      run.killed++;
    }
  }
  return run;
}

/** Recovers what a cut left, sometimes with a cut in the middle of that; which of the two images it is then. */
async function recovered(left: Files, before: Uint8Array, after: Uint8Array, sparse: boolean, dice: Random, where: string, run: { again: number }): Promise<'old' | 'new'> {
  const disk = new SimulatedDisk(left);
  disk.sparse = sparse;
  const found = await recover(disk);
  const bad = found.find(({ state }) => state !== 'finished' && state !== 'unchanged');
  if (bad !== undefined) throw new Error(`${where}: ${bad.state}: ${bad.message}`);
  if (disk.others.length > 0) throw new Error(`${where}: ${disk.others.join()} is left over`);
  const state = Buffer.compare(disk.imageBytes, before) === 0 ? 'old' : Buffer.compare(disk.imageBytes, after) === 0 ? 'new' : undefined;
  if (state === undefined) throw new Error(`${where}: the image is neither the old nor the new one`);
  if (disk.events.length > 1 && dice.oneIn(8)) {
    run.again++;
    const at = dice.below(disk.events.length + 1);
    const second = await recovered(cutPower(left, disk.events, at, dice, false), before, after, sparse, dice, `${where}, again at ${at}`, run);
    if (second !== state) throw new Error(`${where}: recovered twice, it is another one`);
  }
  return state;
}

function recover(disk: SimulatedDisk): Promise<Recovery[]> {
  const image = disk.image;
  return recoverApply(['disk.img'], {
    disk, places: PLACES, isRunning: () => false, isTrusted: () => true,
    openImage: () => ({ device: image, files: [{ path: 'disk.img', size: image.size, inode: '7' }], close() {} }),
  });
}
