import type { Params } from '../../shared/rpc/types.ts';
import type { AppContract } from '../../shared/contract/calls.ts';
import { MAX_TABS } from '../../shared/contract/window.ts';
import { goalOf } from './navigation.ts';
import type { AppClient } from './services.ts';
import { type AppState, getApp, useApp } from './state.ts';
import { addSleeping } from './tabs.ts';

/** Milliseconds in which changes are kept together. */
const TOGETHER = 400;

/** Brings the tabs of last time back, if the person wants them. */
export async function restoreSession(app: AppClient): Promise<void> {
  if (!getApp().settings.reopen) return;
  const { tabs, active } = await app.call('session.get', {});
  addSleeping(tabs.map(({ source, place }) => ({ source, goal: place && { place } })), active);
}

/** Has the app keep what is open and where, from now on. */
export function followSession(app: AppClient): void {
  let kept = JSON.stringify(sessionOf(getApp()));
  let timer: ReturnType<typeof setTimeout> | undefined;
  const keep = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const session = sessionOf(getApp());
    const text = JSON.stringify(session);
    if (text === kept) return;
    kept = text;
    app.call('session.set', session).catch(() => {
      // The next change tries again; a window must not complain at every step that it can't be remembered.
      kept = '';
    });
  };
  useApp.subscribe((state, before) => {
    if (state.tabs !== before.tabs || state.active !== before.active) timer ??= setTimeout(keep, TOGETHER);
  });
  window.addEventListener('pagehide', keep);
}

function sessionOf({ tabs, active }: AppState): Params<AppContract['session.set']> {
  const first = tabs.slice(0, MAX_TABS);
  const at = first.findIndex((tab) => tab.id === active);
  return {
    tabs: first.map((tab) => {
      const place = goalOf(tab)?.place;
      return { token: tab.source.token, ...(place === undefined ? {} : { place }) };
    }),
    ...(at < 0 ? {} : { active: at }),
  };
}
