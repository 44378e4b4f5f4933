import { hasPending } from '../models/editing.ts';
import { services } from './services.ts';
import { getApp, patchTab, setApp } from './state.ts';

/** The person has said that the window may go, pending changes or not. */
let allowed = false;

/** Closes the window, and throws pending changes away: they were asked about. The tabs stay, for the next start. */
export async function closeWindow(): Promise<void> {
  const { app } = services();
  const discarded = getApp().tabs.flatMap(({ id, image, edit }) => {
    if (image === undefined || !hasPending(edit)) return [];
    // The end of its process is no loss.
    patchTab(id, { image: undefined });
    return [app.call('image.close', { image, discard: true })];
  });
  // One that is gone already has nothing to be thrown away.
  await Promise.allSettled(discarded);
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
