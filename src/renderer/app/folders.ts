import type { EntryRow } from '../../shared/contract/rows.ts';
import type { HostClient } from './services.ts';
import { getApp } from './state.ts';

/** Folders that are listed at once, in a menu or under the path field. */
export const MAX_FOLDERS = 500;

export interface Folders {
  readonly rows: readonly EntryRow[];
  /** There are more than are listed. */
  readonly more: boolean;
}

/**
 * The folders in a folder, by name; links that lead to one count.
 * @param prefix what their names begin with
 * @throws ErrorData when the folder can't be read
 */
export async function foldersIn(host: HostClient | undefined, layer: string, node: number, prefix = ''): Promise<Folders> {
  if (host === undefined) return { rows: [], more: false };
  const view = await host.call('view.open', {
    layer, node, sort: { key: 'name', descending: false }, hidden: getApp().settings.hidden || prefix.startsWith('.'), ...(prefix === '' ? {} : { filter: `${prefix}*` }),
  });
  try {
    // Folders come first in every listing.
    const rows = await host.call('view.rows', { view: view.view, from: 0, count: Math.min(view.count, MAX_FOLDERS) });
    const folders = rows.filter((row) => row.error === undefined && (row.type === 'dir' || row.targetType === 'dir'));
    return { rows: folders, more: folders.length === rows.length && view.count > rows.length };
  } finally {
    host.call('view.close', { view: view.view }).catch(() => {
      // The host is gone, and the view with it.
    });
  }
}
