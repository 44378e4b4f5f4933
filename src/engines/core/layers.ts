import { type BlockDevice, readBytes } from './bytes/device.ts';
import { SliceDevice } from './bytes/slice.ts';
import { type DiskError, toDiskError, unsupported } from './errors.ts';
import type { FileSystem, Note } from './filesystem.ts';
import type { Structures } from './layout/annotate.ts';
import type { Candidate, Format, OpenContext, Opener, RegistryEntry, Volume } from './probe.ts';

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
  readonly openers: readonly Opener[];
  readonly details: readonly (readonly [string, string])[];
  /** Grows while the image is read. */
  readonly notes: Note[];
  readonly volume?: Volume;
  readonly filesystem?: FileSystem;
  /** What its bytes are, where its format can tell. */
  readonly structures?: Structures;
  /** Why it could not be opened. */
  readonly error?: DiskError;
  readonly children: readonly Layer[];
}

/** Deepest nesting that is followed. A crafted image could nest for ever (a table whose only volume is itself). */
const MAX_DEPTH = 8;

/** Most layers of one image, whatever its tables claim. */
const MAX_LAYERS = 4096;

/** Which format the person asked for, by layer path. Absent = the best match. */
export type Choices = ReadonlyMap<string, string>;

/**
 * Asks every format that may match. All matches, best first.
 * @param deep searches for backups too; done by itself when nothing matched
 */
export async function probe(device: BlockDevice, registry: readonly RegistryEntry[], deep = false): Promise<Candidate[]> {
  const found: Candidate[] = [];
  for (const entry of registry) {
    if (!entry.magics.some((magic) => hasMagic(device, magic)) && !(deep && entry.deep)) continue;
    const format = await entry.load();
    const match = format.probe(device, deep);
    if (match !== undefined) found.push({ format, match });
  }
  if (found.length === 0 && !deep) return probe(device, registry, true);
  return found.toSorted((a, b) => b.match.confidence - a.match.confidence);
}

/** Walks from an image's bytes down to its filesystems. Damage stops a branch, never the walk. */
export async function openLayers(device: BlockDevice, registry: readonly RegistryEntry[], context: OpenContext, choices: Choices = new Map()): Promise<Layer> {
  return new LayerWalk(registry, context, choices).open(device, '0', 0, 0);
}

/** Every layer, parents first. */
export function* layersOf(layer: Layer): Iterable<Layer> {
  yield layer;
  for (const child of layer.children) yield* layersOf(child);
}

/** Closes filesystems and the devices that layers made, innermost first. The device given to openLayers stays open. */
export async function closeLayers(layer: Layer): Promise<void> {
  for (const child of layer.children) await closeLayers(child);
  await layer.filesystem?.close();
  if (layer.kind === 'container') layer.children[0]?.device.close();
}

class LayerWalk {
  readonly #registry: readonly RegistryEntry[];
  readonly #context: OpenContext;
  readonly #choices: Choices;
  #count = 0;

  constructor(registry: readonly RegistryEntry[], context: OpenContext, choices: Choices) {
    this.#registry = registry;
    this.#context = context;
    this.#choices = choices;
  }

  async open(device: BlockDevice, path: string, offset: number, depth: number): Promise<Layer> {
    this.#count++;
    const notes: Note[] = [];
    const blank = { path, label: '', uuid: '', offset, size: device.size, device, evidence: [], alternatives: [], openers: [], details: [], notes, children: [] };
    let candidates: Candidate[];
    try {
      candidates = await probe(device, this.#registry);
    } catch (error) {
      return { ...blank, kind: 'unknown', format: 'unknown', title: 'Unreadable', error: toDiskError(error) };
    }
    const chosen = this.#choices.get(path);
    const candidate = chosen === undefined ? candidates[0] : candidates.find((each) => each.format.id === chosen);
    const alternatives = candidates.map(({ format, match }) => ({ format: format.id, name: format.name, confidence: match.confidence, evidence: match.evidence }));
    if (candidate === undefined) {
      const error = chosen === undefined ? undefined : unsupported(chosen, `The bytes do not look like ${chosen}`);
      return { ...blank, ...describeUnknown(device), alternatives, ...(error ? { error } : {}) };
    }
    const { format, match } = candidate;
    const base = { ...blank, kind: format.kind, format: match.variant ?? format.id, title: match.variant ?? format.name, evidence: match.evidence, alternatives };
    const context: OpenContext = { ...this.#context, note: (note) => { if (notes.length < 1000) notes.push(note); this.#context.note(note); } };
    if (depth >= MAX_DEPTH) {
      const error = unsupported('nesting', `Layers are nested deeper than ${MAX_DEPTH}`);
      return { ...base, openers: [openerOf(format, 'refused', error.message)], error };
    }
    try {
      return { ...base, ...(await this.#enter(format, device, path, depth, context)) };
    } catch (error) {
      const failure = toDiskError(error);
      if (failure.kind === 'cancelled') throw failure;
      return { ...base, openers: [openerOf(format, 'refused', failure.message)], error: failure };
    }
  }

  async #enter(format: Format, device: BlockDevice, path: string, depth: number, context: OpenContext): Promise<Partial<Layer>> {
    switch (format.kind) {
      case 'filesystem': {
        const filesystem = await format.open(device, context);
        const { info } = filesystem;
        return {
          filesystem, ...structuresOf(filesystem), label: info.label, uuid: info.uuid, details: info.details,
          openers: [openerOf(format, info.access.write ? 'read-write' : 'read-only', info.access.reason)],
        };
      }
      case 'container': {
        const opened = await format.open(device, context);
        const { device: inner, details } = opened;
        return { details, ...structuresOf(opened), openers: [openerOf(format, 'read-only', 'unpacked for reading')], children: [await this.open(inner, `${path}/0`, 0, depth + 1)] };
      }
      case 'table': {
        const table = await format.open(device, context);
        const children: Layer[] = [];
        // Free space and metadata are numbered where no partition is: their paths only need to be stable.
        const partitions = new Set(table.volumes.map((volume) => volume.number));
        const used = new Set<number>();
        for (const volume of table.volumes) {
          if (this.#count >= MAX_LAYERS) {
            context.note({ severity: 'warning', message: `The image holds more than ${MAX_LAYERS} layers; the rest is left out` });
            break;
          }
          const own = volume.number;
          const number = own !== undefined && !used.has(own) ? own : firstUnused((each) => used.has(each) || partitions.has(each));
          used.add(number);
          children.push(await this.#volume(device, volume, `${path}/${number}`, depth + 1));
        }
        return {
          label: table.label, uuid: table.uuid, ...structuresOf(table), children, openers: [openerOf(format, 'read-only', 'partition tables are shown, not edited')],
          details: [['Sector size', `${table.sectorSize}`], ...table.details],
        };
      }
    }
  }

  async #volume(device: BlockDevice, volume: Volume, path: string, depth: number): Promise<Layer> {
    this.#count++;
    const notes: Note[] = [];
    // A table may claim more than the image holds (a cut image, a hostile table): what is there is still shown.
    const offset = Math.min(volume.offset, device.size);
    const there = Math.max(0, Math.min(volume.size, device.size - offset));
    if (there < volume.size) {
      notes.push({ severity: 'warning', message: `The volume reaches ${volume.offset + volume.size - device.size} bytes past the end of the image`, place: { structure: `volume ${path}`, at: volume.offset, length: volume.size } });
    }
    const slice = new SliceDevice(device, offset, there);
    const probed = volume.kind === 'partition' && there > 0 ? [await this.open(slice, `${path}/0`, 0, depth)] : [];
    return {
      path, kind: 'volume', format: volume.kind, title: volume.type, label: volume.label, uuid: volume.uuid, offset: volume.offset, size: volume.size,
      device: slice, evidence: [], alternatives: [], openers: [], details: [], notes, volume, children: probed,
    };
  }
}

function structuresOf({ structures }: { readonly structures?: Structures }): { readonly structures?: Structures } {
  return structures === undefined ? {} : { structures };
}

function openerOf(format: Format, access: Opener['access'], reason: string): Opener {
  return { id: `native:${format.id}`, name: `Clutch's own ${format.name}`, access, reason };
}

function firstUnused(isUsed: (number: number) => boolean): number {
  let number = 1000;
  while (isUsed(number)) number++;
  return number;
}

function hasMagic(device: BlockDevice, magic: RegistryEntry['magics'][number]): boolean {
  const at = magic.at < 0 ? device.size + magic.at : magic.at;
  if (at < 0 || at + magic.bytes.length > device.size) return false;
  try {
    const there = readBytes(device, at, magic.bytes.length);
    return magic.bytes.every((byte, i) => there[i] === byte);
  } catch {
    // An unreadable sector is no evidence for a format; opening what does match reports it with its place.
    return false;
  }
}

function describeUnknown(device: BlockDevice): { kind: 'unknown'; format: string; title: string; evidence: string[] } {
  const length = Math.min(device.size, 64 * 1024);
  let empty = true;
  try {
    empty = readBytes(device, 0, length).every((byte) => byte === 0);
  } catch {
    return { kind: 'unknown', format: 'unknown', title: 'Unreadable', evidence: ['the first bytes cannot be read'] };
  }
  return empty
    ? { kind: 'unknown', format: 'empty', title: 'Empty', evidence: [`the first ${length} bytes are zero`] }
    : { kind: 'unknown', format: 'unknown', title: 'Unknown', evidence: ['no known format matched'] };
}
