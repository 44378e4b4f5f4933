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
}

/**
 * Applies the changes from one image to another, and cuts the power at every step: after recovery it must be one of the two, byte by byte, and
 * the new one from the moment on at which the sidecar was durable.
 * @param cuts how many cuts there are at least
 * @throws Error with seed and cut of the first that is wrong
 */
export async function crashApply(before: Uint8Array, after: Uint8Array, cuts: number, seed: number): Promise<CrashRun> {
  const disk = SimulatedDisk.of(before);
  const overlay = new OverlayDevice(new MemoryDevice(before));
  for (let at = 0; at < after.length; at += PAGE) {
    if (Buffer.compare(before.subarray(at, at + PAGE), after.subarray(at, at + PAGE)) !== 0) overlay.write(at, after.subarray(at, at + PAGE));
  }
  const files = [{ path: 'disk.img', size: before.length, inode: '7' }];
  await apply(overlay, { device: disk.image, files, witnesses: [{ at: 0, length: PAGE }] }, { disk, places: PLACES, free: () => undefined }, nodeJob(), () => { throw new Error('it failed'); });
  if (Buffer.compare(disk.imageBytes, after) !== 0 || disk.others.length > 0) throw new Error('Apply itself did not write what it should');

  const { events } = disk;
  const start: Files = new Map([['disk.img', before]]);
  // The second sync of the sidecar makes it valid.
  const syncs = events.flatMap((event, i) => (event.kind === 'sync' && event.file === SIDECAR ? [i] : []));
  const promised = syncs[1]! + 1;
  const dice = random(seed, 1);
  const run = { cuts: 0, old: 0, now: 0, again: 0 };
  for (let round = 0; run.cuts < cuts; round++) {
    for (let at = 0; at <= events.length; at++) {
      const left = cutPower(start, events, at, dice, round === 0);
      const where = `seed ${seed}, round ${round}, cut at ${at} of ${events.length}`;
      const state = await recovered(left, before, after, dice, where, run);
      if (state === 'old' && at >= promised) throw new Error(`${where}: what was promised is not there`);
      run.cuts++;
      run[state === 'old' ? 'old' : 'now']++;
    }
  }
  return run;
}

/** Recovers what a cut left, sometimes with a cut in the middle of that; which of the two images it is then. */
async function recovered(left: Files, before: Uint8Array, after: Uint8Array, dice: Random, where: string, run: { again: number }): Promise<'old' | 'new'> {
  const disk = new SimulatedDisk(left);
  const found = await recover(disk);
  const bad = found.find(({ state }) => state !== 'finished' && state !== 'unchanged');
  if (bad !== undefined) throw new Error(`${where}: ${bad.state}: ${bad.message}`);
  if (disk.others.length > 0) throw new Error(`${where}: ${disk.others.join()} is left over`);
  const state = Buffer.compare(disk.imageBytes, before) === 0 ? 'old' : Buffer.compare(disk.imageBytes, after) === 0 ? 'new' : undefined;
  if (state === undefined) throw new Error(`${where}: the image is neither the old nor the new one`);
  if (disk.events.length > 1 && dice.oneIn(8)) {
    run.again++;
    const at = dice.below(disk.events.length + 1);
    const second = await recovered(cutPower(left, disk.events, at, dice, false), before, after, dice, `${where}, again at ${at}`, run);
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
