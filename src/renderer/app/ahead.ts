import type { View } from '../../shared/contract/rows.ts';
import type { Settings } from '../../shared/contract/settings.ts';
import { BLOCK } from '../models/rows.ts';
import type { HostClient } from './services.ts';

/** Milliseconds that a folder stays chosen by the keyboard before it is listed ahead: an arrow key held down lists nothing. */
const SETTLE = 40;

interface Ahead {
  readonly key: string;
  readonly host: HostClient;
  readonly abort: AbortController;
  view?: Promise<View | undefined>;
}

/** One at most: the folder that the keyboard is on. */
let ahead: Ahead | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

function keyOf(layer: string, node: number, { sort, hidden }: Settings): string {
  return `${layer} ${node} ${sort.key} ${sort.descending} ${hidden}`;
}

/**
 * Lists the folder that was just chosen, as it will be asked for if it is entered: between choosing and entering lies time enough to
 * list most folders. What is not entered is closed again.
 * @param pointed by a click, which most often is the first of two
 */
export function listAhead(host: HostClient, layer: string, node: number, settings: Settings, pointed = false): void {
  const key = keyOf(layer, node, settings);
  if (ahead?.key === key && ahead.host === host) return;
  forgetAhead();
  const mine: Ahead = { key, host, abort: new AbortController() };
  ahead = mine;
  timer = setTimeout(() => {
    mine.view = host.call('view.open', { layer, node, sort: { ...settings.sort }, hidden: settings.hidden, page: { size: BLOCK, at: 0 } }, mine.abort.signal).catch(() => undefined);
  }, pointed ? 0 : SETTLE);
}

/** The listing of a folder if it was, or is being, made ahead; the caller owns it. undefined too when that failed: ask again. */
export function takeAhead(host: HostClient, layer: string, node: number, settings: Settings): Promise<View | undefined> | undefined {
  if (ahead?.view === undefined || ahead.host !== host || ahead.key !== keyOf(layer, node, settings)) {
    forgetAhead();
    return undefined;
  }
  const { view } = ahead;
  ahead = undefined;
  return view;
}

/** Nothing is chosen any longer, or something else. */
export function forgetAhead(): void {
  clearTimeout(timer);
  const was = ahead;
  ahead = undefined;
  was?.abort.abort();
  void was?.view?.then((view) => (view === undefined ? undefined : was.host.call('view.close', { view: view.view }))).catch(() => {
    // The host is gone, and the view with it.
  });
}
