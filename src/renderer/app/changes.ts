import { useSyncExternalStore } from 'react';

/** What tells of its own changes. */
export interface Changing {
  readonly subscribe: (listener: () => void) => () => void;
  /** Grows with every change. */
  readonly version: () => number;
}

const STILL: Changing = { subscribe: () => () => {}, version: () => 0 };

/** Draws a component anew whenever `what` changes. */
export function useChanges(what: Changing | undefined): void {
  const { subscribe, version } = what ?? STILL;
  useSyncExternalStore(subscribe, version);
}
