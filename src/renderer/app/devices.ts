import { create } from 'zustand';
import type { DeviceList } from '../../shared/contract/devices.ts';
import { isNarrow } from './narrow.ts';
import { prefer } from './navigation.ts';
import { type ErrorData, errorOf, isCancelled, services } from './services.ts';
import { getApp, setApp } from './state.ts';

interface Devices {
  /** Whether the list is unfolded, wherever it stands. Nothing is asked for before. */
  readonly open: boolean;
  /** Undefined until it was told. */
  readonly list?: DeviceList | undefined;
  readonly error?: ErrorData | undefined;
}

/** What is known of the disks of this computer. */
export const useDevices = create<Devices>(() => ({ open: false }));

/** Hears of the disks until the answer is called. */
export function followDevices(): () => void {
  const abort = new AbortController();
  const follow = async (): Promise<void> => {
    try {
      for await (const list of services().app.stream('devices.changes', {}, abort.signal)) useDevices.setState({ list, error: undefined });
    } catch (error) {
      if (!abort.signal.aborted && !isCancelled(error)) useDevices.setState({ error: errorOf(error) });
    }
  };
  void follow();
  return () => abort.abort();
}

/** Unfolds the list of disks where it is: in the sidebar, or on the start page; the focus goes there. */
export function showDevices(): void {
  useDevices.setState({ open: true });
  const { active, tabs } = getApp();
  if (tabs.some(({ id }) => id === active)) {
    if (isNarrow()) setApp({ sidebarOver: true });
    else prefer({ sidebar: true });
  } else {
    setApp({ start: 'welcome' });
  }
  // After the palette has given the focus back, and the sidebar stands there.
  setTimeout(() => document.querySelector<HTMLElement>('.devices-fold')?.focus(), 150);
}
