import { create } from 'zustand';
import type { SourceToken } from '../../shared/contract/calls.ts';
import type { BadGuestRow, GuestRow, GuestTree, Matrix, QemuState } from '../../shared/contract/guests.ts';
import type { MountWay } from '../../shared/contract/mounts.ts';
import { texts } from '../texts/index.ts';
import { notify, notifyError } from '../ui/toasts.ts';
import { focusContentSoon } from './focus.ts';
import { type AppClient, type ErrorData, errorOf, services } from './services.ts';
import { announce, getApp, setApp } from './state.ts';
import { openSources } from './tabs.ts';
import { begin, isRunning, type JobClient, type Transfer, useTransfers } from './transfers.ts';

interface Guests {
  /** Undefined until it was asked for. */
  readonly list?: readonly GuestRow[] | undefined;
  /** Folders that should be guests and are none. */
  readonly bad?: readonly BadGuestRow[] | undefined;
  readonly qemu?: QemuState | undefined;
  readonly error?: ErrorData | undefined;
  readonly matrix?: Matrix | undefined;
  readonly matrixError?: ErrorData | undefined;
  /** The ways to mount: undefined until they were asked for. */
  readonly ways?: readonly MountWay[] | undefined;
  readonly waysError?: ErrorData | undefined;
  /** Jobs of the app that build, by the guest's name. */
  readonly building: ReadonlyMap<string, number>;
}

/** What is known of the guests of this computer. */
export const useGuests = create<Guests>(() => ({ building: new Map() }));

const t = texts.guestsPage;

/** Asks for the guests, and whether there is a machine for them. */
export async function loadGuests(): Promise<void> {
  const { app } = services();
  try {
    const [list, bad, qemu] = await Promise.all([app.call('guests.list', {}), app.call('guests.bad', {}), app.call('guests.qemu', {})]);
    useGuests.setState({ list, bad, qemu, error: undefined });
  } catch (error) {
    useGuests.setState({ error: errorOf(error) });
  }
}

export async function loadMatrix(): Promise<void> {
  try {
    useGuests.setState({ matrix: await services().app.call('guests.matrix', {}), matrixError: undefined });
  } catch (error) {
    useGuests.setState({ matrixError: errorOf(error) });
  }
}

export async function loadWays(): Promise<void> {
  try {
    useGuests.setState({ ways: await services().app.call('mount.ways', {}), waysError: undefined });
  } catch (error) {
    useGuests.setState({ waysError: errorOf(error) });
  }
}

/** The tab that was shown before the page of all guests. */
let before: number | undefined;

/** Shows the page of all guests. */
export function showGuests(): void {
  before = getApp().active ?? before;
  setApp({ active: undefined, start: 'guests' });
  focusContentSoon();
}

/** Back to the image that was shown, or the start page. */
export function leaveGuests(): void {
  setApp(({ tabs }) => ({ start: 'welcome', active: tabs.find(({ id }) => id === before)?.id }));
  focusContentSoon();
}

/** The jobs of the app, in the words of those of an image. */
function jobsOf(app: AppClient): JobClient {
  return {
    call: (name, params) => (name === 'job.cancel' ? app.call('guests.cancel', { job: params.job }) as never : Promise.reject(new Error(`The app has no ${name}`))),
    stream: (_name, params, signal) => app.stream('guests.job', params, signal) as never,
    close() {},
    onClose: (run) => app.onClose(run),
  };
}

/** Builds a guest, in the panel of transfers. */
export async function buildGuest({ name, title }: Pick<GuestRow, 'name' | 'title'>): Promise<void> {
  if (buildOf(useTransfers.getState().list, useGuests.getState().building, name) !== undefined) return;
  const { app } = services();
  try {
    const { job } = await app.call('guests.build', { names: [name] });
    useGuests.setState(({ building }) => ({ building: new Map([...building, [name, job]]) }));
    begin({
      kind: 'build', title, host: jobsOf(app), job,
      ended() {
        useGuests.setState(({ building }) => ({ building: new Map([...building].filter(([, each]) => each !== job)) }));
        void loadGuests();
        if (useGuests.getState().matrix !== undefined) void loadMatrix();
        return {};
      },
    });
  } catch (error) {
    notifyError(errorOf(error));
  }
}

/** The work that builds a guest now. */
export function buildOf(list: readonly Transfer[], building: Guests['building'], name: string): Transfer | undefined {
  const job = building.get(name);
  return job === undefined ? undefined : list.find((transfer) => transfer.kind === 'build' && transfer.job === job && isRunning(transfer));
}

export async function removeGuest({ name, title }: Pick<GuestRow, 'name' | 'title'>): Promise<void> {
  const list = await services().app.call('guests.remove', { name });
  useGuests.setState(({ bad }) => ({ list, bad: bad?.filter((each) => each.name !== name) }));
  if (useGuests.getState().matrix !== undefined) void loadMatrix();
  announce(t.removed(title));
  notify({ text: t.removed(title), tone: 'done' });
}

/** The person shows the folder of a guest. */
export async function addGuest(): Promise<void> {
  if (getApp().info?.dialogs === 'path') {
    setApp({ dialog: { kind: 'add-guest' } });
    return;
  }
  try {
    const folder = await services().app.call('dialog.folder', {});
    if (folder !== undefined) await addGuestFrom(folder.token);
  } catch (error) {
    notifyError(errorOf(error));
  }
}

/** @throws DiskError where there is no guest in the folder */
export async function addGuestFrom(token: string): Promise<void> {
  const known = useGuests.getState().list?.length ?? 0;
  const list = await services().app.call('guests.add', { token });
  useGuests.setState({ list });
  if (useGuests.getState().matrix !== undefined) void loadMatrix();
  notify({ text: t.added2(Math.max(1, list.length - known)), tone: 'done' });
}

/** One of a guest's own trees, in a tab of its own. @param over the image that lies below an overlay */
export async function openTree(name: string, tree: GuestTree, over?: SourceToken): Promise<void> {
  try {
    openSources([await services().app.call('guests.tree', { name, tree, ...(over === undefined ? {} : { token: over.token }) })]);
  } catch (error) {
    notifyError(errorOf(error));
  }
}
