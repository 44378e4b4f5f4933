import { useSyncExternalStore } from 'react';

/** Too narrow for a sidebar beside the content: a small window, or a large zoom. */
const NARROW = '(max-width: 719px)';

export function isNarrow(): boolean {
  return window.matchMedia(NARROW).matches;
}

function subscribe(changed: () => void): () => void {
  const query = window.matchMedia(NARROW);
  query.addEventListener('change', changed);
  return () => query.removeEventListener('change', changed);
}

export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, isNarrow);
}
