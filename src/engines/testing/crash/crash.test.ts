import { afterAll, describe, expect, it } from 'vitest';
import { random } from '../fuzz/random.ts';
import { missingTools, scratchFolder } from '../tools.ts';
import { judge } from './judge.ts';
import { powerCuts } from './power.ts';
import { crash, makeImage, SETUPS } from './run.ts';
import { record, type Recording } from './workload.ts';

const scratch = scratchFolder();
afterAll(() => { scratch.remove(); });
const noTools = missingTools('mke2fs', 'e2fsck');

/** Cut points a kind of filesystem; `npm run crash` goes on for as long as asked. */
const POINTS = 40;

describe.skipIf(noTools !== undefined)('the power goes in the middle of direct changes', () => {
  it.each(SETUPS.map((setup) => [setup.name, setup] as const))('%s: recovered by us and by e2fsck, it is clean and holds all that was synced', async (_, setup) => {
    const { failures, points, byE2fsck } = await crash({ setup, seed: 1, points: POINTS, e2fsckEvery: 5, kernelEvery: 0, folder: scratch.path, worker: 0 });
    expect(failures).toEqual([]);
    expect(points).toBe(POINTS);
    expect(byE2fsck).toBeGreaterThan(POINTS / 6);
  }, 60_000);

  // What shows that the driver would see it: the same recordings, from a disk that heeds only some of the flushes, or that loses old writes.
  it.each<readonly [string, (recording: Recording) => Recording]>([
    ['a flush that is missing', (recording) => {
      let flushes = 0;
      return { ...recording, events: recording.events.map((event) => (event.kind === 'flush' && flushes++ % 2 === 0 ? { kind: 'read', at: 0, length: 0 } : event)) };
    }],
    ['a sync that came back too early', (recording) => ({ ...recording, moments: recording.moments.map((moment) => ({ ...moment, synced: true })) })],
    ['a commit that never reached the disk', (recording) => {
      const middle = Math.floor(recording.events.length / 2);
      return { ...recording, events: recording.events.map((event, at) => (event.kind === 'write' && at > middle && at < middle + 40 ? { kind: 'read', at: 0, length: 0 } : event)) };
    }],
  ])('finds %s', async (_, spoil) => {
    const dice = random(5, 0);
    const spoilt = spoil(await record(makeImage(SETUPS[1]!, scratch.path, 1), 40, dice));
    let found = 0;
    let tried = 0;
    for (const cut of powerCuts(spoilt.image, spoilt.events, 2, 0.1, dice)) {
      tried++;
      // What is refused is lost as well.
      const wrong = await judge(spoilt, cut, { e2fsck: false, kernel: false }, scratch.path, 1).catch((error: unknown) => String(error));
      if (wrong !== undefined) found++;
      if (found > 2) break;
    }
    expect(found, `of ${tried} cuts`).toBeGreaterThan(2);
  }, 60_000);
});
