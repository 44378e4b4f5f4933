import { afterAll, describe, expect, it } from 'vitest';
import { missingTools, scratchFolder } from '../tools.ts';
import { crash, SETUPS } from './run.ts';

const scratch = scratchFolder();
afterAll(() => { scratch.remove(); });
const noTools = missingTools('mke2fs', 'e2fsck');

/** Cut points a kind of filesystem; `npm run crash` goes on for as long as asked. */
const POINTS = 60;

describe.skipIf(noTools !== undefined)('the power goes in the middle of direct changes', () => {
  it.each(SETUPS.map((setup) => [setup.name, setup] as const))('%s: recovered by us and by e2fsck, it is clean and holds all that was synced', async (_, setup) => {
    const { failures, points, byE2fsck } = await crash({ setup, seed: 1, points: POINTS, e2fsckEvery: 5, kernelEvery: 0, folder: scratch.path, worker: 0 });
    expect(failures).toEqual([]);
    expect(points).toBe(POINTS);
    expect(byE2fsck).toBeGreaterThan(POINTS / 6);
  }, 60_000);
});
