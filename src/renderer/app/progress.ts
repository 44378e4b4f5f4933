import { useEffect } from 'react';
import { texts } from '../texts/index.ts';
import type { AppClient } from './services.ts';
import { type TabFrame, useApp } from './state.ts';
import { overallOf, useTransfers } from './transfers.ts';

/** Milliseconds between two words to the taskbar. */
const TOLD_EVERY = 250;

/** Tells the app how far the transfers are, for the bar on the window's icon. Electron alone has one. */
export function followProgress(app: AppClient): void {
  let told = '';
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tell = (): void => {
    timer = undefined;
    const now = overallOf(useTransfers.getState().list);
    const progress = now.done === undefined ? now : { ...now, done: Math.round(now.done * 100) / 100 };
    if (JSON.stringify(progress) === told) return;
    told = JSON.stringify(progress);
    app.call('app.progress', progress).catch(() => {
      // A system without a taskbar, or the app is gone: the panel shows it all the same.
    });
  };
  useTransfers.subscribe(() => { timer ??= setTimeout(tell, TOLD_EVERY); });
}

/** The window's title: the image, and in a browser, whose tab is all that is seen from elsewhere, how far the transfers are. */
export function useTitle(tab: TabFrame | undefined): void {
  const inBrowser = useApp((state) => state.info?.client === 'browser');
  const percent = useTransfers(({ list }) => {
    const { running, done } = overallOf(list);
    return running === 0 || done === undefined ? undefined : Math.floor(done * 100);
  });
  const name = tab?.source.name;
  useEffect(() => {
    const title = name === undefined ? texts.app.name : `${name} – ${texts.app.name}`;
    document.title = percent !== undefined && inBrowser ? texts.transfers.percent(percent, title) : title;
  }, [name, percent, inBrowser]);
}
