import type { Layer } from './layer.ts';

/** Formats that several devices make up together, of which something else makes volumes (a guest's kernel: LVM, md). */
const ASSEMBLED: ReadonlySet<string> = new Set(['lvm2', 'md']);

/** Filesystems that may lie on several devices, all of which have its UUID (a pool's number). */
const SPREAD: ReadonlySet<string> = new Set(['btrfs', 'zfs', 'openzfs']);

/** Whether volumes are made of a format's devices: it is opened as a table is. */
export function isAssembled(format: string): boolean {
  return ASSEMBLED.has(format);
}

/** Whether more than one layer may be needed to open a format: that is done when all layers are known. */
export function isSet(format: string): boolean {
  return ASSEMBLED.has(format) || SPREAD.has(format);
}

/**
 * The further layers whose bytes an opener of `layer` may need: of LVM and md all members in the image, as an array may be a member itself of a group; of a
 * filesystem those with its UUID. In the order in which they lie.
 */
export function membersFor(root: Layer, layer: Layer): Layer[] {
  const wanted = isAssembled(layer.format) ? ({ format }: Layer) => isAssembled(format) : ({ format, uuid }: Layer) => format === layer.format && uuid === layer.uuid && uuid !== '';
  return [...ownBytes(root)].filter((each) => each !== layer && each.path !== layer.path && wanted(each));
}

/** Marks what belongs to a set that another layer shows. @param is whether a layer does */
export function markParts(root: Layer, partOf: string, is: (layer: Layer) => boolean): Layer {
  if (root.path !== partOf && is(root)) return { ...root, kind: 'unknown', partOf };
  const children = root.children.map((child) => markParts(child, partOf, is));
  return children.some((child, i) => child !== root.children[i]) ? { ...root, children } : root;
}

/** Of each filesystem that lies on several devices, the first is it; the others are its parts. */
export function markSpread(root: Layer): Layer {
  let tree = root;
  const first = new Map<string, string>();
  for (const { format, uuid, path, partOf } of ownBytes(root)) {
    if (!SPREAD.has(format) || uuid === '' || partOf !== undefined) continue;
    const key = `${format} ${uuid}`;
    const before = first.get(key);
    if (before === undefined) first.set(key, path);
    else tree = markParts(tree, before, (layer) => layer.path === path && layer.filesystem === undefined);
  }
  return tree;
}

/** Layers that lie in the image itself, and not in what was assembled of it. */
function* ownBytes(layer: Layer): Iterable<Layer> {
  yield layer;
  for (const child of layer.children) if (child.volume?.assembled === undefined) yield* ownBytes(child);
}
