import type { EntryRow } from '../../shared/contract/rows.ts';
import { texts } from '../texts/index.ts';
import { notifyError } from '../ui/toasts.ts';
import { copyEntries, pasteAcross, placedOf, titleOf } from './editing.ts';
import { folderOf } from './navigation.ts';
import { errorOf } from './services.ts';
import { announce, type FolderPlace, findTab, getApp, type Placed, setApp, type Tab } from './state.ts';

/** What was cut or copied in the list of a tab. It stays in the window: no other program sees names of an image. */
export interface Clipboard {
  readonly tab: number;
  /** The host that knows the nodes: an image that was opened anew has others. */
  readonly image: number;
  readonly layer: string;
  readonly entries: readonly Placed[];
  readonly title: string;
  readonly cut: boolean;
}

/** Remembers entries for a paste. */
export function takeToClipboard(tab: Tab, rows: readonly EntryRow[], cut: boolean): void {
  const folder = folderOf(tab);
  if (folder === undefined || tab.image === undefined || rows.length === 0) return;
  setApp({ clipboard: { tab: tab.id, image: tab.image, layer: folder.layer, entries: placedOf(tab, rows), title: titleOf(rows), cut } });
  announce(cut ? texts.edit.wasCut(rows.length) : texts.edit.copied(rows.length));
}

/** Whether entries are folders that a folder lies in: crumbs of the target, from the root on. */
export function isInside(entries: readonly Placed[], layer: string, to: FolderPlace): boolean {
  return layer === to.layer && entries.some(({ node }) => to.crumbs.some((crumb, i) => i > 0 && crumb.node === node));
}

/** true, or why what is on the clipboard can't be pasted into a folder. */
export function canPaste({ clipboard, tabs }: { readonly clipboard: Clipboard | undefined; readonly tabs: readonly Tab[] }, id: number, to: FolderPlace): true | string {
  if (clipboard === undefined) return texts.editReasons.nothingCopied;
  const from = tabs.find((tab) => tab.id === clipboard.tab);
  if (from?.image !== clipboard.image || from.host === undefined) return texts.editReasons.gone;
  return from.id === id && isInside(clipboard.entries, clipboard.layer, to) ? texts.editReasons.intoItself : true;
}

/** Puts what is on the clipboard into a folder. What was cut is moved, once. */
export async function pasteInto(id: number, to: FolderPlace): Promise<void> {
  const { clipboard } = getApp();
  if (clipboard === undefined || canPaste(getApp(), id, to) !== true) return;
  const { tab, cut } = clipboard;
  try {
    if (tab === id) await copyEntries(id, clipboard, to, cut);
    else await pasteAcross(tab, clipboard, id, to, cut && findTab(tab)?.edit?.state === 'editing');
    if (cut && getApp().clipboard === clipboard) setApp({ clipboard: undefined });
  } catch (error) {
    notifyError(errorOf(error));
  }
}
