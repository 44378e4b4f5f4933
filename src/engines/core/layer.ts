import type { BlockDevice } from './bytes/device.ts';
import type { DiskError } from './errors.ts';
import type { FileSystem, Note } from './filesystem.ts';
import type { Guess } from './guesses.ts';
import type { Structures } from './layout/annotate.ts';
import { GUEST } from './offers.ts';
import type { Opener, RegistryEntry, Volume } from './probe.ts';
import { isAssembled } from './sets.ts';

/**
 * One step of the way from an image's bytes to its trees. A container has one child, a table has one a
 * volume, a volume has what was found in it, a filesystem has none.
 */
export interface Layer {
  /** "0" is the first; "0/2" is the second volume of the table in it; a layer inside another is "/0". */
  readonly path: string;
  readonly kind: 'container' | 'table' | 'volume' | 'filesystem' | 'unknown';
  /** Format id; for volumes "partition", "free", "extended", "metadata"; "unknown" and "empty" where nothing matched. */
  readonly format: string;
  /** For people: "ext4", "GPT", "Linux filesystem". */
  readonly title: string;
  readonly label: string;
  readonly uuid: string;
  /** Byte offset in the layer that holds it. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  readonly device: BlockDevice;
  readonly evidence: readonly string[];
  /** Other formats that these bytes could be read as. */
  readonly alternatives: readonly { readonly format: string; readonly name: string; readonly confidence: number; readonly evidence: readonly string[] }[];
  /** What bytes that are not open look like, among the formats that no engine is there for. */
  readonly guesses: readonly Guess[];
  readonly openers: readonly Opener[];
  readonly details: readonly (readonly [string, string])[];
  /** Grows while the image is read. */
  readonly notes: Note[];
  readonly volume?: Volume;
  readonly filesystem?: FileSystem;
  /** Why its bytes are never changed by themselves. */
  readonly readOnly?: string;
  /** The path of the layer that shows the set which these bytes are a part of. */
  readonly partOf?: string;
  /** The devices of its parts. */
  readonly parts?: readonly BlockDevice[];
  /** What opens it in place of the registry, in a volume that something else assembled. */
  readonly own?: readonly RegistryEntry[];
  /** What its bytes are, where its format can tell. */
  readonly structures?: Structures;
  /** Why it could not be opened. */
  readonly error?: DiskError;
  /** It was to be opened for writing, and this is why it was opened for reading alone. */
  readonly notWritable?: DiskError;
  readonly children: readonly Layer[];
}

/** The layers from the root to the one at `path`; empty when there is none. */
export function chainTo(layer: Layer, path: string): Layer[] {
  if (layer.path === path) return [layer];
  for (const child of layer.children) {
    if (path !== child.path && !path.startsWith(`${child.path}/`)) continue;
    const rest = chainTo(child, path);
    if (rest.length > 0) return [layer, ...rest];
  }
  return [];
}

/** The tree with `after` in its place. @param chain the layers that lead to it */
export function replaced(layer: Layer, chain: readonly Layer[], after: Layer): Layer {
  if (layer.path === after.path) return after;
  return { ...layer, children: layer.children.map((child) => (chain.includes(child) ? replaced(child, chain, after) : child)) };
}

/** The tree in which nothing is a part of the set at `path`. */
export function freed(layer: Layer, path: string): Layer {
  const { partOf, ...rest } = layer;
  const children = layer.children.map((child) => freed(child, path));
  return partOf === path ? { ...rest, kind: isAssembled(layer.format) ? 'table' : 'filesystem', children } : children.some((child, i) => child !== layer.children[i]) ? { ...layer, children } : layer;
}

/** Every layer, parents first. */
export function* layersOf(layer: Layer): Iterable<Layer> {
  yield layer;
  for (const child of layer.children) yield* layersOf(child);
}

/**
 * Closes filesystems and the devices that layers made, innermost first. The device given to openLayers stays open.
 * @throws what closing the first one threw that could not write its last changes; all are closed then, too
 */
export async function closeLayers(layer: Layer): Promise<void> {
  const failures: unknown[] = [];
  for (const each of [...layersOf(layer)].toReversed()) {
    try {
      await each.filesystem?.close();
    } catch (error) {
      failures.push(error);
    }
    if (each.kind === 'container') each.children[0]?.device.close();
  }
  if (failures.length > 0) throw failures[0];
}

/** Whether a layer is told by its name and was not opened: its opener takes long, and is to be chosen. */
export function isWaiting({ kind, filesystem, error, openers, children }: Pick<Layer, 'kind' | 'filesystem' | 'error' | 'openers' | 'children'>): boolean {
  if (error !== undefined || openers.length === 0) return false;
  return kind === 'filesystem' ? filesystem === undefined : kind === 'table' && children.length === 0 && openers[0]!.id.startsWith(GUEST);
}

/** What a waiting layer is opened with, unless another opener is asked for. */
export function bestOpener({ openers }: Pick<Layer, 'openers'>): Opener | undefined {
  return openers.find(({ access }) => access !== 'refused');
}
