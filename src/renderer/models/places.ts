import type { ImageInfo, LayerRow, SubvolumeRow } from '../../shared/contract/rows.ts';
import { type Shown, shownTree } from './layers.ts';

/** A line of the sidebar below an image: a layer, or a subvolume of a filesystem. */
export interface PlaceNode {
  /** Unique in the image. */
  readonly id: string;
  readonly shown?: Shown;
  readonly subvolume?: { readonly layer: LayerRow; readonly row: SubvolumeRow };
  readonly children: readonly PlaceNode[];
}

/** What an image holds: tables, volumes with what is in them, and below a filesystem its subvolumes and snapshots as they are nested. */
export function placesOf(info: ImageInfo): PlaceNode[] {
  const node = (shown: Shown): PlaceNode => ({ id: shown.layer.path, shown, children: [...subvolumesOf(shown.content), ...shown.children.map(node)] });
  return shownTree(info).map(node);
}

export const subvolumeId = (layer: string, id: string): string => `${layer}@${id}`;

function subvolumesOf(layer: LayerRow): PlaceNode[] {
  const rows = layer.filesystem?.subvolumes ?? [];
  const byParent = new Map<string | undefined, SubvolumeRow[]>();
  const ids = new Set(rows.map(({ id }) => id));
  for (const row of rows) {
    // One whose parent is not there (or is itself: an image may say anything) stands at the top.
    const parent = row.parent === row.id || !ids.has(row.parent ?? '') ? undefined : row.parent;
    const siblings = byParent.get(parent);
    if (siblings === undefined) byParent.set(parent, [row]);
    else siblings.push(row);
  }
  // Two that hold each other are reached from nowhere: they are left out rather than followed for ever.
  const node = (row: SubvolumeRow): PlaceNode => ({ id: subvolumeId(layer.path, row.id), subvolume: { layer, row }, children: (byParent.get(row.id) ?? []).map(node) });
  return (byParent.get(undefined) ?? []).map(node);
}
