import { useSyncExternalStore } from 'react';

/** Too narrow for a sidebar beside the content: a small window, or a large zoom. */
const narrow = window.matchMedia('(max-width: 719px)');

export function isNarrow(): boolean {
  return narrow.matches;
}

function subscribe(changed: () => void): () => void {
  narrow.addEventListener('change', changed);
  return () => narrow.removeEventListener('change', changed);
}

export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, isNarrow);
}
