import type { Page } from 'playwright-core';

/** What the frames of a while looked like. */
export interface Frames {
  readonly count: number;
  /** In which a place in view had no row, or one that was still on its way. */
  readonly blank: number;
  /** The longest time between two, in milliseconds. */
  readonly longest: number;
}

interface Sampled {
  clutchFrames?: { stop: boolean; frames: Promise<Frames> };
}

/** Looks at the list in every frame from now on, until `stopSampling`. */
export async function startSampling(page: Page): Promise<void> {
  await page.evaluate(() => {
    const sampler = { stop: false, frames: undefined as unknown as Promise<Frames> };
    sampler.frames = new Promise((done) => {
      let count = 0;
      let blank = 0;
      let longest = 0;
      let last = performance.now();
      // After the frame's own work: what is seen here is what is painted.
      const look = (): void => {
        const view = document.querySelector('.grid-window')!.getBoundingClientRect();
        let covered = 0;
        let waits = false;
        for (const row of document.querySelectorAll('.grid .entry-row')) {
          const { top, bottom } = row.getBoundingClientRect();
          const seen = Math.min(bottom, view.bottom) - Math.max(top, view.top);
          if (seen <= 0) continue;
          covered += seen;
          waits ||= row.querySelector('.placeholder') !== null;
        }
        count++;
        if (waits || covered < view.height - 1) blank++;
        const now = performance.now();
        longest = Math.max(longest, now - last);
        last = now;
        if (sampler.stop) done({ count, blank, longest });
        else requestAnimationFrame(() => queueMicrotask(look));
      };
      requestAnimationFrame(() => queueMicrotask(look));
    });
    (globalThis as unknown as Sampled).clutchFrames = sampler;
  });
}

export function stopSampling(page: Page): Promise<Frames> {
  return page.evaluate(() => {
    const sampler = (globalThis as unknown as Sampled).clutchFrames!;
    sampler.stop = true;
    return sampler.frames;
  });
}

/**
 * Throws the bar to a fraction of the list, as a drag of the thumb does at once.
 * @returns frames until rows of that place are shown
 */
export function throwTo(page: Page, fraction: number): Promise<number> {
  return page.evaluate((part) => new Promise<number>((done) => {
    const grid = document.querySelector('.grid')!;
    const rowHeight = Number.parseFloat(getComputedStyle(grid).getPropertyValue('--row'));
    const top = Math.round((grid.scrollHeight - grid.clientHeight) * part);
    const wanted = Math.floor(top / rowHeight);
    let frames = 0;
    grid.scrollTop = top;
    const look = (): void => {
      frames++;
      const row = document.getElementById(`row-${wanted + 2}`);
      const view = document.querySelector('.grid-window')!.getBoundingClientRect();
      if (row !== null && row.querySelector('.placeholder') === null && row.getBoundingClientRect().top < view.bottom && row.getBoundingClientRect().bottom > view.top) done(frames);
      else requestAnimationFrame(() => queueMicrotask(look));
    };
    requestAnimationFrame(() => queueMicrotask(look));
  }), fraction);
}

/** Drags the bar over the whole list within `ms`, an event a frame. */
export function dragBar(page: Page, ms: number): Promise<void> {
  return page.evaluate((time) => new Promise<void>((done) => {
    const grid = document.querySelector('.grid')!;
    const most = grid.scrollHeight - grid.clientHeight;
    const started = performance.now();
    const step = (): void => {
      const part = Math.min(1, (performance.now() - started) / time);
      grid.scrollTop = most * part;
      if (part < 1) requestAnimationFrame(step);
      else done();
    };
    requestAnimationFrame(step);
  }), ms);
}
