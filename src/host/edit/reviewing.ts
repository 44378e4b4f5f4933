import type { Extent } from '../../engines/core/bytes/device.ts';
import { type Layer, layersOf } from '../../engines/core/layer.ts';
import { MOST_EXTENTS, type ReviewedLayer } from './editing.ts';

/** A layer whose bytes lie one to one in the layer that is staged. */
interface Ranged {
  readonly layer: Layer;
  readonly at: number;
}

/**
 * Layers whose bytes lie one to one in `layer`, itself first, each with its place in it. What is in a container is made, and has none.
 */
function* rangesOf(layer: Layer, at: number): Iterable<Ranged> {
  yield { layer, at };
  if (layer.kind === 'container') return;
  // Nor does what is assembled of several lie in any of them.
  for (const child of layer.children) if (child.volume?.assembled === undefined) yield* rangesOf(child, at + child.offset);
}

/** Filesystems whose bytes lie one to one in `root`, with their places there. */
export function filesystemsIn(root: Layer): readonly Ranged[] {
  return [...rangesOf(root, 0)].filter(({ layer }) => layer.kind === 'filesystem');
}

/** Tells where changes lie, by layer. @param changes in order, in bytes of `root` */
export function reviewLayers(root: Layer, changes: Iterable<Extent>): ReviewedLayer[] {
  // Innermost first, so that the first one that fits is the one that a change belongs to.
  const ranges = [...rangesOf(root, 0)].filter(({ layer }) => layer.kind !== 'volume').toReversed();
  const found = new Map<Layer, { changedBytes: number; extents: Extent[]; extentCount: number }>();
  for (const change of changes) {
    for (let at = change.at; at < change.at + change.length;) {
      const { layer, at: start } = ranges.find((range) => at >= range.at && at < range.at + range.layer.size) ?? { layer: root, at: 0 };
      // As far as it stays in the same layer: up to its end, or to the beginning of the next.
      const next = ranges.reduce((least, range) => (range.at > at ? Math.min(least, range.at) : least), start + layer.size);
      const end = Math.max(at + 1, Math.min(change.at + change.length, next));
      const tally = found.get(layer) ?? { changedBytes: 0, extents: [], extentCount: 0 };
      found.set(layer, tally);
      tally.changedBytes += end - at;
      tally.extentCount++;
      if (tally.extents.length < MOST_EXTENTS) tally.extents.push({ at: at - start, length: end - at });
      at = end;
    }
  }
  return [...layersOf(root)].flatMap((layer) => {
    const tally = found.get(layer);
    return tally === undefined ? [] : [{ path: layer.path, title: layer.title, ...tally }];
  });
}
