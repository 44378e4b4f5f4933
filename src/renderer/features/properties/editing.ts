import type { EntryChanges } from '../../../shared/contract/edit.ts';
import { tellDone } from '../../app/editing.ts';
import { type ErrorData, errorOf } from '../../app/services.ts';
import { findTab, type Tab } from '../../app/state.ts';
import { canEdit } from '../../models/editing.ts';
import { layerAt } from '../../models/layers.ts';
import { texts } from '../../texts/index.ts';

/** Entries whose properties are shown, as far as they can be changed. */
export interface Editable {
  /** Changes them; answers why that did not work. */
  change(changes: EntryChanges): Promise<ErrorData | undefined>;
  /** Sets an extended attribute of the one entry, or without a value removes it; answers why that did not work. */
  xattr(key: string, value: Uint8Array<ArrayBuffer> | undefined): Promise<ErrorData | undefined>;
}

/** Entries that are changed at once: the contract's own limit. */
export const MOST_CHANGED = 10_000;

/** How entries of a layer can be changed; undefined while they can't be. @param changed asks for them anew */
export function editableOf(tab: Tab, layer: string, entries: readonly { readonly folder?: number; readonly node: number; readonly name: string }[], title: string, changed: () => void): Editable | undefined {
  if (entries.length > MOST_CHANGED || entries.length === 0 || canEdit(tab.edit, tab.info && layerAt(tab.info, layer)) !== true) return undefined;
  const attempt = async (run: () => Promise<void> | undefined): Promise<ErrorData | undefined> => {
    try {
      await run();
      changed();
      tellDone(tab.id, texts.edit.did.change(title));
      return undefined;
    } catch (error) {
      return errorOf(error);
    }
  };
  const [first] = entries;
  return {
    change: (changes) => attempt(() => findTab(tab.id)?.host?.call('entry.change', { layer, entries: entries.map(placed), changes })),
    xattr: (key, value) => attempt(() => findTab(tab.id)?.host?.call('entry.xattr', { layer, ...placed(first!), key, ...(value === undefined ? {} : { value }) })),
  };
}

/** What the host looks for before it changes anything: another program, or an undo, may have put something else there. */
function placed({ folder, node, name }: { readonly folder?: number; readonly node: number; readonly name: string }): { readonly folder?: number; readonly node: number; readonly name: string } {
  return { ...(folder === undefined ? {} : { folder }), node, name };
}
