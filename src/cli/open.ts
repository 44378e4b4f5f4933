import type { Choices, Layer } from '../engines/core/layers.ts';
import { isDiskError } from '../engines/core/errors.ts';
import type { JobContext } from '../engines/core/job.ts';
import { type FilesystemLayer, type ImageSession, openImage } from '../host/session.ts';
import { RefusedError, UsageError } from './exit.ts';
import { stderr } from './streams.ts';
import { displayName } from '../engines/core/names.ts';

/** What every verb that opens an image takes. */
export interface ImageOptions {
  /** SEL: which volume. */
  readonly part?: string;
  /** An opener's id: "native:ext4". */
  readonly with?: string;
  readonly json?: boolean;
}

/** Damage that is printed for one image; a ruined one has a line for each of its blocks. */
const MAX_NOTES = 20;

/** Opens the image for `work`, and closes it whatever comes of that. */
export async function withImage<T>(path: string, options: ImageOptions, work: (session: ImageSession) => Promise<T>, job?: JobContext): Promise<T> {
  const session = await openChosen(path, options, job);
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
    const layer = selectFilesystem(session, options.part);
    try {
      return await work(layer, session);
    } finally {
      tellNotes(layer, options.json === true);
    }
  }, job);
}

/** @throws UsageError when `--part` fits none or several; RefusedError when there is no filesystem that is known */
export function selectFilesystem(session: ImageSession, part: string | undefined): FilesystemLayer {
  return selecting(() => session.select(part));
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
async function openChosen(path: string, options: ImageOptions, job: JobContext | undefined): Promise<ImageSession> {
  const open = (choices?: Choices) => openImage(path, { ...(choices ? { choices } : {}), ...(job ? { job } : {}) });
  const session = await open();
  if (options.with === undefined) return session;
  try {
    const format = /^native:(.+)$/.exec(options.with)?.[1];
    if (format === undefined) throw new RefusedError(`There is no opener "${options.with}"; so far there are Clutch's own: native:FORMAT, as info lists them`);
    const layer = layerToOpen(session, options.part, format);
    return await open(new Map([[layer.path, format]]));
  } finally {
    await session.close();
  }
}

/** Where a format is tried: in the volume that was picked; else on the image's own bytes if they look like it, else in its only filesystem. */
function layerToOpen(session: ImageSession, part: string | undefined, format: string): Layer {
  const picked = selectLayer(session, part);
  if (part === undefined && !picked.alternatives.some((each) => each.format === format)) return selectFilesystem(session, undefined);
  return picked.kind === 'volume' ? (picked.children[0] ?? picked) : picked;
}

function tellNotes(layer: Layer, json: boolean): void {
  const notes = layer.notes.filter((note) => note.severity !== 'note');
  for (const note of notes.slice(0, MAX_NOTES)) {
    stderr.line(json ? JSON.stringify({ note }) : `clutch: ${note.severity}: ${displayName(note.message)}`);
  }
  if (notes.length > MAX_NOTES && !json) stderr.line(`clutch: and ${notes.length - MAX_NOTES} more; see clutch info -v`);
}
