import type { SpaceNode } from '../../shared/contract/rows.ts';

/** A folder or file of a snapshot of space, with its place in the tree. */
export interface SpaceItem {
  /** The same in every snapshot of a folder. */
  readonly key: string;
  readonly node: SpaceNode;
  readonly above: SpaceItem | undefined;
  readonly children: readonly SpaceItem[];
}

/** Pixels. */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A rectangle of the map. */
export interface Tile extends Rect {
  readonly item: SpaceItem;
  /** 0 for what stands in the folder itself. */
  readonly depth: number;
  /** The topmost item that it belongs to. */
  readonly top: SpaceItem;
  /** What is in it is drawn inside it, below its name. */
  readonly open: boolean;
}

/** Pixels: the name above what is inside a tile, the space around that, and how small a tile or one with an inside may be. */
const HEAD = 17;
const GAP = 2;
const LEAST = 3;
const LEAST_OPEN = { width: 34, height: HEAD + 14 };

/** A snapshot's tree with a key for each of its nodes, and what leads to them. */
export function itemsOf(tree: SpaceNode): { readonly top: SpaceItem; readonly byKey: ReadonlyMap<string, SpaceItem> } {
  const byKey = new Map<string, SpaceItem>();
  const make = (node: SpaceNode, above: SpaceItem | undefined, beside: ReadonlySet<string>): SpaceItem => {
    const plain = above === undefined ? String(node.node) : `${above.key}/${node.node}`;
    // A hostile directory has the same node under many names.
    let key = plain;
    for (let i = 2; beside.has(key); i++) key = `${plain}:${i}`;
    const children: SpaceItem[] = [];
    const item: SpaceItem = { key, node, above, children };
    byKey.set(key, item);
    const taken = new Set<string>();
    for (const child of node.children ?? []) {
      const made = make(child, item, taken);
      taken.add(made.key);
      children.push(made);
    }
    return item;
  };
  return { top: make(tree, undefined, new Set()), byKey };
}

/** The items from below `top` down to an item. */
export function pathTo(item: SpaceItem): SpaceItem[] {
  const path: SpaceItem[] = [];
  for (let at: SpaceItem | undefined = item; at?.above !== undefined; at = at.above) path.push(at);
  return path.toReversed();
}

/** How much of a whole, from 0 to 1. */
export function shareOf(part: number, whole: number): number {
  return whole > 0 ? Math.min(1, part / whole) : 0;
}

/**
 * Divides a rectangle among sizes, in rows of tiles that are as square as can be (Bruls, Huizing, van Wijk: Squarified Treemaps, 2000).
 * @param sizes above 0, best the largest first; the tiles come in the same order and fill `into`
 */
export function squarify(sizes: readonly number[], into: Rect): Rect[] {
  const tiles: Rect[] = [];
  let { x, y, width, height } = into;
  let left = sizes.reduce((sum, size) => sum + size, 0);
  for (let from = 0; from < sizes.length;) {
    const side = Math.min(width, height);
    const scale = left > 0 ? (width * height) / left : 0;
    let sum = sizes[from]!;
    let to = from + 1;
    let worst = worstOf(sizes[from]!, sizes[from]!, sum, side, scale);
    while (to < sizes.length) {
      const next = worstOf(sizes[from]!, sizes[to]!, sum + sizes[to]!, side, scale);
      if (next > worst) break;
      worst = next;
      sum += sizes[to++]!;
    }
    const thick = to === sizes.length ? Math.max(width, height) : side > 0 ? (sum * scale) / side : 0;
    let along = 0;
    for (let i = from; i < to; i++) {
      const length = sum > 0 ? (sizes[i]! / sum) * side : 0;
      tiles.push(width >= height ? { x, y: y + along, width: thick, height: length } : { x: x + along, y, width: length, height: thick });
      along += length;
    }
    if (width >= height) {
      x += thick;
      width = Math.max(0, width - thick);
    } else {
      y += thick;
      height = Math.max(0, height - thick);
    }
    left -= sum;
    from = to;
  }
  return tiles;
}

/** How far from a square the worst tile of a row is. */
function worstOf(largest: number, smallest: number, sum: number, side: number, scale: number): number {
  const area = sum * scale;
  return Math.max((side * side * largest * scale) / (area * area), (area * area) / (side * side * smallest * scale));
}

/** The tiles of what is in an item, those of a folder before those inside it. Tiles too small to be seen are left out, and their room stays empty. */
export function treemap(top: SpaceItem, width: number, height: number): Tile[] {
  const tiles: Tile[] = [];
  const fill = (item: SpaceItem, into: Rect, depth: number, hued: SpaceItem | undefined): void => {
    const rest = item.node.smaller?.size ?? 0;
    const sizes = item.children.map(({ node }) => node.size);
    const rects = squarify(rest > 0 ? [...sizes, rest] : sizes, into);
    item.children.forEach((child, i) => {
      const rect = rects[i]!;
      if (!(rect.width >= LEAST && rect.height >= LEAST)) return;
      const open = child.children.length > 0 && rect.width >= LEAST_OPEN.width && rect.height >= LEAST_OPEN.height;
      tiles.push({ ...rect, item: child, depth, top: hued ?? child, open });
      if (open) fill(child, { x: rect.x + GAP, y: rect.y + HEAD, width: rect.width - 2 * GAP - 1, height: rect.height - HEAD - GAP - 1 }, depth + 1, hued ?? child);
    });
  };
  if (width > 0 && height > 0 && top.node.size > 0) fill(top, { x: 0, y: 0, width, height }, 0, undefined);
  return tiles;
}
