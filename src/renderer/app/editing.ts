import type { EditState, OperationLabel, TransferPlan, TreeChange } from '../../shared/contract/edit.ts';
import type { EntryRow } from '../../shared/contract/rows.ts';
import type { FolderPlace, Placed, Tab } from './state.ts';
import { texts } from '../texts/index.ts';
import { notify, notifyError, toasts } from '../ui/toasts.ts';
import { forgetAhead } from './ahead.ts';
import { folderOf, folderOfRow, pathOf, placeOf, replacePlace, showPlace } from './navigation.ts';
import { errorOf, type HostClient, services } from './services.ts';
import { announce, findTab, getApp, patchTab, setApp, useApp } from './state.ts';
import { begin, isRunning, type JobEnd, type Offer, type TransferKind, useTransfers } from './transfers.ts';

const t = texts.edit;

/** Milliseconds in which changes of the tree are shown together: a copy of thousands of files tells of each folder many times. */
const SHOWN_TOGETHER = 120;

/** Keeps what is known of an image's changes up to date, until its channel ends. */
export async function followEditing(id: number, image: number, host: HostClient): Promise<void> {
  try {
    for await (const edit of host.stream('edit.changes', {})) {
      if (findTab(id)?.image === image) showEdit(id, edit);
    }
  } catch {
    // The host is gone; its tab has the word.
  }
}

/** Asks an image's host how its changes stand now: what it tells by itself may come later than the end of a job. */
export async function askState(id: number): Promise<void> {
  const host = findTab(id)?.host;
  if (host === undefined) return;
  for await (const edit of host.stream('edit.changes', {})) {
    if (findTab(id)?.host === host) showEdit(id, edit);
    return;
  }
}

function showEdit(id: number, edit: EditState): void {
  const before = findTab(id)?.edit;
  patchTab(id, { edit });
  if (edit.changedUnderneath !== undefined && before?.changedUnderneath === undefined) announce(texts.banner.underneath);
  if (edit.state === 'interrupted' && before?.state !== 'interrupted') announce(texts.banner.interrupted);
  else if (edit.recovery !== undefined && edit.recovery.state !== before?.recovery?.state) announce(texts.banner.recovered[edit.recovery.state]);
}

/** Shows a tab's folder anew whenever it was changed. */
export async function followTree(id: number, image: number, host: HostClient): Promise<void> {
  let waiting: TreeChange[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const show = (): void => {
    timer = undefined;
    const changes = waiting;
    waiting = [];
    if (findTab(id)?.image === image) void refresh(id, host, changes);
  };
  try {
    for await (const change of host.stream('tree.changes', {})) {
      waiting.push(change);
      // The host has closed the lists of it: they are asked for at once.
      if (change.folders === undefined) {
        clearTimeout(timer);
        show();
      } else timer ??= setTimeout(show, SHOWN_TOGETHER);
    }
  } catch {
    clearTimeout(timer);
  }
}

async function refresh(id: number, host: HostClient, changes: readonly TreeChange[]): Promise<void> {
  forgetAhead();
  const tab = findTab(id);
  const place = tab === undefined ? undefined : placeOf(tab);
  if (tab === undefined || place?.kind !== 'folder') return;
  const here = changes.filter(({ layer }) => layer === place.layer);
  if (here.some(({ folders }) => folders === undefined)) await refreshWhole(id, host, place);
  else if (here.some(({ folders }) => folders!.includes(place.crumbs.at(-1)!.node))) showPlace(id, undefined, 'quiet');
}

/** Everything may be different: the folder is looked for by its path, and where it is gone, the nearest one above it is shown. */
async function refreshWhole(id: number, host: HostClient, place: FolderPlace): Promise<void> {
  for (let length = place.crumbs.length; length > 0; length--) {
    const crumbs = place.crumbs.slice(0, length);
    try {
      const found = length === 1 ? { crumbs } : await host.call('path.resolve', { layer: place.layer, path: pathOf(crumbs, 'name') });
      const now = findTab(id);
      if (now === undefined || placeOf(now) !== place) return;
      if (found.crumbs.length === place.crumbs.length && found.crumbs.every(({ node }, i) => node === place.crumbs[i]!.node)) showPlace(id, undefined, 'anew');
      else replacePlace(id, { ...place, crumbs: found.crumbs });
      return;
    } catch {
      // It is not there any longer; the one above may be.
    }
  }
}

/** What each tab's next undo, redo or Apply waits for: a key that is pressed twice means the step after the first one. */
const turns = new Map<number, Promise<void>>();

function inTurn(id: number, step: () => Promise<void>): Promise<void> {
  const turn = (turns.get(id) ?? Promise.resolve()).then(step);
  const rest = turn.catch(() => {}).then(() => { if (turns.get(id) === rest) turns.delete(id); });
  turns.set(id, rest);
  return turn;
}

/** Runs a call that changes the state, and shows the state that it answers. Answers whether it went well. */
async function settle(id: number, call: (host: HostClient) => Promise<EditState>): Promise<boolean> {
  const host = findTab(id)?.host;
  if (host === undefined) return false;
  try {
    const edit = await call(host);
    if (findTab(id)?.host === host) showEdit(id, edit);
    return true;
  } catch (error) {
    notifyError(errorOf(error));
    return false;
  }
}

/** The one visible act that lets an image be changed. Answers whether it can be now; else the reason is shown. */
export async function unlockImage(id: number): Promise<boolean> {
  const tab = findTab(id);
  const { edit } = tab ?? {};
  if (edit?.state === 'editing') return true;
  if (edit?.canUnlock.ok === false) {
    notify({ text: `${t.refused}: ${edit.canUnlock.reason}`, tone: 'warning' });
    return false;
  }
  const unlocked = await settle(id, (host) => host.call('edit.unlock', {}));
  if (unlocked && tab !== undefined) announce(t.unlocked(tab.source.name));
  return unlocked;
}

/** Back to reading. With pending changes it asks first. */
export async function lockImage(id: number, discard = false): Promise<void> {
  const tab = findTab(id);
  if (tab === undefined) return;
  if (!discard && (tab.edit?.operations ?? 0) > 0) {
    setApp({ dialog: { kind: 'discard', tab: id, lock: true } });
    return;
  }
  if (await settle(id, (host) => host.call('edit.lock', { discard }))) announce(t.lockedAgain(tab.source.name));
}

export async function discardChanges(id: number): Promise<void> {
  if (!(await settle(id, (host) => host.call('edit.discard', {})))) return;
  closeUndo();
  announce(t.discarded);
  notify({ text: t.discarded });
}

export function undo(id: number): Promise<void> {
  return inTurn(id, async () => {
    const label = findTab(id)?.edit?.undo;
    if (label === undefined || !(await settle(id, (host) => host.call('edit.undo', {})))) return;
    tell(t.undone(label), { label: texts.editCommands.redo, run: () => void redo(id) });
  });
}

export function redo(id: number): Promise<void> {
  return inTurn(id, async () => {
    const label = findTab(id)?.edit?.redo;
    if (label === undefined || !(await settle(id, (host) => host.call('edit.redo', {})))) return;
    tell(t.redone(label), { label: texts.editCommands.undo, run: () => void undo(id) });
  });
}

/** The one notice whose button undoes or redoes: an older one's would mean something else by now. */
let undoNotice: string | undefined;

function closeUndo(): void {
  if (undoNotice !== undefined) toasts.close(undoNotice);
  undoNotice = undefined;
}

// A dialog has its own buttons, which the notice would lie over.
useApp.subscribe(({ dialog }, before) => { if (dialog !== undefined && dialog !== before.dialog) closeUndo(); });

// Neither do the buttons of a question that long work asks.
useTransfers.subscribe(({ list }, before) => { if (list !== before.list && list.some(({ question }) => question !== undefined) && !before.list.some(({ question }) => question !== undefined)) closeUndo(); });

function tell(text: string, action: { readonly label: string; readonly run: () => void }): void {
  closeUndo();
  announce(text);
  if (getApp().dialog !== undefined) return;
  undoNotice = notify({ text, tone: 'done', actions: [{ ...action, run: () => { closeUndo(); action.run(); } }] });
}

/** Says what was done, with a button that undoes it. */
export function tellDone(id: number, text: string): void {
  tell(text, { label: texts.editCommands.undo, run: () => void undo(id) });
}

/** What a job that wrote offers at its end. */
function undoOffer(id: number): (end: JobEnd) => Offer {
  return ({ summary }) => {
    closeUndo();
    return summary.files + summary.directories === 0 ? {} : { actions: [{ label: texts.editCommands.undo, run: () => { closeUndo(); void undo(id); } }], told: (notice) => { undoNotice = notice; } };
  };
}

/** Begins a job of a tab's host, and follows it in the panel of transfers. */
async function run(id: number, kind: TransferKind, title: string, start: (host: HostClient) => Promise<{ job: number }>, ended?: (end: JobEnd) => Offer): Promise<void> {
  const host = findTab(id)?.host;
  if (host === undefined) return;
  const { job } = await start(host);
  begin({ kind, title, host, job, ...(ended === undefined ? {} : { ended }) });
}

/** Writes the pending changes to the image; asked for twice, once. */
export function applyChanges(id: number): Promise<void> {
  return inTurn(id, () => applyOnce(id));
}

async function applyOnce(id: number): Promise<void> {
  const tab = findTab(id);
  if (tab === undefined || useTransfers.getState().list.some((each) => each.kind === 'apply' && each.host === tab.host && isRunning(each))) return;
  closeUndo();
  await run(id, 'apply', t.applyTitle(tab.source.name), (host) => host.call('edit.apply', {}));
}

/** Settles an Apply that was interrupted. */
export async function recover(id: number, how: 'finish' | 'undo'): Promise<void> {
  const tab = findTab(id);
  if (tab !== undefined) await run(id, how, t.applyTitle(tab.source.name), (host) => host.call('edit.recover', { how }));
}

/** Asks where a file goes, by the system's dialog or ours, and has it written. */
export async function saveFile(id: number, name: string, title: string, save: (target: string, name: string, replace: boolean) => Promise<void>, hint?: string): Promise<void> {
  const { app } = services();
  const write = async (target: string, as: string, replace: boolean): Promise<void> => {
    const image = findTab(id)?.image;
    if (image === undefined) return;
    await app.call('image.grant', { image, token: target });
    await save(target, as, replace);
  };
  if (getApp().info?.dialogs === 'path') {
    setApp({ dialog: { kind: 'save-as', tab: id, title, name, save: write, back: getApp().dialog, ...(hint === undefined ? {} : { hint }) } });
    return;
  }
  const chosen = await app.call('dialog.save', { name: name.slice(0, 255) });
  if (chosen !== undefined) await write(chosen.folder.token, chosen.name, chosen.replace);
}

export async function saveAsNewImage(id: number): Promise<void> {
  const tab = findTab(id);
  if (tab === undefined) return;
  const { name } = tab.source;
  await saveFile(id, texts.saveAs.proposed(name), texts.saveAs.title, async (target, as, replace) => {
    await run(id, 'save', as, (host) => host.call('edit.saveAs', { target, name: as, replace }));
  }, texts.saveAs.hint(name));
}

/** What is shown again afterwards, with the new or renamed entry selected. */
function reveal(id: number, folder: FolderPlace, node: number): void {
  const tab = findTab(id);
  const here = tab === undefined ? undefined : placeOf(tab);
  if (here?.kind === 'folder' && here.layer === folder.layer && here.crumbs.at(-1)!.node === folder.crumbs.at(-1)!.node) showPlace(id, node, 'select');
}

/** Gives an entry another name. @throws ErrorData when it can't have it */
export async function rename(id: number, row: EntryRow, to: string, shown: string): Promise<void> {
  const tab = findTab(id);
  const folder = tab === undefined ? undefined : folderOfRow(tab, row);
  if (tab?.host === undefined || folder === undefined) return;
  await tab.host.call('entry.rename', { layer: folder.layer, folder: folder.crumbs.at(-1)!.node, node: row.node, name: row.name, to });
  reveal(id, folder, row.node);
  tellDone(id, t.did.rename(row.display, shown));
}

/** Makes something new in a folder. @throws ErrorData when it can't be made */
export async function make(id: number, folder: FolderPlace, name: string, shown: string, kind: { type: 'dir' | 'file' } | { type: 'symlink'; target: string }): Promise<void> {
  const host = findTab(id)?.host;
  if (host === undefined) return;
  const made = await host.call('entry.create', { layer: folder.layer, folder: folder.crumbs.at(-1)!.node, name, kind: kind.type === 'symlink' ? kind : { type: kind.type } as { type: 'dir' } | { type: 'file' } });
  reveal(id, folder, made.node);
  tellDone(id, t.did[kind.type](shown));
}

/** Entries with the folders that they have their names in: those of a search lie in many. */
export function placedOf(tab: Tab, rows: readonly EntryRow[]): Placed[] {
  const here = folderOf(tab);
  return rows.flatMap((row) => {
    const folder = tab.listing?.search === undefined ? here : folderOfRow(tab, row);
    return folder === undefined ? [] : [{ folder: folder.crumbs.at(-1)!.node, node: row.node, name: row.name }];
  });
}

export function titleOf(rows: readonly { readonly display: string }[]): string {
  return rows.length === 1 ? rows[0]!.display : texts.extract.items(rows.length);
}

export async function deleteEntries(id: number, layer: string, entries: readonly Placed[], title: string): Promise<void> {
  await run(id, 'delete', title, (host) => host.call('delete.start', { layer, entries: entries.map((each) => ({ ...each })) }), undoOffer(id));
}

/** Tells what a copy would lose, if anything, before it goes. */
async function afterPlan(id: number, plan: Promise<TransferPlan>, move: boolean, go: () => Promise<void>): Promise<void> {
  const found = await plan;
  const start = (): void => { go().catch((error: unknown) => notifyError(errorOf(error))); };
  if (found.losses.length === 0 && found.bytes <= found.free) start();
  else setApp({ dialog: { kind: 'losses', tab: id, plan: found, move, go: start } });
}

/** Copies or moves entries within an image. */
export async function copyEntries(id: number, from: { readonly layer: string; readonly entries: readonly Placed[]; readonly title: string }, to: FolderPlace, move: boolean): Promise<void> {
  const host = findTab(id)?.host;
  if (host === undefined) return;
  const folder = to.crumbs.at(-1)!.node;
  const what = { layer: from.layer, entries: from.entries.map((each) => ({ ...each })), to: { layer: to.layer, folder } };
  const same = from.layer === to.layer && from.entries.every((each) => each.folder === folder);
  const kind = move ? 'move' : same ? 'duplicate' : 'copy';
  const go = (): Promise<void> => run(id, kind, from.title, () => host.call('copy.start', { ...what, move, options: {} }), undoOffer(id));
  // Within one filesystem nothing is lost.
  if (from.layer === to.layer) await go();
  else await afterPlan(id, host.call('copy.plan', what), move, go);
}

/** Puts files and folders of this computer into a folder of an image. */
export async function putSources(id: number, to: FolderPlace, sources: readonly { readonly token: string; readonly name: string }[]): Promise<void> {
  const { host, image } = findTab(id) ?? {};
  if (host === undefined || image === undefined || sources.length === 0) return;
  const tokens = sources.map(({ token }) => token);
  await services().app.call('image.grantSources', { image, tokens });
  const what = { layer: to.layer, folder: to.crumbs.at(-1)!.node, sources: tokens };
  await afterPlan(id, host.call('put.plan', what), false, () => run(id, 'put', titleOf(sources.map(({ name }) => ({ display: name }))), () => host.call('put.start', { ...what, options: {} }), undoOffer(id)));
}

/** Pastes entries of one image into another: packed there, unpacked here. What was cut is deleted there at the end. */
export async function pasteAcross(from: number, source: { readonly layer: string; readonly entries: readonly Placed[]; readonly title: string }, id: number, to: FolderPlace, cut: boolean): Promise<void> {
  const there = findTab(from);
  const here = findTab(id);
  if (there?.host === undefined || there.image === undefined || here?.host === undefined || here.image === undefined) return;
  const { app } = services();
  const { parcel } = await app.call('parcel.make', { from: there.image, to: here.image });
  const drop = (): void => {
    app.call('parcel.drop', { parcel }).catch(() => {
      // It goes with the app.
    });
  };
  const removeThere = (): void => {
    // The nodes are those of the image as it was open then.
    if (findTab(from)?.image !== there.image) notify({ text: t.cutStays(source.title, there.source.name), tone: 'warning' });
    else deleteEntries(from, source.layer, source.entries, source.title).catch((error: unknown) => notifyError(errorOf(error)));
  };
  const unpack = async (packed: boolean): Promise<void> => {
    if (findTab(id)?.image !== here.image) {
      drop();
      notify({ text: t.pasteGone(source.title, here.source.name), tone: 'warning' });
      return;
    }
    await run(id, 'paste', source.title, (host) => host.call('parcel.unpack', { layer: to.layer, folder: to.crumbs.at(-1)!.node, parcel, options: {} }), (end) => {
      drop();
      if (cut && packed && isWhole(end)) removeThere();
      else if (cut && end.state === 'done') notify({ text: t.cutStaysPart(source.title), tone: 'warning' });
      return undoOffer(id)(end);
    });
  };
  await run(from, 'pack', source.title, (host) => host.call('parcel.pack', { layer: source.layer, entries: source.entries.map(({ node, name }) => ({ node, name })), parcel }), (end) => {
    // What could not be read there is not here, however well all else came over.
    if (end.state === 'done') unpack(isWhole(end)).catch((error: unknown) => { drop(); notifyError(errorOf(error)); });
    else drop();
    return {};
  });
}

/** Whether a job did all that it was asked for. */
function isWhole({ state, summary }: JobEnd): boolean {
  return state === 'done' && summary.problems === 0 && summary.skipped === 0;
}

/** A label of an operation, where there is one. */
export function labelText(label: OperationLabel | undefined): string | undefined {
  return label === undefined ? undefined : texts.operation(label);
}
