import { create } from 'zustand';
import type { OpeningEvent, OpeningStep } from '../../shared/contract/rows.ts';
import type { HostClient, Note } from './services.ts';
import { findTab } from './state.ts';

/** How an image was opened, as far as it is told: one account for the image, and one for each layer that was opened anew since. */
export interface Account {
  readonly steps: readonly OpeningStep[];
  readonly notes: readonly Note[];
  /** What came of it; undefined while it goes on. */
  readonly end?: Extract<OpeningEvent, { event: 'end' }>;
}

const NOTHING: Account = { steps: [], notes: [] };

/** The accounts of each tab's image, by the tab's id. */
export const useOpenings = create<{ readonly of: ReadonlyMap<number, readonly Account[]> }>(() => ({ of: new Map() }));

/** Milliseconds in which what is told is shown together: a table of a hundred volumes tells two hundred steps at once. */
const SHOWN_TOGETHER = 30;

/** Forgets what was told of a tab's image. */
export function forgetOpening(tab: number): void {
  useOpenings.setState(({ of }) => ({ of: new Map([...of].filter(([id]) => id !== tab)) }));
}

/** Follows the opening that is under way, or was the last, to its end. */
export async function followOpening(tab: number, host: HostClient): Promise<void> {
  const steps = new Map<number, OpeningStep>();
  const notes: Note[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const at = useOpenings.getState().of.get(tab)?.length ?? 0;
  const show = (end?: Account['end']): void => {
    clearTimeout(timer);
    timer = undefined;
    // Its tab is closed, or has another image.
    if (findTab(tab)?.host !== host) return;
    const account: Account = { steps: [...steps.values()].toSorted((a, b) => a.id - b.id), notes: [...notes], ...(end === undefined ? {} : { end }) };
    useOpenings.setState(({ of }) => ({ of: new Map([...of, [tab, [...(of.get(tab) ?? []).slice(0, at), account]]]) }));
  };
  show();
  try {
    for await (const event of host.stream('image.opening', {})) {
      if (event.event === 'step') steps.set(event.step.id, event.step);
      else if (event.event === 'note') notes.push(event.note);
      else show(event);
      if (event.event !== 'end') timer ??= setTimeout(show, SHOWN_TOGETHER);
    }
  } catch {
    // The image is gone; its tab has the word.
    clearTimeout(timer);
  }
}

/** What is told of the opening that goes on in a tab. */
export function currentAccount(accounts: readonly Account[] | undefined): Account {
  return accounts?.at(-1) ?? NOTHING;
}
