import { create } from 'zustand';
import type { MountOptions, MountProviderRow, MountRow, Unmounted } from '../../shared/contract/mounts.ts';
import { canEdit } from '../models/editing.ts';
import { layerAt, parentPath } from '../models/layers.ts';
import { sameMounts } from '../models/mounts.ts';
import { texts } from '../texts/index.ts';
import { sentences } from '../texts/sentences.ts';
import { notify, notifyError } from '../ui/toasts.ts';
import { askState } from './editing.ts';
import { focusFreeSoon } from './focus.ts';
import { placeOf } from './navigation.ts';
import { errorOf, type HostClient, services } from './services.ts';
import { announce, findTab, getApp, type Held, patchTab, setApp, type Tab, useApp } from './state.ts';

const t = texts.mount;

/** What mounts are asked for now, by tab: the rows of `Tab.mounted` with their numbers as they are told, once a second. */
export const useActivity = create<{ readonly of: ReadonlyMap<number, readonly MountRow[]> }>(() => ({ of: new Map() }));

/** Milliseconds that closing waits for an unmount. What takes longer is told as being in use: whether to wait on is the person's choice. */
const PATIENCE = 20_000;

/** What a mount was asked for, so that it can be made again. */
interface Asked {
  readonly layer: string;
  readonly options: MountOptions;
  readonly target?: string | undefined;
}

/** Of each image's host: what its mounts were asked for, those that were told to stop, and why that failed, which is told once. */
interface Known {
  readonly asked: Map<number, Asked>;
  readonly stopping: Set<number>;
  readonly failed: Map<number, string>;
}

const known = new WeakMap<HostClient, Known>();

function knownOf(host: HostClient): Known {
  let of = known.get(host);
  if (of === undefined) known.set(host, of = { asked: new Map(), stopping: new Set(), failed: new Map() });
  return of;
}

// An image that is closed or lost is asked for nothing.
useApp.subscribe(({ tabs }, before) => {
  if (tabs === before.tabs) return;
  const { of } = useActivity.getState();
  const left = [...of].filter(([id]) => tabs.some((tab) => tab.id === id && tab.mounted !== undefined));
  if (left.length < of.size) useActivity.setState({ of: new Map(left) });
});

/** What a mounted volume is called: as in the sidebar, else by the image. */
export function nameOfMounted({ info, source }: Pick<Tab, 'info' | 'source'>, layer: string): string {
  const row = info === undefined ? undefined : layerAt(info, layer);
  const around = info === undefined ? undefined : layerAt(info, parentPath(layer) ?? '');
  return (around?.kind === 'volume' ? around.label : '') || row?.label || source.name;
}

/** Keeps what is known of an image's mounts up to date, until its channel ends. */
export async function followMounts(id: number, image: number, host: HostClient): Promise<void> {
  void loadProviders(id, host);
  try {
    for await (const rows of host.stream('mount.changes', {})) {
      if (findTab(id)?.image === image) show(id, host, rows);
    }
  } catch {
    // The host is gone; its tab has the word.
  }
}

async function loadProviders(id: number, host: HostClient): Promise<void> {
  try {
    await askProviders(id, host);
  } catch {
    // The dialog asks again, and shows why not.
  }
}

/** Asks for the ways to mount. @throws ErrorData when its host can't say */
export async function askProviders(id: number, host = findTab(id)?.host): Promise<readonly MountProviderRow[]> {
  const rows = await host?.call('mount.providers', {}) ?? [];
  if (findTab(id)?.host === host) patchTab(id, { mountProviders: rows });
  return rows;
}

function show(id: number, host: HostClient, told: readonly MountRow[]): void {
  const tab = findTab(id);
  if (tab === undefined) return;
  const { asked, stopping, failed } = knownOf(host);
  const rows = told.filter(({ ended }) => ended === undefined);
  const before = tab.mounted ?? [];
  useActivity.setState(({ of }) => ({ of: new Map([...of, [id, rows]]) }));
  if (tab.mounted === undefined || !sameMounts(before, rows)) {
    patchTab(id, { mounted: rows });
    focusFreeSoon();
  }
  for (const row of before) {
    const now = rows.find(({ mount }) => mount === row.mount);
    if (now === undefined) {
      const ended = told.find(({ mount }) => mount === row.mount)?.ended;
      asked.delete(row.mount);
      const wanted = stopping.delete(row.mount) || (ended?.message !== undefined && ended.message === failed.get(row.mount));
      // One that only waited to be let go ends as it was meant to; one that was asked to end tells whoever asked.
      if (row.state === 'leaving' ? ended?.how === 'failed' : !wanted) tellEnded(tab, row, ended);
    } else if (now.advice !== undefined && now.advice !== row.advice) {
      // What programs wrote could not be kept, say.
      announce(now.advice);
      notify({ text: now.advice, tone: 'warning' });
    }
  }
}

/** It was unmounted by another program, or failed. */
function tellEnded(tab: Tab, row: MountRow, ended: NonNullable<MountRow['ended']> = { how: 'unmounted' }): void {
  const text = t.ended[ended.how](nameOfMounted(tab, row.layer), row.at);
  const pending = row.write && row.stats.bytesWritten > 0 ? t.ended.pending : undefined;
  announce(text);
  if (ended.how === 'failed') notifyError({ fault: { kind: 'io' }, message: sentences(text, ended.message), ...(pending === undefined ? {} : { advice: pending }) });
  else notify({ text: pending === undefined ? text : `${text}. ${pending}`, tone: 'warning' });
}

/** Mounts a volume. @throws ErrorData when it can't be mounted so */
export async function startMount(id: number, asked: Asked): Promise<void> {
  const { host } = findTab(id) ?? {};
  const { layer, options, target } = asked;
  if (host === undefined || findTab(id)?.mounting?.includes(layer) === true) return;
  patchTab(id, { mounting: [...(findTab(id)?.mounting ?? []), layer] });
  announce(t.mounting(nameOfMounted(findTab(id)!, layer)));
  try {
    const row = await host.call('mount.start', { layer, options, ...(target === undefined ? {} : { target }) });
    knownOf(host).asked.set(row.mount, asked);
    tellMounted(id, row);
  } finally {
    patchTab(id, { mounting: (findTab(id)?.mounting ?? []).filter((each) => each !== layer) });
  }
}

/** Mounts a volume the best way, at a place that is made for it: for writing where the image is unlocked. */
export async function mountNow(id: number, layer: string): Promise<void> {
  const { edit, info } = findTab(id) ?? {};
  if (info === undefined) return;
  const write = canEdit(edit, layerAt(info, layer)) === true;
  await startMount(id, { layer, options: write ? { write } : {} });
}

function tellMounted(id: number, row: MountRow): void {
  const tab = findTab(id);
  if (tab === undefined) return;
  const text = (row.mounted ? t.done.mounted : t.done.served)(nameOfMounted(tab, row.layer), row.at);
  announce(text);
  // Where its bar is in sight, it has said so.
  const here = getApp().active === id ? placeOf(tab)?.layer : undefined;
  if (here === undefined || (row.layer !== here && !row.layer.startsWith(`${here}/`))) notify({ text, tone: 'done', actions: canShow(row) ? [{ label: t.show, run: () => void showMount(id, row) }] : [] });
}

/** Whether the system's file manager can show a mount: in a browser nobody can. */
export function canShow({ mounted }: Pick<MountRow, 'mounted'>): boolean {
  return mounted && getApp().info?.client === 'electron';
}

export async function showMount(id: number, { mount }: MountRow): Promise<void> {
  const image = findTab(id)?.image;
  if (image === undefined) return;
  try {
    await services().app.call('mount.show', { image, mount });
  } catch (error) {
    notifyError(errorOf(error));
  }
}

/** Puts where a mount is into the clipboard, as the system names it and not as it is shown. Where the app has no clipboard, the page's takes what the app knows. */
export async function copyMount(id: number, { mount }: MountRow): Promise<void> {
  const image = findTab(id)?.image;
  if (image === undefined) return;
  try {
    const { app } = services();
    const { text } = await app.call('mount.copy', { image, mount });
    if (text !== undefined) await app.call('text.copy', { text });
    notify({ text: texts.copied });
  } catch (error) {
    notifyError(errorOf(error));
  }
}

/** Asks a host to unmount. @throws ErrorData when it can't, or when what was written could not be kept */
async function stop(id: number, { mount }: MountRow, lazy: boolean): Promise<Unmounted> {
  const { host } = findTab(id) ?? {};
  // Its mounts have ended with it.
  if (host === undefined) return { done: true };
  const { stopping, failed } = knownOf(host);
  stopping.add(mount);
  try {
    const end = await host.call('mount.stop', { mount, ...(lazy ? { lazy } : {}) });
    if (!end.done) stopping.delete(mount);
    return end;
  } catch (error) {
    const { fault, message } = errorOf(error);
    stopping.delete(mount);
    // It ended a moment ago.
    if (fault.kind === 'usage') return { done: true };
    failed.set(mount, message);
    throw error;
  }
}

/** Unmounts. Where somebody has something of it open, it asks what to do. @param after what is done when it is unmounted */
export async function unmount(id: number, row: MountRow, after?: () => void): Promise<void> {
  try {
    const held = await tryUnmount(id, row, false, after);
    if (held !== undefined && findTab(id) !== undefined) setApp({ dialog: { kind: 'mount-busy', tab: id, held, ...(after === undefined ? {} : { after }) } });
  } catch (error) {
    notifyError(errorOf(error));
  }
}

/** Tries to unmount. Answers who holds it, where it did not go. @throws ErrorData when it can't, or when what was written could not be kept */
export async function tryUnmount(id: number, row: MountRow, lazy: boolean, after?: () => void): Promise<Held | undefined> {
  const tab = findTab(id);
  const end = await stop(id, row, lazy);
  if (!end.done) return { tab: id, mount: row, users: end.users, reason: end.reason };
  if (tab !== undefined) announce((lazy ? t.done.leaving : t.done.unmounted)(nameOfMounted(tab, row.layer)));
  after?.();
  return undefined;
}

/** Who has something of a mount open that was taken out of the way, or is to be. */
export async function askUsers(id: number, row: MountRow): Promise<Held | undefined> {
  const { host } = findTab(id) ?? {};
  if (host === undefined) return undefined;
  return { tab: id, mount: row, users: await host.call('mount.users', { mount: row.mount }), reason: '' };
}

/** A mount for reading becomes one for writing, at the same place and in the same way. */
export function mountForWriting(id: number, row: MountRow): Promise<void> {
  const { host } = findTab(id) ?? {};
  const asked = host === undefined ? undefined : knownOf(host).asked.get(row.mount);
  const again: Asked = { layer: row.layer, options: { ...asked?.options, provider: row.provider, write: true }, target: asked?.target };
  return unmount(id, row, () => { startMount(id, again).catch((error: unknown) => notifyError(errorOf(error))); });
}

/** Unmounts all that is mounted of tabs. Answers what is in use, and is still there. */
export async function unmountAll(ids: readonly number[], lazy: boolean): Promise<Held[]> {
  const mounts = ids.flatMap((tab) => (findTab(tab)?.mounted ?? []).map((mount) => ({ tab, mount })));
  const ends = await Promise.all(mounts.map(async ({ tab, mount }) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const inUse = (reason: string): Held => ({ tab, mount, users: [], reason });
    if (mount.state === 'leaving') return lazy ? undefined : (await askUsers(tab, mount).catch(() => undefined)) ?? inUse(t.reasons.leaving);
    const late = new Promise<Held>((resolve) => { timer = setTimeout(() => resolve(inUse(t.noAnswer)), PATIENCE); });
    try {
      return await Promise.race([tryUnmount(tab, mount, lazy), late]);
    } catch (error) {
      return inUse(errorOf(error).message);
    } finally {
      clearTimeout(timer);
    }
  }));
  // What programs have written is pending by now.
  await Promise.allSettled([...new Set(mounts.filter(({ mount }) => mount.write).map(({ tab }) => tab))].map((tab) => askState(tab)));
  return ends.filter((held) => held !== undefined);
}

/** Whether a layer is mounted for writing, so that it can't be locked. */
export function isMountedForWriting({ mounted }: Pick<Tab, 'mounted'>): boolean {
  return mounted?.some(({ write }) => write) === true;
}

