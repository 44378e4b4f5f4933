import type { EntryRow } from '../../shared/contract/rows.ts';
import { goTo, placeOf } from './navigation.ts';
import { type BytesPlace, findTab, type FolderPlace, patchTab } from './state.ts';

/** What the page of bytes on the screen can be told to do. */
export interface BytesPage {
  goToOffset(): void;
  find(): void;
  findNext(): void;
}

let page: BytesPage | undefined;

export function provideBytesPage(shown: BytesPage): () => void {
  page = shown;
  return () => {
    if (page === shown) page = undefined;
  };
}

export function bytesPage(): BytesPage | undefined {
  return page;
}

/** Shows the bytes of a layer, from `at` on where it is given. */
export function showBytes(tab: number, layer: string, at?: number): void {
  goTo(tab, { kind: 'bytes', layer, ...(at === undefined ? {} : { at }) });
}

/** Shows the bytes of a file, or of the file that a symlink leads to. */
export function showFileBytes(tab: number, folder: FolderPlace, row: EntryRow): void {
  const node = row.type === 'symlink' ? (row.targetNode ?? row.node) : row.node;
  goTo(tab, { kind: 'bytes', layer: folder.layer, file: { node, display: row.display, folder } });
}

/** Keeps in the history where the cursor is, so that back and forward return to it. */
export function rememberByte(id: number, place: BytesPlace, at: number): void {
  const tab = findTab(id);
  if (tab?.history === undefined || placeOf(tab) !== place || place.at === at) return;
  patchTab(id, { history: { ...tab.history, present: { ...tab.history.present, place: { ...place, at } } } });
}
