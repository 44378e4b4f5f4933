import { hasPending } from '../models/editing.ts';
import { texts } from '../texts/index.ts';
import { unmountAll } from './mounts.ts';
import { services } from './services.ts';
import { announce, findTab, getApp, patchTab, setApp } from './state.ts';
import { closeNow } from './tabs.ts';

/** What is to be closed: tabs, and the window with them. */
export interface Leaving {
  readonly tabs: readonly number[];
  readonly window: boolean;
}

/** The person has said that the window may go, pending changes or not. */
let allowed = false;

/** What is unmounted now, so that a key that is pressed twice asks once. */
const unmounting = new Set<number>();

/** Closes a tab: see `closeTabs`. */
export function closeTab(id: number): void {
  closeTabs([id]);
}

/** Closes tabs. What is mounted of them is unmounted, and where that is in use or changes are pending, it asks first, about all at once. */
export function closeTabs(tabs: readonly number[]): void {
  void leave({ tabs, window: false });
}

/** Closes tabs, or the window. What is mounted comes first: what programs have written there is pending once it is unmounted. */
export async function leave(leaving: Leaving, lazy = false): Promise<void> {
  const mounted = leaving.tabs.filter((id) => (findTab(id)?.mounted?.length ?? 0) > 0);
  if (mounted.some((id) => unmounting.has(id))) return;
  if (mounted.length > 0) {
    for (const id of mounted) unmounting.add(id);
    announce(texts.mount.unmounting);
    const held = await unmountAll(mounted, lazy);
    for (const id of mounted) unmounting.delete(id);
    // With its process goes what is left of a mount.
    if (held.length > 0 && !lazy) {
      setApp({ dialog: { kind: 'close-mounted', ...leaving, held } });
      return;
    }
  }
  if (leaving.tabs.some((id) => hasPending(findTab(id)?.edit))) setApp({ dialog: { kind: 'close-pending', ...leaving } });
  else leaveNow(leaving);
}

/** Closes tabs, or the window, and throws pending changes away. */
export function leaveNow({ tabs, window: whole }: Leaving): void {
  if (whole) void closeWindow();
  else for (const id of tabs) closeNow(id);
}

/** Closes the window, and throws pending changes away: they were asked about. The tabs stay, for the next start. */
async function closeWindow(): Promise<void> {
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

/** Before the window is closed, unmounts and asks about pending changes: by itself where closing is ours, with the browser's own question in a browser. Answers how to stop. */
export function watchLeaving(): () => void {
  const onLeave = (event: BeforeUnloadEvent): void => {
    const { tabs, info } = getApp();
    if (allowed || !tabs.some(({ edit, mounted }) => hasPending(edit) || (mounted?.length ?? 0) > 0)) return;
    event.preventDefault();
    if (info?.client === 'electron') void leave({ tabs: tabs.map(({ id }) => id), window: true });
  };
  window.addEventListener('beforeunload', onLeave);
  return () => window.removeEventListener('beforeunload', onLeave);
}
