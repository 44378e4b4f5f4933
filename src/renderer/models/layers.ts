import type { ImageInfo, LayerRow } from '../../shared/contract/rows.ts';

/** The path of the layer around this one, or undefined for the first. */
export function parentPath(path: string): string | undefined {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? undefined : path.slice(0, slash);
}

export function layerAt(info: ImageInfo, path: string): LayerRow | undefined {
  return info.layers.find((layer) => layer.path === path);
}

/** The layers of each image by the path of the layer around them: an image may have thousands, and is never changed once it is told. */
const byParent = new WeakMap<ImageInfo, ReadonlyMap<string, readonly LayerRow[]>>();

export function childrenOf(info: ImageInfo, path: string): readonly LayerRow[] {
  let index = byParent.get(info);
  if (index === undefined) {
    index = indexOf(info);
    byParent.set(info, index);
  }
  return index.get(path) ?? [];
}

/** The outermost layers stand under "". */
function indexOf(info: ImageInfo): Map<string, LayerRow[]> {
  const index = new Map<string, LayerRow[]>();
  for (const layer of info.layers) {
    const parent = parentPath(layer.path) ?? '';
    const siblings = index.get(parent);
    if (siblings === undefined) index.set(parent, [layer]);
    else siblings.push(layer);
  }
  return index;
}

/** A filesystem that can be walked. */
export function isOpenFilesystem(layer: LayerRow): boolean {
  return layer.kind === 'filesystem' && layer.filesystem !== undefined;
}

/** What stands for a layer to people: a partition is shown together with the one thing in it. */
export interface Shown {
  /** The outer layer: a volume where there is one. */
  readonly layer: LayerRow;
  /** What was found in the volume, or the layer itself. */
  readonly content: LayerRow;
  readonly children: readonly Shown[];
}

/** The tree that the sidebar shows: volumes merged with their content, free space and metadata left to the partition map. */
export function shownTree(info: ImageInfo): Shown[] {
  const shown = (layer: LayerRow): Shown => {
    const children = childrenOf(info, layer.path).filter((each) => each.kind !== 'volume' || isPartition(each));
    const [content] = children;
    if (layer.kind === 'volume' && children.length === 1 && content !== undefined) {
      return { layer, content, children: childrenOf(info, content.path).filter((each) => each.kind !== 'volume' || isPartition(each)).map(shown) };
    }
    return { layer, content: layer, children: children.map(shown) };
  };
  return childrenOf(info, '').map(shown);
}

export function isPartition(layer: LayerRow): boolean {
  return layer.kind === 'volume' && layer.volume?.kind !== 'free' && layer.volume?.kind !== 'metadata';
}

/** The volumes of a table in order of offset, an extended partition's own volumes in its place. */
export function volumesOf(info: ImageInfo, table: string): LayerRow[] {
  return childrenOf(info, table).filter((layer) => layer.kind === 'volume').toSorted((a, b) => a.offset - b.offset || b.size - a.size);
}

/** What lies in a volume, where anything does. */
export function contentOf(info: ImageInfo, volume: LayerRow): LayerRow | undefined {
  return childrenOf(info, volume.path)[0];
}

/** The one volume of an image that has nothing else to show, where it waits for a guest. */
export function onlyWaiting(info: ImageInfo): LayerRow | undefined {
  const waiting = info.layers.filter((layer) => layer.waiting === true);
  return waiting.length === 1 && !info.layers.some(isOpenFilesystem) && info.layers.filter(isPartition).length <= 1 ? waiting[0] : undefined;
}

/**
 * Where an image opens: in the root of its filesystem when there is one volume only, else at its table,
 * else at the innermost layer, which tells what is wrong with it.
 */
export function firstLayer(info: ImageInfo): LayerRow | undefined {
  const filesystems = info.layers.filter(isOpenFilesystem);
  const partitions = info.layers.filter(isPartition);
  if (filesystems.length === 1 && partitions.length <= 1) return filesystems[0];
  return info.layers.find((layer) => layer.kind === 'table' && layer.error === undefined) ?? filesystems[0] ?? info.layers.at(-1);
}
