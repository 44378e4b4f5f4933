import { ClipboardPaste, Copy, CopyPlus, FilePlus, FileUp, FolderPlus, FolderUp, Link, Lock, LockOpen, PenLine, Redo2, Save, SaveAll, Scissors, ScrollText, Trash2, Undo2, Undo } from 'lucide-react';
import type { EntryRow } from '../../shared/contract/rows.ts';
import { canPaste, pasteInto, takeToClipboard } from '../app/clipboard.ts';
import { applyChanges, copyEntries, lockImage, placedOf, putSources, redo, saveAsNewImage, titleOf, undo, unlockImage } from '../app/editing.ts';
import { folderOf, folderOfRow, pathOf, placeOf } from '../app/navigation.ts';
import { isMountedForWriting } from '../app/mounts.ts';
import { services } from '../app/services.ts';
import { activeTab, type FolderPlace, getApp, loadedRows, setApp, type Tab } from '../app/state.ts';
import { canEdit, canSettle, canTakeBack, hasChanges, possible } from '../models/editing.ts';
import { layerAt } from '../models/layers.ts';
import { countOf } from '../models/ranges.ts';
import { texts } from '../texts/index.ts';
import { type Command, onRow, onTab, oneRow, reasons, withFolder, withTab } from './command.ts';
import { selectedRows } from './entry.ts';

const t = texts.editCommands;
const why = texts.editReasons;

/** Whether the folder that a tab shows can be changed. */
export function folderEditable(tab: Tab): true | string {
  const folder = folderOf(tab);
  return canEdit(tab.edit, tab.info === undefined || folder === undefined ? undefined : layerAt(tab.info, folder.layer));
}

/** Each reason in its order; the first that applies. */
function allOf(...checks: readonly (() => true | string)[]): true | string {
  for (const check of checks) {
    const answer = check();
    if (answer !== true) return answer;
  }
  return true;
}

const some = (tab: Tab): true | string => (countOf(tab.selection.ranges) === 0 ? reasons.noSelection : true);
/** Results of a search are no folder that something could go into. */
const inFolder = (tab: Tab): true | string => (placeOf(tab)?.kind === 'folder' ? true : why.inSearch);

/** Something is made in the folder that is shown. */
const intoFolder = (more: (tab: Tab) => true | string = () => true): Command['enabled'] => withTab((tab) => allOf(() => (folderOf(tab) === undefined ? reasons.noFolder : true), () => inFolder(tab), () => folderEditable(tab), () => more(tab)));
/** The selected entries are changed. */
const ofSelection: Command['enabled'] = withFolder((tab) => allOf(() => some(tab), () => folderEditable(tab)));

async function rowsOf(tab: Tab): Promise<EntryRow[]> {
  return loadedRows(tab) ?? (await selectedRows(tab));
}

const onRows = (run: (tab: Tab, rows: readonly EntryRow[], folder: FolderPlace) => void | Promise<void>): Command['run'] => onTab(async (tab) => {
  const rows = await rowsOf(tab);
  const folder = folderOf(tab);
  if (rows.length > 0 && folder !== undefined) await run(tab, rows, folder);
});

const onFolder = (run: (tab: Tab, folder: FolderPlace) => void | Promise<void>): Command['run'] => onTab((tab) => {
  const folder = folderOf(tab);
  return folder === undefined ? undefined : run(tab, folder);
});

async function put(tab: Tab, folder: FolderPlace, what: 'files' | 'folders'): Promise<void> {
  if (getApp().info?.dialogs === 'path') setApp({ dialog: { kind: 'put-path', tab: tab.id, folder } });
  else await putSources(tab.id, folder, await services().app.call('dialog.put', { what }));
}

/** A link in the folder that is shown; to the selected entry, where one is. */
function makeLink(tab: Tab, folder: FolderPlace): void {
  const row = oneRow(tab);
  setApp({ dialog: { kind: 'make', tab: tab.id, type: 'symlink', folder, ...(typeof row === 'string' ? {} : { target: row }) } });
}

function askDelete(tab: Tab, rows: readonly EntryRow[], folder: FolderPlace): void {
  const [row] = rows;
  const of = rows.length === 1 && row !== undefined ? (folderOfRow(tab, row) ?? folder) : folder;
  setApp({ dialog: { kind: 'delete', tab: tab.id, layer: folder.layer, entries: placedOf(tab, rows), rows, from: pathOf(of.crumbs, 'display') } });
}

/** Whether an image may be changed, and its pending changes. */
export const editCommands: readonly Command[] = [
  {
    id: 'unlock', label: t.unlock, icon: LockOpen, group: 'edit', keys: ['Mod+Shift+E'],
    enabled: withTab(({ edit }) => (edit === undefined ? why.loading : edit.state !== 'read-only' ? (edit.state === 'interrupted' ? why.interrupted : why.unlocked) : possible(edit.canUnlock))),
    run: onTab(async (tab) => void (await unlockImage(tab.id))),
  },
  {
    id: 'lock', label: t.lock, icon: Lock, group: 'edit', keys: [],
    enabled: withTab(({ edit, mounted }) => (edit?.state === 'editing' ? (edit.writing ? why.writing : isMountedForWriting({ mounted }) ? texts.mount.reasons.writes : true) : edit?.state === 'applying' ? why.applying : why.locked)), run: onTab((tab) => lockImage(tab.id)),
  },
  {
    id: 'undo', label: t.undo, icon: Undo2, group: 'edit', keys: ['Mod+Z'], title: (state) => { const label = activeTab(state)?.edit?.undo; return label === undefined ? t.undo : t.undoOf(label); },
    enabled: withTab(({ edit }) => allOf(() => canTakeBack(edit), () => (edit?.undo === undefined ? why.noUndo : true))), run: onTab((tab) => undo(tab.id)),
  },
  {
    id: 'redo', label: t.redo, icon: Redo2, group: 'edit', keys: ['Mod+Shift+Z', 'Mod+Y'], title: (state) => { const label = activeTab(state)?.edit?.redo; return label === undefined ? t.redo : t.redoOf(label); },
    enabled: withTab(({ edit }) => allOf(() => canTakeBack(edit), () => (edit?.redo === undefined ? why.noRedo : true))), run: onTab((tab) => redo(tab.id)),
  },
  {
    id: 'review', label: t.review, icon: ScrollText, group: 'edit', keys: ['Mod+Shift+R'],
    enabled: withTab(({ edit }) => ((edit?.operations ?? 0) === 0 ? why.noPending : true)), run: onTab((tab) => setApp({ dialog: { kind: 'review', tab: tab.id } })),
  },
  {
    id: 'apply', label: t.apply, icon: Save, group: 'edit', keys: ['Mod+S'],
    enabled: withTab(({ edit }) => allOf(() => canSettle(edit), () => (hasChanges(edit) ? true : why.noPending), () => (edit === undefined ? why.loading : possible(edit.canApply)))), run: onTab((tab) => applyChanges(tab.id)),
  },
  {
    id: 'discard', label: t.discard, icon: Undo, group: 'edit', keys: [],
    enabled: withTab(({ edit }) => allOf(() => ((edit?.operations ?? 0) === 0 ? why.noPending : true), () => canTakeBack(edit))), run: onTab((tab) => setApp({ dialog: { kind: 'discard', tab: tab.id, lock: false } })),
  },
  {
    id: 'save-as', label: t.saveAs, icon: SaveAll, group: 'edit', keys: [],
    enabled: withTab(({ edit }) => ((edit?.operations ?? 0) === 0 ? why.noPending : edit?.writing === true ? why.writing : true)), run: onTab((tab) => saveAsNewImage(tab.id)),
  },
];

/** What is changed in a folder. */
export const changeCommands: readonly Command[] = [
  {
    id: 'rename', label: t.rename, icon: PenLine, group: 'change', keys: ['F2'],
    enabled: withFolder((tab) => allOf(() => { const row = oneRow(tab); return typeof row === 'string' ? row : true; }, () => folderEditable(tab))),
    run: onRow((tab, row) => setApp({ renaming: { tab: tab.id, row }, quickLook: false })),
  },
  { id: 'new-folder', label: t.newFolder, icon: FolderPlus, group: 'change', keys: ['Mod+Shift+N'], enabled: intoFolder(), run: onFolder((tab, folder) => setApp({ dialog: { kind: 'make', tab: tab.id, type: 'dir', folder } })) },
  { id: 'new-file', label: t.newFile, icon: FilePlus, group: 'change', keys: [], enabled: intoFolder(), run: onFolder((tab, folder) => setApp({ dialog: { kind: 'make', tab: tab.id, type: 'file', folder } })) },
  { id: 'new-link', label: t.newLink, icon: Link, group: 'change', keys: [], enabled: intoFolder(), run: onFolder(makeLink) },
  { id: 'put-files', label: t.put, icon: FileUp, group: 'change', keys: ['Mod+I'], enabled: intoFolder(), run: onFolder((tab, folder) => put(tab, folder, 'files')) },
  { id: 'put-folder', label: t.putFolder, icon: FolderUp, group: 'change', keys: [], enabled: intoFolder(), run: onFolder((tab, folder) => put(tab, folder, 'folders')) },
  { id: 'cut', label: t.cut, icon: Scissors, group: 'change', keys: ['Mod+X'], listOnly: true, enabled: ofSelection, run: onRows((tab, rows) => takeToClipboard(tab, rows, true)) },
  { id: 'copy', label: t.copy, icon: Copy, group: 'change', keys: ['Mod+C'], listOnly: true, enabled: withFolder(some), run: onRows((tab, rows) => takeToClipboard(tab, rows, false)) },
  {
    id: 'paste', label: t.paste, icon: ClipboardPaste, group: 'change', keys: ['Mod+V'],
    enabled: (state) => intoFolder((tab) => canPaste(state, tab.id, folderOf(tab)!))(state), run: onFolder((tab, folder) => pasteInto(tab.id, folder)),
  },
  {
    id: 'duplicate', label: t.duplicate, icon: CopyPlus, group: 'change', keys: ['Mod+D'], enabled: withFolder((tab) => allOf(() => some(tab), () => inFolder(tab), () => folderEditable(tab))),
    run: onRows((tab, rows, folder) => copyEntries(tab.id, { layer: folder.layer, entries: placedOf(tab, rows), title: titleOf(rows) }, folder, false)),
  },
  { id: 'delete', label: t.delete, icon: Trash2, group: 'change', keys: ['Delete'], listOnly: true, enabled: ofSelection, run: onRows(askDelete) },
];
