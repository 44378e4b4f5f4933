import { Fingerprint } from 'lucide-react';
import { displayName } from '../../engines/core/names.ts';
import { folderOf, placeOf } from '../app/navigation.ts';
import { loadedRows, setApp, type Tab } from '../app/state.ts';
import { layerAt } from '../models/layers.ts';
import { countOf } from '../models/ranges.ts';
import { texts } from '../texts/index.ts';
import { type Command, onTab, reasons, withTab } from './command.ts';
import { selectedRows } from './entry.ts';

/** Checksums of the selection, of all in the folder where nothing is selected, of the layer on whose page one is. */
async function showChecksums(tab: Tab): Promise<void> {
  const folder = folderOf(tab);
  const place = placeOf(tab);
  if (place === undefined || tab.info === undefined) return;
  const { layer } = place;
  if (folder === undefined) {
    const row = layerAt(tab.info, layer);
    const name = layer === '0' ? displayName(tab.info.name) : row?.label || row?.title || '';
    setApp({ dialog: { kind: 'checksums', tab: tab.id, layer, title: layer === '0' ? texts.checksums.image(name) : name, names: [name], ...(layer === '0' ? { lists: 'beside' } : {}) } });
    return;
  }
  const here = folder.crumbs.at(-1)!;
  // What a search found lies in many folders: no list beside it is meant.
  const lists = tab.listing?.search === undefined ? { lists: here.node } : {};
  const count = countOf(tab.selection.ranges);
  if (count === 0) {
    const shown = loadedRows(tab, [[0, tab.listing?.rows?.count ?? 0]], 10_000) ?? [];
    setApp({ dialog: { kind: 'checksums', tab: tab.id, layer, folder: here.node, title: here.display || '/', names: shown.map(({ name }) => name), ...lists } });
    return;
  }
  const rows = loadedRows(tab) ?? (await selectedRows(tab));
  const title = rows.length === 1 ? rows[0]!.display : texts.checksums.entries(rows.length);
  setApp({ dialog: { kind: 'checksums', tab: tab.id, layer, entries: rows.map(({ node, name }) => ({ node, name })), title, names: rows.map(({ name }) => name), ...lists } });
}

export const checksumsCommand: Command = {
  id: 'checksums', label: texts.commands.checksums, icon: Fingerprint, group: 'entry', keys: ['Mod+Shift+H'],
  enabled: withTab((tab) => (placeOf(tab) === undefined ? reasons.noImage : true)),
  run: onTab(showChecksums),
};
