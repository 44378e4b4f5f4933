import { isWaiting, type Layer, layersOf } from '../engines/core/layer.ts';
import type { Choices } from '../engines/core/layers.ts';
import { isDiskError } from '../engines/core/errors.ts';
import type { JobContext } from '../engines/core/job.ts';
import { GUEST } from '../engines/core/offers.ts';
import type { OpenContext } from '../engines/core/probe.ts';
import type { GuestMachine } from '../host/guests/machine.ts';
import { type FilesystemLayer, type ImageSession, openImage } from '../host/session.ts';
import { RefusedError, UsageError } from './exit.ts';
import { stderr } from './streams.ts';
import { displayName } from '../engines/core/names.ts';

/** What every verb that opens an image takes. */
export interface ImageOptions {
  /** SEL: which volume. */
  readonly part?: string;
  /** An opener's id: "native:ext4", "guest:linux-6.12", "guest:linux-6.12/v7". */
  readonly with?: string;
  readonly json?: boolean;
  /** Further images of a set, opened as one with the first. */
  readonly also?: readonly string[];
}

/** Damage that is printed for one image; a ruined one has a line for each of its blocks. */
const MAX_NOTES = 20;

/**
 * Opens the image for `work`, and closes it whatever comes of that.
 * @param open whether a filesystem that only a guest opens is opened; not for work on bytes alone
 */
export async function withImage<T>(path: string, options: ImageOptions, work: (session: ImageSession) => Promise<T>, job?: JobContext, open = true): Promise<T> {
  const session = await openChosen(path, options, job, open);
  try {
    return await work(session);
  } finally {
    // What a verb did not apply is not wanted; an Apply that was interrupted goes on at the next opening.
    await session.close({ discard: true });
  }
}

/** As `withImage`, with the filesystem that `--part` picks; damage noticed in it is told on stderr at the end. */
export function withFilesystem<T>(path: string, options: ImageOptions, work: (layer: FilesystemLayer, session: ImageSession) => Promise<T>, job?: JobContext): Promise<T> {
  return withImage(path, options, async (session) => {
    const layer = await openFilesystem(session, options.part, job);
    try {
      return await work(layer, session);
    } finally {
      tellNotes(layer, options.json === true);
      const hint = coldStartHint(session.guestLayers.find(layer.path)?.machine, layer.format);
      // For who types commands; a program has no use for it.
      if (hint !== undefined && options.json !== true && process.stderr.isTTY) stderr.line(`clutch: ${hint}`);
    }
  }, job);
}

/** @throws UsageError when `--part` fits none or several; RefusedError when there is no filesystem that is known */
export function selectFilesystem(session: ImageSession, part: string | undefined): FilesystemLayer {
  return selecting(() => session.select(part));
}

/** As `selectFilesystem`; one that waits for its guest is opened. */
export async function openFilesystem(session: ImageSession, part: string | undefined, job?: JobContext): Promise<FilesystemLayer> {
  try {
    return await session.open(part, job === undefined ? {} : { job, onStep: stepsOf(job) });
  } catch (error) {
    return selecting(() => { throw error; });
  }
}

/** Steps of an opening as the progress of a job: a guest takes seconds to boot. */
function stepsOf(job: JobContext): NonNullable<OpenContext['step']> {
  return ({ text }) => {
    const tell = (now: string): void => job.report({ done: 0, unit: 'bytes', now });
    tell(text);
    return { say: tell, progress() {}, end() {} };
  };
}

/** As `selectFilesystem`, for any layer: the bytes of a volume. */
export function selectLayer(session: ImageSession, part: string | undefined): Layer {
  return selecting(() => session.layer(part));
}

function selecting<T>(select: () => T): T {
  try {
    return select();
  } catch (error) {
    if (!isDiskError(error) || error.fault.kind !== 'usage') throw error;
    throw error.fault.errno === 'ENOENT' ? new RefusedError(error.message) : new UsageError(error.message);
  }
}

/** Opens the image, and once more with the format that `--with` names for the layer that `--part` picks. */
async function openChosen(path: string, options: ImageOptions, job: JobContext | undefined, guests: boolean): Promise<ImageSession> {
  const open = (choices?: Choices) => openImage(path, { ...(choices ? { choices } : {}), ...(job ? { job, onStep: stepsOf(job) } : {}), ...(options.also ? { also: options.also } : {}), open: guests && options.part === undefined && options.with === undefined });
  const session = await open();
  if (options.part !== undefined) await assembleFor(session, options.part, job);
  if (options.with === undefined) return session;
  if (options.with.startsWith(GUEST)) return withGuest(session, options.with, options.part, job);
  try {
    const format = /^native:(.+)$/.exec(options.with)?.[1];
    if (format === undefined) throw new RefusedError(`There is no opener "${options.with}"; so far there are Clutch's own, native:FORMAT, and guest:NAME, as info -v lists them`);
    const layer = layerToOpen(session, options.part, format);
    return await open(new Map([[layer.path, format]]));
  } finally {
    await session.close();
  }
}

/** A name that no layer has may be that of a volume which a guest is to assemble first. */
async function assembleFor(session: ImageSession, part: string, job: JobContext | undefined): Promise<void> {
  try {
    session.layer(part);
  } catch {
    await session.assemble(part, job === undefined ? {} : { job, onStep: stepsOf(job) });
  }
}

/** Opens a layer by a guest: the one that was picked, or the only filesystem, known or not. */
async function withGuest(session: ImageSession, opener: string, part: string | undefined, job: JobContext | undefined): Promise<ImageSession> {
  try {
    const name = opener.slice(GUEST.length).split('/')[0];
    if (!(await session.openers()).some(({ id }) => id === `${GUEST}${name}`)) throw new RefusedError(`There is no guest "${name}"; clutch guests list shows them`);
    const layer = part === undefined ? onlyLayer(session) : bytesOf(selectLayer(session, part));
    await session.reopen(layer.path, { format: opener, ...(job ? { job, onStep: stepsOf(job) } : {}) });
    return session;
  } catch (error) {
    await session.close({ discard: true });
    throw error;
  }
}

/** The only filesystem of an image; where none is known, the only bytes that are not. @throws UsageError */
function onlyLayer(session: ImageSession): Layer {
  const all = [...layersOf(session.layers)];
  const filesystems = all.filter((layer) => layer.kind === 'filesystem');
  const set = all.find((layer) => layer.kind === 'table' && isWaiting(layer));
  if (filesystems.length === 0 && set !== undefined) return set;
  const found = filesystems.length > 0 ? filesystems : all.filter((layer) => layer.kind === 'unknown' && layer.format !== 'empty');
  if (found.length === 1) return found[0]!;
  throw new UsageError(found.length === 0 ? 'There is nothing in the image that a guest could open' : 'There are several volumes; choose one with --part');
}

/** What lies in a volume. */
function bytesOf(layer: Layer): Layer {
  return layer.kind === 'volume' ? (layer.children[0] ?? layer) : layer;
}

/** Where a format is tried: in the volume that was picked; else on the image's own bytes if they look like it, else in its only filesystem. */
function layerToOpen(session: ImageSession, part: string | undefined, format: string): Layer {
  const picked = selectLayer(session, part);
  if (part === undefined && !picked.alternatives.some((each) => each.format === format)) return selectFilesystem(session, undefined);
  return picked.kind === 'volume' ? (picked.children[0] ?? picked) : picked;
}

/**
 * How a guest that had to boot starts faster the next time; undefined where it can't, or did. Nothing is saved unasked after a command: that is another boot, ten
 * seconds of a processor and some 150 MB, behind the back of who got the prompt again.
 * @param machine that runs
 */
export function coldStartHint(machine: Pick<GuestMachine, 'guest' | 'start'> | undefined, format: string): string | undefined {
  if (machine?.start !== 'cold') return undefined;
  const { name, title, system, machine: { warm }, filesystems } = machine.guest.manifest;
  if (!warm || system !== 'linux' || !filesystems.some((each) => each.format === format)) return undefined;
  return `${displayName(title)} had to boot; after “clutch guests warm ${name} ${format}” it starts in less than a second`;
}

function tellNotes(layer: Layer, json: boolean): void {
  const notes = layer.notes.filter((note) => note.severity !== 'note');
  for (const note of notes.slice(0, MAX_NOTES)) {
    stderr.line(json ? JSON.stringify({ note }) : `clutch: ${note.severity}: ${displayName(note.message)}`);
  }
  if (notes.length > MAX_NOTES && !json) stderr.line(`clutch: and ${notes.length - MAX_NOTES} more; see clutch info -v`);
}
