import type { Page } from 'playwright-core';

/** The middle one; of an even number the lower. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1]!;
}

/** One line of the report of a run, for people and for bench/results.md. */
export function tell(what: string, values: readonly number[], aim: string): void {
  console.log(`measured: ${what}: ${Math.round(median(values))} ms (${values.map((value) => Math.round(value)).join(', ')}); aim ${aim}`);
}

/** Where the page keeps the clock of `arm` until `read` takes it. */
interface Armed {
  clutchClock?: Promise<number>;
}

/**
 * Starts a clock at the page's next event of a kind (before any of the page's own listeners hears it), and stops it with the first
 * frame that was painted after `selector` had matched an element with `text` in it.
 */
export async function arm(page: Page, event: 'drop' | 'dblclick' | 'keydown' | 'input' | 'click', selector: string, text: string): Promise<void> {
  await page.evaluate(([type, wanted, inside]) => {
    (globalThis as unknown as Armed).clutchClock = new Promise<number>((done) => {
      window.addEventListener(type!, () => {
        const started = performance.now();
        const look = (): void => {
          if (![...document.querySelectorAll(wanted!)].some((each) => each.textContent?.includes(inside!))) return;
          watch.disconnect();
          // A frame's callbacks come before it is painted, the next task after it.
          requestAnimationFrame(() => setTimeout(() => done(performance.now() - started)));
        };
        const watch = new MutationObserver(look);
        watch.observe(document.body, { subtree: true, childList: true, characterData: true });
      }, { capture: true, once: true });
    });
  }, [event, selector, text]);
}

/** Milliseconds of the clock that was armed. @throws when it does not stop within 20 s */
export function read(page: Page): Promise<number> {
  return page.evaluate(() => Promise.race([
    (globalThis as unknown as Armed).clutchClock!,
    new Promise<number>((_, fail) => { setTimeout(() => fail(new Error('what was waited for was never painted')), 20_000); }),
  ]));
}
