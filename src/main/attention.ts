import { type BrowserWindow, Notification } from 'electron';
import type { AppContract } from '../shared/contract/calls.ts';
import type { Params } from '../shared/rpc/types.ts';

/** More than 1 is a bar without an end, less than 0 none: Electron's own words. */
const ENDLESS = 2;
const NO_BAR = -1;

/** What the system shows of the window's long work: the bar on its icon, and a notice where nobody looks at the window. */
export class Attention {
  readonly #window: () => BrowserWindow | undefined;

  constructor(window: () => BrowserWindow | undefined) {
    this.#window = window;
  }

  progress({ running, done }: Params<AppContract['app.progress']>): void {
    const window = this.#window();
    if (window === undefined || window.isDestroyed()) return;
    if (running === 0) window.setProgressBar(NO_BAR);
    else if (done === undefined) window.setProgressBar(ENDLESS, { mode: 'indeterminate' });
    else window.setProgressBar(done);
  }

  /** Names stand in the title alone: some systems read markup in a notice's body. */
  notify(texts: Params<AppContract['app.notify']>): void {
    const window = this.#window();
    if (window === undefined || window.isDestroyed() || (window.isVisible() && window.isFocused() && !window.isMinimized()) || !Notification.isSupported()) return;
    const notice = new Notification({ ...texts, silent: true });
    notice.on('click', () => {
      if (window.isDestroyed()) return;
      if (window.isMinimized()) window.restore();
      window.show();
      window.focus();
    });
    notice.show();
  }
}
