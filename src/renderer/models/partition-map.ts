import type { ImageInfo, LayerRow } from '../../shared/contract/rows.ts';
import { childrenOf, contentOf, isPartition, volumesOf } from './layers.ts';

/** One volume, gap or table on the map. */
export interface Slice {
  readonly volume: LayerRow;
  /** What was found in it. */
  readonly content: LayerRow | undefined;
  readonly kind: 'partition' | 'extended' | 'free' | 'metadata';
  /** Its part of the strip's width; those of a strip sum up to 1. */
  readonly share: number;
  /** The used part of its filesystem, 0 to 1, where it is known. */
  readonly used: number | undefined;
  /** Which colour it has; the list beside has the same. -1 for what is no partition. */
  readonly hue: number;
  /** Something is wrong with its place: it begins inside the one before, or reaches past the end of the disk. */
  readonly fault: 'overlaps' | 'outside' | undefined;
}

/** A row of slices to scale: a table's own, or what lies in one of its volumes. */
export interface Strip {
  /** The table that it shows. */
  readonly table: LayerRow;
  /** The volume that it lies in; undefined for the first. */
  readonly inside: LayerRow | undefined;
  readonly slices: readonly Slice[];
  /** Volumes that are left out, because nobody can tell so many apart. */
  readonly left: number;
}

/** Slices of one strip: each is an element of the page, and a hostile table has thousands. */
const MOST_SLICES = 96;

/** Strips below one another. */
const MOST_STRIPS = 6;

const HUES = 6;

/**
 * The map of a table: its volumes in order of offset, drawn to scale; below it a strip for what lies in its extended partition, and one for each
 * volume that holds a table of its own. Tables may claim anything: what overlaps or lies outside is drawn and marked.
 * @param least the smallest share of a slice, so that it can be clicked
 */
export function partitionMap(info: ImageInfo, table: LayerRow, least: number): Strip[] {
  const strips: Strip[] = [];
  const add = (each: LayerRow, inside: LayerRow | undefined): void => {
    const volumes = volumesOf(info, each.path);
    const extended = volumes.find((volume) => volume.volume?.kind === 'extended');
    const logical = new Set(extended === undefined ? [] : volumes.filter((volume) => volume !== extended && within(volume, extended)));
    const top = volumes.filter((volume) => !logical.has(volume));
    strips.push(stripOf(info, each, inside, top, 0, each.size, least));
    if (extended !== undefined && logical.size > 0 && strips.length < MOST_STRIPS) strips.push(stripOf(info, each, extended, [...logical], extended.offset, extended.offset + extended.size, least));
    for (const volume of volumes) {
      const nested = tableIn(info, volume);
      if (nested !== undefined && strips.length < MOST_STRIPS) add(nested, volume);
    }
  };
  add(table, undefined);
  return strips;
}

/** The colour of each volume of a table, by path: the same on the map and in the list. */
export function huesOf(volumes: readonly LayerRow[]): ReadonlyMap<string, number> {
  return new Map(volumes.filter(isPartition).map((volume, i) => [volume.path, i % HUES]));
}

/** The parts of a table that touch (a protective MBR, GPT's header, its entries) are one thing to whoever looks for a place. */
function withTablesJoined(volumes: readonly LayerRow[]): LayerRow[] {
  const joined: LayerRow[] = [];
  for (const volume of volumes) {
    const before = joined.at(-1);
    if (before?.volume?.kind === 'metadata' && volume.volume?.kind === 'metadata' && before.offset + before.size === volume.offset) joined[joined.length - 1] = { ...before, size: before.size + volume.size };
    else joined.push(volume);
  }
  return joined;
}

function stripOf(info: ImageInfo, table: LayerRow, inside: LayerRow | undefined, volumes: readonly LayerRow[], from: number, to: number, least: number): Strip {
  const hues = huesOf(volumesOf(info, table.path));
  const drawn = withTablesJoined(volumes).slice(0, MOST_SLICES);
  const shares = sharesOf(drawn.map((volume) => Math.max(0, Math.min(volume.offset + volume.size, to) - Math.max(volume.offset, from))), least);
  let end = from;
  const slices = drawn.map((volume, i): Slice => {
    const last = volume.offset + volume.size;
    const fault = last > to || volume.offset < from ? 'outside' : volume.offset < end && volume.size > 0 ? 'overlaps' : undefined;
    end = Math.max(end, Math.min(last, to));
    const content = contentOf(info, volume);
    const kind = volume.volume?.kind;
    return {
      volume, content, share: shares[i]!, used: usedOf(content), fault, hue: hues.get(volume.path) ?? -1,
      kind: kind === 'extended' || kind === 'free' || kind === 'metadata' ? kind : 'partition',
    };
  });
  return { table, inside, slices, left: volumes.length - drawn.length };
}

/** The table in a volume, under any number of containers. */
function tableIn(info: ImageInfo, volume: LayerRow): LayerRow | undefined {
  let at = contentOf(info, volume);
  while (at?.kind === 'container') [at] = childrenOf(info, at.path);
  return at?.kind === 'table' && at.error === undefined ? at : undefined;
}

function usedOf(content: LayerRow | undefined): number | undefined {
  if (content?.filesystem === undefined || content.size <= 0) return undefined;
  return Math.min(1, Math.max(0, 1 - content.filesystem.free / content.size));
}

function within(inner: LayerRow, outer: LayerRow): boolean {
  return inner.offset >= outer.offset && inner.offset + inner.size <= outer.offset + outer.size;
}

/** Parts of a whole to scale, but none smaller than `least` (or than an equal part, where there are too many for that); they sum up to 1. */
export function sharesOf(sizes: readonly number[], least: number): number[] {
  const count = sizes.length;
  if (count === 0) return [];
  const floor = Math.min(least, 1 / count);
  const thin = new Set<number>();
  // Whatever is raised to the floor is taken from the rest, which may bring more of it below: at most one round a part.
  for (;;) {
    const rest = 1 - thin.size * floor;
    const sum = sizes.reduce((total, size, i) => (thin.has(i) ? total : total + size), 0);
    if (sum <= 0) return sizes.map(() => 1 / count);
    const more = sizes.flatMap((size, i) => (!thin.has(i) && (size / sum) * rest < floor ? [i] : []));
    if (more.length === 0) return sizes.map((size, i) => (thin.has(i) ? floor : (size / sum) * rest));
    for (const i of more) thin.add(i);
  }
}
