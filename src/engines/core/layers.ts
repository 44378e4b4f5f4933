import type { BlockDevice } from './bytes/device.ts';
import { ReadOnlyDevice } from './bytes/read-only.ts';
import { SliceDevice } from './bytes/slice.ts';
import { describeUnknown, probe, UNKNOWN } from './candidates.ts';
import { DiskError, toDiskError, unsupported, usage } from './errors.ts';
import { factsOf } from './facts.ts';
import type { FileSystem, Note } from './filesystem.ts';
import { type Guess, guess, readerOf } from './guesses.ts';
import type { JobContext, Question } from './job.ts';
import type { Structures } from './layout/annotate.ts';
import { bestOpener, chainTo, freed, type Layer, replaced } from './layer.ts';
import { type MdMember, mdMemberAtEnd } from './md-member.ts';
import { isAssembled, isSet, markParts, markSpread, membersFor } from './sets.ts';
import { chosenCandidate, GUEST, nameOf, type Offer, offersFor, openerOf as offered, openersOf } from './offers.ts';
import type { AssembledBytes, Candidate, FilesystemFormat, Format, OpenContext, Opener, OpenStep, RegistryEntry, Volume, WriteAccess } from './probe.ts';

/** Deepest nesting that is followed. A crafted image could nest for ever (a table whose only volume is itself). */
const MAX_DEPTH = 8;

/** Most layers of one image, whatever its tables claim. */
const MAX_LAYERS = 4096;

/** What is said of a device that is one of an array's, and looks like what is on the array. */
const ALONE = 'It is one of the disks of an array: changing one alone would make it differ from the others';

/** What helps: all of them. */
const MEMBERS = 'Open the images of all of its disks together.';

/** The level of RAID whose disks are all the same. */
const MIRROR = 1;

/** Below this confidence, what else the bytes may be is told with the layer. */
const UNSURE = 60;

/** From this confidence on, bytes that no engine opens are called by the name that a guest has for them. */
const SURE = 50;

/** Which format the person asked for, by layer path. Absent = the best match. */
export type Choices = ReadonlyMap<string, string>;

/** Walks from an image's bytes down to its filesystems. Damage stops a branch, never the walk. */
export async function openLayers(device: BlockDevice, registry: readonly RegistryEntry[], context: OpenContext, choices: Choices = new Map()): Promise<Layer> {
  const walk = new LayerWalk(registry, context, choices);
  return walk.together(await walk.open({ device, path: '0', offset: 0, depth: 0, base: 0 }));
}

/** Bytes that the walk looks at, and where it is. */
interface Spot {
  readonly device: BlockDevice;
  readonly path: string;
  /** Of the layer. */
  readonly offset: number;
  readonly depth: number;
  /** Where the device lies on the one that the walk began with; undefined where its bytes are made. */
  readonly base: number | undefined;
  /** Why nothing in it may be written. */
  readonly readOnly?: string | undefined;
  /** What opens it, where not what the registry has. */
  readonly own?: readonly RegistryEntry[];
  /** The set's further devices, once all layers are known. */
  readonly members?: readonly BlockDevice[];
}

/** A tree in which one branch was opened anew. The rest of it is as it was. */
export interface Reopened {
  readonly root: Layer;
  /** The branch that was there, to be closed with closeLayers by whoever takes the new one; or the other way round. */
  readonly before: Layer;
  readonly after: Layer;
}

/**
 * Opens one layer anew, as another format or with a password, over the device that it has; what is unpacked or unlocked beside it stays open.
 * Writing directly through a container's own bytes is not offered: the redo log of `context.write` counts from the device of the outermost layer.
 * @param device the bytes, where they are to be read from another one than before
 * @throws DiskError usage ENOENT when there is no such layer, EINVAL for a volume, which is opened by what is in it; cancelled
 */
export async function reopenLayer(root: Layer, path: string, registry: readonly RegistryEntry[], context: OpenContext, choices: Choices = new Map(), device?: BlockDevice): Promise<Reopened> {
  const chain = chainTo(root, path);
  const before = chain.at(-1);
  if (before === undefined) throw usage('ENOENT', `The image has no layer ${path}`);
  if (before.kind === 'volume') throw usage('EINVAL', `Nothing in layer ${path} (${before.title}) can be opened`);
  if (before.partOf !== undefined) throw usage('EINVAL', `Layer ${path} is a part of the set that layer ${before.partOf} shows`);
  const depth = chain.filter((layer) => layer.kind !== 'volume').length - 1;
  const base = chain.slice(0, -1).some((layer) => layer.kind === 'container' || layer.volume?.assembled !== undefined) ? undefined : chain.reduce((sum, layer) => sum + layer.offset, 0);
  const readOnly = chain.slice(0, -1).reduce<string | undefined>((why, layer) => (layer.volume?.assembled === undefined ? layer.readOnly ?? why : undefined), undefined);
  const own = before.device instanceof ReadOnlyDevice ? before.device.below : before.device;
  const walk = new LayerWalk(registry, context, choices);
  const after = await walk.open({ device: device ?? own, path, readOnly, offset: before.offset, depth, base, ...(before.own === undefined ? {} : { own: before.own }) });
  // What was a part of a set that is opened anew is looked at as a part again.
  const whole = await walk.together(replaced(before.parts === undefined ? root : freed(root, path), chainTo(root, path), after));
  return { root: whole, before, after: chainTo(whole, path).at(-1) ?? after };
}

class LayerWalk {
  readonly #registry: readonly RegistryEntry[];
  readonly #context: OpenContext;
  readonly #choices: Choices;
  /** Sets, by path: opened when all layers are known. */
  readonly #later = new Map<string, Spot>();
  #count = 0;

  constructor(registry: readonly RegistryEntry[], context: OpenContext, choices: Choices) {
    this.#registry = registry;
    this.#context = context;
    this.#choices = choices;
  }

  /** Opens the sets that were met, now that all of their devices are known, and tells of their parts whose they are. */
  async together(root: Layer): Promise<Layer> {
    let tree = markSpread(root);
    for (const [path, spot] of this.#later) {
      const chain = chainTo(tree, path);
      const layer = chain.at(-1);
      // A part of one that was opened before it.
      if (layer === undefined || layer.partOf !== undefined) continue;
      const after = await this.open({ ...spot, members: membersFor(tree, layer).map(({ device }) => device) });
      tree = replaced(tree, chain, after);
      const { parts } = after;
      if (parts !== undefined) tree = markParts(tree, path, (each) => parts.includes(each.device) && isAssembled(each.format));
    }
    return tree;
  }

  async open(at: Spot): Promise<Layer> {
    let spot = at;
    let { device }: { readonly device: BlockDevice } = at;
    const { path, offset, depth, own } = at;
    this.#count++;
    const notes: Note[] = [];
    let blank = { path, label: '', uuid: '', offset, size: device.size, device, evidence: [], alternatives: [], guesses: [], openers: [], details: [], notes, children: [], ...(own === undefined ? {} : { own }), ...readOnlyOf(at) };
    const pause = this.#context.job.breathe();
    if (pause) await pause;
    const step = this.#context.step?.({ layer: path, text: 'Looking at the bytes' });
    const chosen = this.#choices.get(path);
    let candidates: Candidate[];
    let candidate: Candidate | undefined;
    let offers: readonly Offer[] = [];
    try {
      candidates = own === undefined ? await probe(device, this.#registry) : [];
      const member = own === undefined && at.readOnly === undefined ? await this.#memberOf(device, candidates) : undefined;
      if (chosen?.startsWith(GUEST)) candidate = await chosenCandidate(device, own ?? (await this.#guests()), chosen);
      else if (chosen === undefined) candidate = member === undefined || (member.level === MIRROR && !(await this.#canAssemble(device))) ? candidates[0] : undefined;
      else candidate = candidates.find((each) => each.format.id === chosen) ?? (own === undefined ? await this.#unseen(chosen) : undefined);
      if (member !== undefined) {
        blank = { ...blank, ...readOnlyOf({ readOnly: ALONE }) };
        // What is in one of its disks is looked at, at most; the array is made of the disks themselves.
        if (candidate !== undefined && candidate.served?.format !== 'md') {
          device = new ReadOnlyDevice(device);
          spot = { ...at, device, readOnly: ALONE };
          blank = { ...blank, device };
          const told: Note = { severity: 'warning', message: `It is one of the ${member.disks} disks of an array, and shown as it is: the others may hold what is newer` };
          notes.push(told);
          this.#context.note(told);
        }
      }
      const later = candidate?.served !== undefined && isSet(candidate.served.format) && spot.members === undefined && own === undefined;
      if (later) this.#later.set(path, spot);
      if (later) candidate = undefined;
      if (candidate === undefined) offers = offersFor(device, own ?? (await this.#guests()));
    } catch (error) {
      const failure = toDiskError(error);
      step?.end('failed', failure.message);
      return { ...blank, kind: 'unknown', format: 'unknown', title: 'Unreadable', error: failure };
    }
    const alternatives = candidates.map(({ format, match }) => ({ format: format.id, name: format.name, confidence: match.confidence, evidence: match.evidence }));
    if (candidate === undefined) {
      const error = chosen === undefined || this.#later.has(path) ? undefined : unsupported(chosen, `There is no format ${chosen} here`);
      const unknown = await this.#describeUnknown(device, own);
      const [first] = unknown.guesses;
      const [offer] = offers;
      if (error === undefined && offer !== undefined && first !== undefined && unknown.format === 'unknown' && offer.guess.confidence >= Math.max(first.confidence, SURE)) {
        const { served, guess: { evidence } } = offer;
        const openers = openersOf(offers);
        step?.say(nameOf(served.format), evidence);
        step?.end('done', `${nameOf(served.format)}: ${waiting(openers)}`);
        const facts = factsOf(device, served.format);
        return { ...blank, ...facts, kind: isAssembled(served.format) ? 'table' : 'filesystem', format: served.format, title: nameOf(served.format), evidence, alternatives, guesses: unknown.guesses, openers };
      }
      step?.say(unknown.title, first?.evidence ?? unknown.evidence);
      step?.end(error === undefined ? 'done' : 'failed', error?.message ?? (unknown.format === 'unknown' && first !== undefined ? `${first.name}, which has no engine here yet` : unknown.evidence.join('; ')));
      return { ...blank, ...unknown, alternatives, openers: openersOf(offers), ...(error ? { error } : {}) };
    }
    const { format, match, served } = candidate;
    const base = { ...blank, ...(served === undefined ? {} : factsOf(device, served.format)), kind: format.kind, format: served?.format ?? match.variant ?? format.id, title: (served && nameOf(served.format)) ?? match.variant ?? format.name, evidence: match.evidence, alternatives, guesses: match.confidence < UNSURE ? this.#guesses(device) : [] };
    step?.say(`${base.title}: opening`, match.evidence);
    const context: OpenContext = {
      ...this.#context,
      layer: path,
      ...(spot.members === undefined ? {} : { members: spot.members }),
      ...(served === undefined ? {} : { as: served.format }),
      ...readOnlyOf(spot),
      note: (note) => { if (notes.length < 1000) notes.push(note); this.#context.note(note); },
      step: (start) => this.#context.step?.({ layer: path, ...start, text: `${base.title}: ${start.text}` }) ?? NO_STEP,
      job: jobOf(this.#context.job, path, base.title, step),
    };
    if (depth >= MAX_DEPTH) {
      const error = unsupported('nesting', `Layers are nested deeper than ${MAX_DEPTH}`);
      step?.end('failed', error.message);
      return { ...base, openers: [openerOf(format, 'refused', error.message)], error };
    }
    try {
      const { label, uuid, ...opened } = await this.#enter(format, spot, context, (text) => step?.end('done', `${base.title}: ${text}`));
      return { ...base, ...opened, label: label || base.label, uuid: uuid || base.uuid };
    } catch (error) {
      const failure = refusalOf(toDiskError(error), candidate);
      step?.end('failed', failure.kind === 'cancelled' ? failure.message : `${base.title}: ${failure.message}`);
      if (failure.kind === 'cancelled') throw failure;
      const others = format.kind === 'filesystem' || served !== undefined ? openersOf(offersFor(device, own ?? (await this.#guests()))).filter(({ id }) => id !== format.id) : [];
      return { ...base, guesses: this.#guesses(device), openers: [openerOf(format, 'refused', failure.message), ...others], error: format.kind === 'filesystem' ? withOffer(failure, others) : failure };
    }
  }

  /**
   * Whether a device is a member of an array, by the superblock at its end. That of metadata 0.90 does not tell its place: at the end of the last
   * partition it lies at the end of the disk, too, and is the partition's then (libblkid's probe_raid0 tells them apart so).
   */
  async #memberOf(device: BlockDevice, [first]: readonly Candidate[]): Promise<MdMember | undefined> {
    const member = mdMemberAtEnd(readerOf(device), device.size);
    if (member === undefined || member.placed || first?.format.kind !== 'table') return member;
    try {
      const { volumes } = await first.format.open(device, { ...this.#context, note() {} });
      return volumes.some(({ kind, offset, size }) => kind === 'partition' && offset <= member.at - member.used && offset + size > member.at) ? undefined : member;
    } catch {
      return member;
    }
  }

  /** Whether something here makes volumes of an array's disks. */
  async #canAssemble(device: BlockDevice): Promise<boolean> {
    return offersFor(device, await this.#guests()).some((offer) => offer.served.format === 'md' && offered(offer).access !== 'refused');
  }

  /** Openers of many formats: looked for once, and where they are needed. */
  async #guests(): Promise<readonly RegistryEntry[]> {
    return (await this.#context.guests?.()) ?? [];
  }

  /** A format that was asked for though none of its signs is there: its engine says what is wrong. */
  async #unseen(id: string): Promise<Candidate | undefined> {
    const entry = this.#registry.find((each) => each.id === id);
    return entry && { format: await entry.load(), match: { confidence: 0, evidence: ['it was asked for; none of its signs is there'] } };
  }

  /** Formats that engines are there for are left to their own look at the bytes. */
  #guesses(device: BlockDevice, own?: readonly RegistryEntry[]): Guess[] {
    return guess(device, new Set(own === undefined ? this.#registry.map(({ id }) => id) : []));
  }

  async #describeUnknown(device: BlockDevice, own: readonly RegistryEntry[] | undefined): Promise<{ kind: 'unknown'; format: string; title: string; evidence: readonly string[]; guesses: readonly Guess[] }> {
    const plain = describeUnknown(device);
    if (device.size === 0) return { ...plain, guesses: [] };
    const guesses = this.#guesses(device, own);
    // The superblock of ReiserFS, UFS2 and others lies behind 64 KiB that may be empty.
    if (plain.format === 'empty') return guesses.some(({ confidence }) => confidence >= SURE) ? this.#named({ ...UNKNOWN, kind: 'unknown' }, guesses) : { ...plain, guesses: [] };
    return this.#named(plain, guesses);
  }

  #named(plain: ReturnType<typeof describeUnknown>, guesses: readonly Guess[]): ReturnType<typeof describeUnknown> & { readonly guesses: readonly Guess[] } {
    const [first] = guesses;
    // A long magic in its place is no chance: the layer is called by its name.
    return first !== undefined && first.confidence >= 80 ? { ...plain, title: first.name, evidence: first.evidence, guesses } : { ...plain, guesses };
  }

  /** @param opened is told what was found, before what is in it is opened */
  async #enter(format: Format, spot: Spot, { write, ...context }: OpenContext, opened: (text: string) => void): Promise<Partial<Layer>> {
    const { device, path, depth } = spot;
    switch (format.kind) {
      case 'filesystem': {
        const { filesystem, notWritable } = await openFilesystem(format, device, context, device.write === undefined ? undefined : accessAt(write, spot.base));
        const kept = spot.readOnly === undefined || write === undefined ? notWritable : unsupported('writing', spot.readOnly, MEMBERS);
        const { info } = filesystem;
        opened(info.state.replaceAll('-', ' '));
        return {
          filesystem, ...(kept === undefined ? {} : { notWritable: kept }), ...structuresOf(filesystem), label: info.label, uuid: info.uuid, details: info.details,
          openers: [openerOf(format, info.access.write ? 'read-write' : 'read-only', info.access.reason)],
        };
      }
      case 'container': {
        const box = await format.open(device, context);
        const { device: inner, details } = box;
        opened(`${digits(inner.size)} bytes are in it`);
        return { details, ...structuresOf(box), openers: [openerOf(format, 'read-only', 'unpacked for reading')], children: [await this.open({ device: inner, path: `${path}/0`, offset: 0, depth: depth + 1, base: undefined, readOnly: spot.readOnly })] };
      }
      case 'table': {
        const table = await format.open(device, write === undefined ? context : { ...context, write });
        const children: Layer[] = [];
        const count = table.volumes.filter((volume) => volume.kind === 'partition').length;
        const noun = table.reason === undefined ? 'partition' : 'volume';
        opened(`${count} ${count === 1 ? noun : `${noun}s`}`);
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
          children.push(await this.#volume(spot, volume, `${path}/${number}`));
        }
        return {
          label: table.label, uuid: table.uuid, ...structuresOf(table), children, openers: [openerOf(format, 'read-only', table.reason ?? 'partition tables are shown, not edited')],
          details: [...(table.reason === undefined ? [['Sector size', `${table.sectorSize}`] as const] : []), ...table.details], ...(table.parts === undefined ? {} : { parts: table.parts }),
        };
      }
    }
  }

  async #volume({ device, depth, base, readOnly }: Spot, volume: Volume, path: string): Promise<Layer> {
    this.#count++;
    const notes: Note[] = [];
    if (volume.assembled !== undefined) return this.#assembled(volume, volume.assembled, path, depth, notes);
    // A table may claim more than the image holds (a cut image, a hostile table): what is there is still shown.
    const offset = Math.min(volume.offset, device.size);
    const there = Math.max(0, Math.min(volume.size, device.size - offset));
    if (there < volume.size) {
      notes.push({ severity: 'warning', message: `The volume reaches ${volume.offset + volume.size - device.size} bytes past the end of the image`, place: { structure: `volume ${path}`, at: volume.offset, length: volume.size } });
    }
    const slice = new SliceDevice(device, offset, there);
    const probed = volume.kind === 'partition' && there > 0 ? [await this.open({ device: slice, path: `${path}/0`, offset: 0, depth: depth + 1, base: base === undefined ? undefined : base + offset, readOnly })] : [];
    return {
      path, kind: 'volume', format: volume.kind, title: volume.type, label: volume.label, uuid: volume.uuid, offset: volume.offset, size: volume.size,
      device: slice, evidence: [], alternatives: [], guesses: [], openers: [], details: [], notes, volume, children: probed, ...readOnlyOf({ readOnly }),
    };
  }

  /** A volume that something else makes: what is in it is opened by whoever makes it. */
  async #assembled(volume: Volume, { device, openers, error }: AssembledBytes, path: string, depth: number, notes: Note[]): Promise<Layer> {
    const probed = error === undefined ? [await this.open({ device, path: `${path}/0`, offset: 0, depth: depth + 1, base: undefined, own: openers })] : [];
    return {
      path, kind: 'volume', format: volume.kind, title: volume.type, label: volume.label, uuid: volume.uuid, offset: volume.offset, size: volume.size,
      device, evidence: [], alternatives: [], guesses: [], openers: [], details: [], notes, volume, children: probed, ...(error === undefined ? {} : { error }),
    };
  }
}

/** A filesystem that can't be opened for writing is opened for reading: the others of the image may be changed all the same. */
async function openFilesystem(format: FilesystemFormat, device: BlockDevice, context: OpenContext, write: WriteAccess | undefined): Promise<{ readonly filesystem: FileSystem; readonly notWritable?: DiskError }> {
  if (write === undefined) return { filesystem: await format.open(device, context) };
  try {
    return { filesystem: await format.open(device, { ...context, write }) };
  } catch (error) {
    const notWritable = toDiskError(error);
    if (notWritable.kind === 'cancelled') throw notWritable;
    return { filesystem: await format.open(device, context), notWritable };
  }
}

/** The access of a device that lies at `base` of the outermost one, from which the host's redo log counts. */
function accessAt(write: WriteAccess | undefined, base: number | undefined): WriteAccess | undefined {
  if (write?.redo === undefined || base === 0) return write;
  const { redo, ...rest } = write;
  if (base === undefined) return rest;
  return { ...rest, redo: { begin: (writes) => redo.begin(writes.map(({ at, bytes }) => ({ at: base + at, bytes }))), end: () => redo.end() } };
}

function readOnlyOf({ readOnly }: { readonly readOnly?: string | undefined }): { readonly readOnly?: string } {
  return readOnly === undefined ? {} : { readOnly };
}

function structuresOf({ structures }: { readonly structures?: Structures }): { readonly structures?: Structures } {
  return structures === undefined ? {} : { structures };
}

const NO_STEP: OpenStep = { say() {}, progress() {}, end() {} };

/** The job as one layer's opener sees it: its progress is the step's too, and its questions say which layer asks. */
function jobOf(job: JobContext, layer: string, title: string, step: OpenStep | undefined): JobContext {
  return {
    ...job,
    report(progress) {
      job.report(progress);
      if (progress.now !== undefined) step?.say(`${title}: ${progress.now.charAt(0).toLowerCase()}${progress.now.slice(1)}`);
      if (progress.unit === 'bytes') step?.progress(progress.done, progress.total);
    },
    ask: <Q extends Question>(question: Q) => job.ask<Q>(question.kind === 'password' ? { ...question, layer } : question),
  };
}

/** Bytes that never had the signs of a format are not damaged; they are of another one. */
function refusalOf(failure: DiskError, { format, match }: Candidate): DiskError {
  return match.confidence === 0 && failure.kind === 'corrupt' ? unsupported(format.id, `The bytes do not look like ${format.name}: ${failure.message}`, 'Choose another format.') : failure;
}

/** "33,554,432". */
function digits(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

function openerOf(format: Format, access: Opener['access'], reason: string): Opener {
  if (format.id.startsWith(GUEST)) return { id: format.id, name: format.name, access, reason };
  return { id: `native:${format.id}`, name: `Clutch's own ${format.name}`, access, reason };
}

function waiting(openers: readonly Opener[]): string {
  const best = bestOpener({ openers });
  return best === undefined ? `no engine here; ${openers[0]!.name}: ${openers[0]!.reason}` : `${best.name} opens it (${best.access.replace('-', ' ')}; ${best.reason})`;
}

/** What an engine can't open, another opener may. */
function withOffer(error: DiskError, others: readonly Opener[]): DiskError {
  const best = bestOpener({ openers: others });
  if (best === undefined || error.kind !== 'unsupported' && error.kind !== 'corrupt') return error;
  return new DiskError(error.fault, error.message, `${error.advice === undefined ? '' : `${error.advice} `}${best.name} may open it: ${best.id}, ${best.access.replace('-', ' ')}.`);
}

function firstUnused(isUsed: (number: number) => boolean): number {
  let number = 1000;
  while (isUsed(number)) number++;
  return number;
}
