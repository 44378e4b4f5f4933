import type { SettingsPatch } from '../../shared/contract/settings.ts';
import { notifyError } from '../ui/toasts.ts';
import { errorOf, services } from './services.ts';

/** Milliseconds in which changes are kept together: dragging a column's edge makes a hundred of them. */
const TOGETHER = 300;

let waiting: SettingsPatch = {};
let timer: ReturnType<typeof setTimeout> | undefined;

/** Has the app keep a change of the settings, which counts in this window already. */
export function keepSettings(patch: SettingsPatch): void {
  waiting = { ...waiting, ...patch };
  timer ??= setTimeout(flushSettings, TOGETHER);
}

/** Whether a change is on its way: what the app tells until then is older. */
export function isKeeping(): boolean {
  return timer !== undefined;
}

/** Sends what waits, also when the page goes. */
export function flushSettings(): void {
  if (timer === undefined) return;
  clearTimeout(timer);
  timer = undefined;
  const patch = waiting;
  waiting = {};
  services().app.call('settings.set', patch).catch((error: unknown) => notifyError(errorOf(error)));
}
