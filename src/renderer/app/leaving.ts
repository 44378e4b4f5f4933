import { hasPending } from '../models/editing.ts';
import { getApp, setApp } from './state.ts';

/** The person has said that the window may go, pending changes or not. */
let allowed = false;

/** Closes the window; what was pending was asked about. */
export function closeWindow(): void {
  allowed = true;
  window.close();
}

/** Asks before the window is closed while changes are pending: with our own dialog where closing is ours, with the browser's in a browser. Answers how to stop. */
export function watchLeaving(): () => void {
  const onLeave = (event: BeforeUnloadEvent): void => {
    const { tabs, info } = getApp();
    if (allowed || !tabs.some(({ edit }) => hasPending(edit))) return;
    event.preventDefault();
    if (info?.client === 'electron') setApp({ dialog: { kind: 'close-pending', tabs: tabs.map(({ id }) => id), window: true } });
  };
  window.addEventListener('beforeunload', onLeave);
  return () => window.removeEventListener('beforeunload', onLeave);
}
