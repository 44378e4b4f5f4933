import type { Menu } from '../../shared/contract/window.ts';
import { commands, GROUPS } from '../commands/index.ts';
import { texts } from '../texts/index.ts';
import type { AppClient } from './services.ts';
import { getApp, useApp } from './state.ts';
import { useTransfers } from './transfers.ts';

/** Milliseconds in which changes are told together: walking through a list changes what is enabled at every step. */
const TOGETHER = 150;

/** Tells the app the commands as they are, for its native menu. */
export function followMenu(app: AppClient): void {
  let told = '';
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tell = (): void => {
    timer = undefined;
    const menu = menuOf();
    const text = JSON.stringify(menu);
    if (text === told) return;
    told = text;
    app.call('menu.set', menu).catch(() => {
      // Without a native menu the window has its own.
      told = '';
    });
  };
  const later = (): void => { timer ??= setTimeout(tell, TOGETHER); };
  useApp.subscribe(later);
  useTransfers.subscribe(later);
  tell();
}

function menuOf(): Menu {
  const state = getApp();
  return {
    groups: GROUPS.map((id) => ({
      id,
      label: texts.groups[id],
      items: commands.filter((command) => command.group === id && !command.quiet).map((command) => {
        const [keys] = command.keys;
        return { id: command.id, label: command.title?.(state) ?? command.label, enabled: command.enabled(state) === true, ...(keys === undefined ? {} : { keys }), ...(command.on === undefined ? {} : { checked: command.on(state) }) };
      }),
    })),
  };
}
