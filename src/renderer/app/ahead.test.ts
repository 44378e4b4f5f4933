import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_SETTINGS } from '../../shared/contract/settings.ts';
import type { View } from '../../shared/contract/rows.ts';
import { forgetAhead, listAhead, takeAhead } from './ahead.ts';
import type { HostClient } from './services.ts';

/** Counts what it is asked; views are numbered. */
function fakeHost(): { host: HostClient; opened: number[]; closed: number[]; aborted: () => number } {
  const opened: number[] = [];
  const closed: number[] = [];
  const signals: AbortSignal[] = [];
  const call = async (name: string, params: { node?: number; view?: number }, signal?: AbortSignal): Promise<View | undefined> => {
    if (name === 'view.close') {
      closed.push(params.view!);
      return undefined;
    }
    opened.push(params.node!);
    if (signal !== undefined) signals.push(signal);
    return { view: opened.length, count: 0, hidden: 0, filtered: 0, notes: [] } as unknown as View;
  };
  return { host: { call } as unknown as HostClient, opened, closed, aborted: () => signals.filter(({ aborted }) => aborted).length };
}

describe('listing ahead', () => {
  beforeEach(() => { vi.useFakeTimers(); });
  afterEach(() => {
    forgetAhead();
    vi.useRealTimers();
  });

  it('lists the folder that stays chosen, once, and hands it over once', async () => {
    const { host, opened, closed } = fakeHost();
    listAhead(host, '0', 7, DEFAULT_SETTINGS);
    listAhead(host, '0', 7, DEFAULT_SETTINGS);
    await vi.advanceTimersByTimeAsync(50);
    expect(opened).toEqual([7]);
    expect((await takeAhead(host, '0', 7, DEFAULT_SETTINGS))?.view).toBe(1);
    expect(takeAhead(host, '0', 7, DEFAULT_SETTINGS)).toBeUndefined();
    expect(closed).toEqual([]);
  });

  it('lists nothing while the choice moves on', async () => {
    const { host, opened } = fakeHost();
    for (let node = 0; node < 20; node++) {
      listAhead(host, '0', node, DEFAULT_SETTINGS);
      await vi.advanceTimersByTimeAsync(30);
    }
    expect(opened).toEqual([]);
    expect(takeAhead(host, '0', 19, DEFAULT_SETTINGS)).toBeUndefined();
    await vi.advanceTimersByTimeAsync(100);
    expect(opened).toEqual([]);
  });

  it('stops and closes what is not entered, and is no use in another order', async () => {
    const { host, opened, closed, aborted } = fakeHost();
    listAhead(host, '0', 7, DEFAULT_SETTINGS);
    await vi.advanceTimersByTimeAsync(50);
    listAhead(host, '0', 8, DEFAULT_SETTINGS);
    await vi.advanceTimersByTimeAsync(50);
    expect(opened).toEqual([7, 8]);
    expect(closed).toEqual([1]);
    expect(aborted()).toBe(1);
    expect(takeAhead(host, '0', 8, { ...DEFAULT_SETTINGS, hidden: true })).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(closed).toEqual([1, 2]);
  });
});
