import { displayName } from '../../engines/core/names.ts';
import type { SourceToken } from '../../shared/contract/calls.ts';
import type { ImageInfo, LayerRow } from '../../shared/contract/rows.ts';
import { startAt } from '../models/history.ts';
import { bestGuest } from '../models/guests.ts';
import { firstLayer, isOpenFilesystem, layerAt, onlyWaiting } from '../models/layers.ts';
import { hasPending } from '../models/editing.ts';
import { texts } from '../texts/index.ts';
import { askState, followEditing, followTree } from './editing.ts';
import { notify, notifyError } from '../ui/toasts.ts';
import { goalOf, goTo, goToLayer, leaveListing, placeOfGoal, placeOfLayer, showPlace } from './navigation.ts';
import { followMounts } from './mounts.ts';
import { followOpening, forgetOpening } from './openings.ts';
import { type ErrorData, errorOf, type HostClient, services } from './services.ts';
import { announce, type Entering, findTab, getApp, type Goal, type Memory, NOTHING_SELECTED, patchTab, type Place, setApp, type Tab } from './state.ts';
import { forgetSpace } from './space.ts';
import { cancel, isRunning, isWriting, useTransfers, whenDone } from './transfers.ts';

let nextTab = 1;

/** Closed tabs that can be opened again. */
const MAX_CLOSED = 25;

/** Opens images, one tab each; the last one is shown. An image that is open already is shown again. */
export function openSources(sources: readonly SourceToken[]): void {
  for (const source of sources) {
    const open = getApp().tabs.find((tab) => tab.source.path === source.path && (tab.state === 'open' || tab.state === 'opening' || tab.state === 'asleep'));
    if (open !== undefined) {
      setApp({ active: open.id });
      continue;
    }
    const tab = newTab(source, 'opening');
    setApp((state) => ({ tabs: [...state.tabs, tab], active: tab.id }));
    void openTab(tab.id);
  }
}

/** The names of files on this computer can hold anything, as those in an image can. */
function newTab(source: SourceToken, state: 'opening' | 'asleep', goal?: Goal): Tab {
  return { id: nextTab++, source: { ...source, name: displayName(source.name) }, goal, state, started: Date.now(), selection: NOTHING_SELECTED };
}

/** Tabs of the last session. They open when they are looked at: twenty images at once would be twenty processes that nobody asked for. */
export function addSleeping(kept: readonly { readonly source: SourceToken; readonly goal?: Goal | undefined }[], active: number | undefined): void {
  const tabs = kept.map(({ source, goal }) => newTab(source, 'asleep', goal));
  setApp((state) => ({ tabs: [...tabs, ...state.tabs], ...(state.active === undefined && active !== undefined ? { active: tabs[active]?.id } : {}) }));
}

/** "Open image…": the native dialog, or the one that takes a path. */
export async function openDialog(): Promise<void> {
  if (getApp().info?.dialogs === 'path') {
    setApp({ dialog: { kind: 'open-path' } });
    return;
  }
  try {
    openSources(await services().app.call('dialog.open', {}));
  } catch (error) {
    notifyError(errorOf(error));
  }
}

/** Files dropped on the window. */
export async function openFiles(files: readonly File[]): Promise<void> {
  try {
    const sources = await services().sourcesOfFiles(files);
    if (sources.length === 0) notify({ text: texts.open.noPaths });
    else openSources(sources);
  } catch (error) {
    // A browser's page never learns where a file lies; the person knows.
    if (getApp().info?.dialogs === 'path') setApp({ dialog: { kind: 'open-path', dropped: files.map(({ name }) => name) } });
    else notifyError(errorOf(error));
  }
}

/** A recent image that was moved: the person shows where it is now. */
export async function locateRecent(recent: SourceToken): Promise<void> {
  if (getApp().info?.dialogs === 'path') {
    setApp({ dialog: { kind: 'open-path', locate: recent } });
    return;
  }
  try {
    const [found] = await services().app.call('dialog.open', {});
    if (found !== undefined) await openLocated(recent, found);
  } catch (error) {
    notifyError(errorOf(error));
  }
}

export async function openLocated(recent: SourceToken, found: SourceToken): Promise<void> {
  await services().app.call('recents.locate', { token: recent.token, found: found.token });
  openSources([found]);
}

/** The image that is shipped with the app, for a first look. */
export async function openSample(): Promise<void> {
  openSources([await services().app.call('sample.open', {})]);
}

export async function openTab(id: number): Promise<void> {
  const { app, connectHost } = services();
  const tab = findTab(id);
  if (tab === undefined) return;
  patchTab(id, { state: 'opening', started: Date.now(), error: undefined, host: undefined, image: undefined, info: undefined, history: undefined, listing: undefined, edit: undefined, mounted: undefined, mounting: undefined, mountProviders: undefined, recoveryRead: undefined, entering: undefined, refused: undefined, selection: NOTHING_SELECTED });
  // What came of an earlier try.
  if (tab.image !== undefined) endImage(tab);
  announce(texts.open.opening(tab.source.name));
  forgetOpening(id);
  try {
    const { image } = await app.call('image.open', { token: tab.source.token });
    if (findTab(id) === undefined) {
      await app.call('image.close', { image });
      return;
    }
    patchTab(id, { image });
    const host = await connectHost(image);
    if (findTab(id)?.image !== image) {
      host.close();
      return;
    }
    host.onClose((reason) => lose(id, image, reason));
    patchTab(id, { host });
    void followOpening(id, host);
    const info = await host.call('image.info', {});
    if (findTab(id)?.image !== image) return;
    await showImage(id, info);
    openOnly(id, info, tab.goal);
    void followImage(id, image, host);
    void followEditing(id, image, host);
    void followTree(id, image, host);
    void followMounts(id, image, host);
  } catch (error) {
    // A tab closed, or lost, meanwhile has its own word.
    if (findTab(id)?.state === 'opening') {
      patchTab(id, { state: 'failed', error: errorOf(error) });
      announce(texts.open.failed(tab.source.name));
    }
  }
}

/** Keeps what is known of an image's layers up to date: damage is often noticed only when a file is read. */
async function followImage(id: number, image: number, host: HostClient): Promise<void> {
  try {
    for await (const info of host.stream('image.changes', {})) {
      if (findTab(id)?.image === image) patchTab(id, { info });
    }
  } catch {
    // The host is gone; `lose` has the word.
  }
}

/** Reads a layer as another format. Answers why that did not work; then all is as it was. */
export async function reopenAs(id: number, layer: string, format: string): Promise<ErrorData | undefined> {
  return reopened(id, layer, (host) => host.call('image.reopen', { layer, format }));
}

/** Opens a locked layer. Answers why that did not work. The password is kept nowhere. */
export async function unlock(id: number, layer: string, password: string): Promise<ErrorData | undefined> {
  return reopened(id, layer, (host) => host.call('layer.unlock', { layer, password }));
}

/**
 * Opens a layer by a guest, which takes seconds: its page tells the steps meanwhile, and can stop it. What comes of it is shown there, too.
 * @param opener the host's best one, where there is none
 * @param goal where to go then, instead of to its root
 */
export async function openByGuest(id: number, layer: string, opener: { readonly id: string; readonly name: string }, goal?: Goal): Promise<void> {
  const tab = findTab(id);
  const { host, info } = tab ?? {};
  if (tab === undefined || host === undefined || info === undefined || tab.entering !== undefined) return;
  const abort = new AbortController();
  const entering: Entering = { layer, title: opener.name, started: Date.now(), abort };
  const isCurrent = (): boolean => findTab(id)?.entering === entering;
  patchTab(id, { entering, refused: undefined });
  goTo(id, { kind: 'layer', layer });
  announce(texts.guest.entering(tab.source.name, opener.name));
  try {
    const waiting = layerAt(info, layer)?.waiting === true;
    const opened = waiting ? host.call('layer.open', { layer, with: opener.id }, abort.signal) : host.call('image.reopen', { layer, format: opener.id }, abort.signal);
    // The host hears of this after it has begun: what it tells is of this opening, no earlier one.
    void followOpening(id, host);
    const now = await opened;
    if (!isCurrent()) return;
    patchTab(id, { entering: undefined, ...(goal === undefined ? {} : { goal }) });
    await showImage(id, now, goal === undefined ? layer : undefined);
    // What can't be changed while it is closed may be now.
    askState(id).catch(() => {
      // The host is gone; `lose` has the word.
    });
    announce(texts.guest.opened(tab.source.name, opener.name));
  } catch (error) {
    if (!isCurrent()) return;
    const data = errorOf(error);
    const stopped = abort.signal.aborted || data.fault.kind === 'cancelled';
    patchTab(id, { entering: undefined, ...(stopped ? {} : { refused: { layer, title: opener.name, error: data } }) });
    announce(stopped ? texts.guest.cancelled(opener.name) : texts.guest.failed(opener.name));
  }
}

/** Goes to a layer that the person wants to look into: one that waits for a guest is opened. */
export function openVolume(id: number, layer: LayerRow): void {
  goToLayer(id, layer);
  const best = layer.waiting === true ? bestGuest(layer) : undefined;
  if (best !== undefined) void openByGuest(id, layer.path, best);
}

/** Opens a layer that waits for its guest, as its page shows it. Answers whether its files can be read now: why not, the page tells. */
export async function openWaiting(id: number, path: string): Promise<boolean> {
  const layer = (): LayerRow | undefined => {
    const info = findTab(id)?.info;
    return info && layerAt(info, path);
  };
  const waiting = layer();
  const best = waiting?.waiting === true ? bestGuest(waiting) : undefined;
  if (best !== undefined) await openByGuest(id, path, best);
  const now = layer();
  return now !== undefined && isOpenFilesystem(now);
}

/** An image with nothing but one volume, which a guest opens, opens right away. */
function openOnly(id: number, info: ImageInfo, goal: Goal | undefined): void {
  const only = onlyWaiting(info);
  const best = only === undefined ? undefined : bestGuest(only);
  if (only !== undefined && best !== undefined) void openByGuest(id, only.path, best, goal);
}

async function reopened(id: number, layer: string, reopen: (host: HostClient) => Promise<ImageInfo>): Promise<ErrorData | undefined> {
  const host = findTab(id)?.host;
  if (host === undefined) return undefined;
  try {
    const info = await reopen(host);
    void followOpening(id, host);
    if (findTab(id)?.host === host) await showImage(id, info, layer);
    return undefined;
  } catch (error) {
    return errorOf(error);
  }
}

/** Closes a tab, and throws pending changes away. */
export function closeNow(id: number): void {
  const tab = findTab(id);
  if (tab === undefined) return;
  const { tabs, active } = getApp();
  const at = tabs.indexOf(tab);
  const left = tabs.filter((each) => each !== tab);
  leaveListing(tab);
  setApp(({ closed }) => ({ closed: [...closed, { source: tab.source, goal: goalOf(tab), at }].slice(-MAX_CLOSED) }));
  setApp({ tabs: left, ...(active === id ? { active: (left[at] ?? left.at(-1))?.id } : {}) });
  forgetOpening(id);
  forgetSpace(id);
  closeDialogOf(id);
  // What is still written into an image that nobody keeps is left.
  if (hasPending(tab.edit)) for (const transfer of useTransfers.getState().list) if (transfer.host === tab.host && isRunning(transfer) && isWriting(transfer)) cancel(transfer);
  // What is being extracted is extracted to its end, or until it is cancelled in the panel.
  const busy = tab.host && whenDone(tab.host);
  if (busy === undefined) endImage(tab);
  else void busy.then(() => endImage(tab));
}

/** A dialog about what is no longer there. */
function closeDialogOf(id: number): void {
  const { dialog } = getApp();
  if (dialog !== undefined && 'tab' in dialog && dialog.tab === id) setApp({ dialog: undefined });
}

function endImage({ host, image }: Tab): void {
  host?.close();
  if (image !== undefined) services().app.call('image.close', { image, discard: true }).catch(() => {
    // The host is gone already, which is what was asked for.
  });
}

/** Opens the tab that was closed last, where it stood and where it was. */
export function reopenTab(): void {
  const { closed, tabs } = getApp();
  const last = closed.at(-1);
  if (last === undefined) return;
  const tab = { ...newTab(last.source, 'opening', last.goal), source: last.source };
  setApp({ closed: closed.slice(0, -1), tabs: tabs.toSpliced(last.at, 0, tab), active: tab.id });
  void openTab(tab.id);
}

/** Puts a tab at another place in the strip. */
export function moveTab(id: number, to: number): void {
  const { tabs } = getApp();
  const tab = findTab(id);
  if (tab === undefined || to < 0 || to >= tabs.length) return;
  setApp({ tabs: tabs.filter((each) => each !== tab).toSpliced(to, 0, tab) });
  announce(texts.tabs.moved(tab.source.name, to + 1, tabs.length));
}

/** The image's process ended by itself. The channel often closes before the app has said why (`told`). */
export function lose(id: number, image: number, reason: string, told = false): void {
  const tab = findTab(id);
  if (tab === undefined || tab.image !== image || tab.state === 'failed' || (tab.state === 'lost' && !told)) return;
  tab.listing?.rows?.close();
  patchTab(id, { state: 'lost', goal: goalOf(tab), host: undefined, info: undefined, history: undefined, listing: undefined, edit: undefined, mounted: undefined, mounting: undefined, entering: undefined, refused: undefined, error: { fault: { kind: 'io' }, message: texts.open.lostReason(reason), advice: [lostAdvice(tab.edit), ...(tab.mounted ?? []).map(({ at }) => texts.mount.lost(at))].join(' ') } });
  closeDialogOf(id);
  announce(texts.open.lost(tab.source.name));
}

function lostAdvice(edit: Tab['edit']): string {
  if (edit?.state === 'applying') return texts.open.lostApplying;
  return hasPending(edit) ? texts.open.lostPending(edit!.operations) : texts.open.lostAdvice;
}

/** Shows what was opened: where the tab was before, else where the image begins. */
async function showImage(id: number, info: ImageInfo, layer?: string): Promise<void> {
  const tab = findTab(id);
  const chosen = layer === undefined ? firstLayer(info) : info.layers.find((each) => each.path.startsWith(layer) && isOpenFilesystem(each)) ?? info.layers.find((each) => each.path === layer);
  const goal = layer === undefined ? tab?.goal : undefined;
  const place = (goal === undefined || tab?.host === undefined ? undefined : await placeOfGoal(goal, info, tab.host)) ?? (chosen === undefined ? undefined : placeOfLayer(chosen));
  if (findTab(id)?.host !== tab?.host) return;
  const history = place === undefined ? undefined : startAt<Place, Memory>(place, goal?.memory);
  patchTab(id, { state: 'open', info, error: undefined, goal: undefined, ...(history === undefined ? {} : { history }) });
  announce(texts.open.opened(displayName(info.name), info.summary));
  if (place !== undefined) showPlace(id);
}
