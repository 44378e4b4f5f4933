import { bestOpener, closeLayers, isWaiting, type Layer, layersOf } from '../engines/core/layer.ts';
import { type Choices, openLayers, reopenLayer } from '../engines/core/layers.ts';
import type { PageStore } from '../engines/core/bytes/pages.ts';
import { DiskError, unsupported, usage } from '../engines/core/errors.ts';
import type { FileSystem, Maybe, Note } from '../engines/core/filesystem.ts';
import { type Answer, type JobContext, jobContext, type Question } from '../engines/core/job.ts';
import { displayName } from '../engines/core/names.ts';
import { GUEST } from '../engines/core/offers.ts';
import type { OpenContext, RegistryEntry } from '../engines/core/probe.ts';
import { registry as everyFormat } from '../engines/index.ts';
import type { Editing, Recovery } from './edit/editing.ts';
import { stateOf } from './edit/identity.ts';
import { ImageEditing } from './edit/image-editing.ts';
import { FilePages } from './edit/pages.ts';
import { recoverApply } from './edit/recovery.ts';
import type { GuestLayers } from './guests/layers.ts';
import { SessionGuests } from './guests/session-guests.ts';
import { openTreeSource, parseTreePath } from './guests/tree-source.ts';
import type { GuestSupport } from './guests/support.ts';
import { zlibGunzip } from './sources/gunzip.ts';
import { filesOf, openSource } from './sources/image.ts';
import { ScratchFile } from './sources/scratch.ts';
import { openSet } from './sources/set.ts';
import { parseSetPath } from './sources/set-path.ts';

export { type Resolved, resolvePath, type Step } from './paths.ts';

export interface OpenImageOptions {
  /** Formats asked for, by layer path, where not the best match is wanted. */
  readonly choices?: Choices;
  /** For the opening itself: unpacking reports to it and is stopped through it. */
  readonly job?: JobContext;
  /** Everything noticed, then and later; each layer keeps its own notes too. */
  readonly onNote?: (note: Note) => void;
  /** What is done meanwhile, step by step. */
  readonly onStep?: OpenContext['step'];
  /** The formats that are looked for, where not all that Clutch has. */
  readonly registry?: readonly RegistryEntry[];
  /** Where pending changes are kept, where not in a temporary file. */
  readonly pages?: () => PageStore;
  /** What is known of guests, where not what this computer has; 'none': none are looked for. Nor are they where a registry is given. */
  readonly guests?: GuestSupport | 'none';
  /** Whether the image's only filesystem is opened by a guest where no engine of ours opens it. Else it waits, until `open` or `reopen` is called. True unless told. */
  readonly open?: boolean;
  /** Whether an Apply that was interrupted is brought to its end first, which writes to the image. True unless told. */
  readonly recover?: boolean;
  /** Further images of the set that this one belongs to (disks of an array, a group or a filesystem): all of them are opened as one. */
  readonly also?: readonly string[];
}

/** How one layer is opened anew: as a format, or with a password; as the best match without either. */
export interface ReopenOptions extends Pick<OpenImageOptions, 'job' | 'onStep' | 'onNote'> {
  readonly format?: string;
  /** For the layer's own question, once. It is kept nowhere. */
  readonly password?: string;
}

/** A layer whose tree is open. */
export type FilesystemLayer = Layer & { readonly filesystem: FileSystem };

/** Whoever holds filesystems of a session for longer than one call. */
export interface ReopenListener {
  /** Layers are closed in a moment: nothing is asked of them after this. What it returns is waited for; it must not fail, nor wait for the editing. */
  before(): Maybe<void>;
  /** `layers` is the tree that counts now, also when something in it could not be opened. */
  after(): void;
}

/** An open image: its file, and all that was found in it. */
export interface ImageSession {
  /** The file's name without its folder. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** Bytes, of all parts of a split image together. */
  readonly size: number;
  /** The files that it is made of. */
  readonly files: readonly string[];
  /** The outermost layer. Another one after `reopen`. */
  readonly layers: Layer;
  /** The formats that are looked for; with the guests, once those were. */
  readonly registry: readonly RegistryEntry[];
  /** The registry with the guests, for whoever lists all ways in. */
  openers(): Promise<readonly RegistryEntry[]>;
  /** What the layers have of guests: their logs, and the machines that run. */
  readonly guestLayers: GuestLayers;
  /** The filesystems that are open, in the order in which they lie. */
  filesystems(): FilesystemLayer[];
  /**
   * The filesystem that SEL picks: steps separated by "/", each a volume's number, label or UUID ("2/root"), or a layer's whole path
   * ("0/1"). Without SEL the only one.
   * @throws DiskError usage when there is no such one or not exactly one; the layer's own error when it could not be opened
   */
  select(sel?: string): FilesystemLayer;
  /**
   * As `select`; a filesystem that only waits for its guest is opened. Without SEL that is done where nothing else is open and exactly one waits.
   * @throws DiskError also what kept the guest from opening it
   */
  open(sel?: string, how?: ReopenOptions): Promise<FilesystemLayer>;
  /** Assembles the sets of disks in which what SEL picks may lie: what keeps one from it stands in its layer. */
  assemble(sel?: string, how?: Pick<ReopenOptions, 'job' | 'onStep' | 'onNote'>): Promise<void>;
  /** As `select`, for any layer: a volume of raw bytes, a table. Without SEL the outermost layer, the image's own bytes. */
  layer(sel?: string): Layer;
  /** "gzip › GPT › ext4 (clean)". */
  summary(): string;
  /**
   * Opens one layer anew. When that fails, everything stays as it was.
   * @throws DiskError why the layer can't be opened so; `locked` when the password is wrong; usage for a layer that is not there
   */
  reopen(path: string, how: ReopenOptions): Promise<void>;
  /** Whenever layers are opened anew: by `reopen` and `open`, and by all of the editing that does so. @returns ends that */
  onReopen(listener: ReopenListener): () => void;
  /** Changing the image. */
  readonly editing: Editing;
  /** What an Apply that was interrupted left, and what became of it; most often nothing. */
  readonly recovery: readonly Recovery[];
  /** @throws DiskError busy while changes are pending, unless they are to be discarded: the image stays open then */
  close(how?: { readonly discard?: boolean }): Promise<void>;
}

/**
 * Opens an image and everything in it that can be opened. Damage further in never fails it: it stands in the layer's `error`.
 * @throws DiskError when the file itself can't be opened, or `cancelled`
 */
export async function openImage(named: string, options: OpenImageOptions = {}): Promise<ImageSession> {
  const [path, ...more] = (parseSetPath(named) ?? [named]) as [string, ...string[]];
  const note = options.onNote ?? (() => {});
  const tree = parseTreePath(path);
  // What lies below a guest's own tree is opened for reading alone, and not as an image.
  const also = [...more, ...(options.also ?? [])];
  if (tree !== undefined && also.length > 0) throw usage('EINVAL', "A guest's own tree lies on no images");
  const recovery = tree === undefined && options.recover !== false ? await recovered([path, ...also], note, options.onStep) : [];
  const set = also.length === 0 ? undefined : openSet([path, ...also], note);
  const source = set ?? (tree === undefined ? openSource(path, note) : openTreeSource(path, tree, note));
  const guests = new SessionGuests(options.guests ?? (options.registry === undefined ? undefined : 'none'));
  const registry = [...(set === undefined ? [] : [set.entry]), ...(options.registry ?? everyFormat)];
  /** Formats that were asked for, by layer path: they count whenever a layer is opened anew. */
  const choices = new Map(tree === undefined ? options.choices : [['0', `${GUEST}${tree.guest}/${tree.tree}`]]);
  const context = ({ job = nodeJob(), onStep, onNote = note }: Pick<OpenImageOptions, 'job' | 'onStep' | 'onNote'>, key?: Key): OpenContext => ({
    note: onNote, job: { ...job, ask: (question) => answer(question, job, key) }, scratch: (limit) => new ScratchFile(limit), codecs: { gunzip: zlibGunzip }, guests: () => guests.entries(), ...(onStep ? { step: onStep } : {}),
  });
  try {
    let root = await openLayers(source.device, registry, context(options), choices);
    let closed = false;
    const listeners = new Set<ReopenListener>();
    const beforeReopen = async (): Promise<void> => { await Promise.all([...listeners].map((each) => each.before())); };
    const afterReopen = (): void => { for (const each of listeners) each.after(); };
    const editing = new ImageEditing({
      ...(set === undefined ? {} : { cannotSaveAs: unsupported('sets', 'Several images that are open together are no one image', 'Apply the changes: each image gets its own.') }),
      files: source.files, device: source.device, recovery, layers: () => root, quietJob: nodeJob, pages: options.pages ?? (() => new FilePages()),
      async reopen(at, device, { write, job, between, discards = false }) {
        const before = [...layersOf(root)].find((layer) => layer.path === at) ?? root;
        await beforeReopen();
        const [closing] = await Promise.allSettled([closeLayers(before)]);
        try {
          between?.();
          // What there is to note was noted when the image was opened; the layers keep it too.
          const quiet = context({ onNote: () => {}, ...(job === undefined ? {} : { job: nodeJob({ report: (progress) => job.report(progress) }) }) });
          ({ root } = await reopenLayer(root, before.path, registry, write === undefined ? quiet : { ...quiet, write }, choices, device));
        } finally {
          afterReopen();
        }
        if (closing.status === 'rejected' && !discards) throw closing.reason;
      },
      opened: () => source.parts.map(stateOf),
      accept: () => source.parts.forEach((part) => part.accept()),
    });
    /** Sets that wait are assembled where what is looked for may lie in them: what keeps one from it stands in its layer. */
    const assembleFor = async (sel: string | undefined, how: Pick<OpenImageOptions, 'job' | 'onStep' | 'onNote'>): Promise<void> => {
      for (let tried = 0; tried < MOST_SETS; tried++) {
        const layer = waitingSet(root, sel);
        const best = layer && bestOpener(layer);
        if (layer === undefined || best === undefined) return;
        const write = editing.access;
        await beforeReopen();
        ({ root } = await reopenLayer(root, layer.path, registry, { ...context(how), ...(write === undefined ? {} : { write }) }, new Map([[layer.path, best.id]])));
        choices.set(layer.path, best.id);
        afterReopen();
      }
    };
    const session: ImageSession = {
      name: source.name, path: source.path, size: source.device.size, files: source.files, editing, recovery, guestLayers: guests.layers,
      get layers() { return root; },
      get registry() { return [...registry, ...guests.known]; },
      openers: async () => [...registry, ...(await guests.again())],
      async open(sel, how = {}) {
        await assembleFor(sel, how);
        const layer = waitingLayer(root, sel);
        if (layer === undefined) return selectFilesystem(root, sel);
        const best = bestOpener(layer);
        if (best === undefined) throw cannotOpen(layer);
        await session.reopen(layer.path, { ...how, format: best.id });
        return selectFilesystem(root, sel ?? layer.path);
      },
      async reopen(at, { format, password, ...how }) {
        const chosen = [...layersOf(root)].find((each) => each.path === at);
        const layer = (chosen?.kind === 'volume' ? chosen.children[0]?.path : undefined) ?? at;
        const write = editing.access;
        // The changes lie over what is in the container: opened another way, it would be there without them.
        if (editing.state.state === 'editing' && [...layersOf(root)].some((each) => each.path === layer && each.kind === 'container')) {
          throw new DiskError({ kind: 'busy' }, 'What is in it is unlocked for changes', 'Lock the image first.');
        }
        const opened = await reopenLayer(root, layer, registry, { ...context(how, password === undefined ? undefined : { layer, password }), ...(write === undefined ? {} : { write }) }, new Map(format === undefined ? [] : [[layer, format]]));
        const { error } = opened.after;
        if (error !== undefined && (format !== undefined || password !== undefined)) {
          await closeLayers(opened.after);
          throw error;
        }
        await beforeReopen();
        ({ root } = opened);
        afterReopen();
        if (format === undefined) choices.delete(layer);
        else choices.set(layer, format);
        await closeLayers(opened.before);
      },
      assemble: (sel, how = {}) => assembleFor(sel, how),
      onReopen(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      filesystems: () => filesystemsOf(root),
      select: (sel) => selectFilesystem(root, sel),
      layer: (sel) => (sel === undefined ? root : selectLayer(root, sel)),
      summary: () => summarize(root),
      async close({ discard = false } = {}) {
        if (closed) return;
        await editing.close(discard);
        closed = true;
        try {
          await closeLayers(root);
        } finally {
          // The lock must go, whatever a filesystem could not write.
          editing.release();
          source.device.close();
        }
      },
    };
    if (options.open !== false) await assembleFor(undefined, options);
    const only = options.open === false ? undefined : waitingLayer(root, undefined);
    const best = only === undefined ? undefined : bestOpener(only);
    if (only !== undefined && best !== undefined) {
      // What keeps the guest from opening it stands in the layer, as with any other opener.
      ({ root } = await reopenLayer(root, only.path, registry, context(options), new Map([[only.path, best.id]])));
      choices.set(only.path, best.id);
    }
    return session;
  } catch (error) {
    source.device.close();
    throw error;
  }
}

/** Sets of one image that are assembled by themselves. */
const MOST_SETS = 16;

/** A set that waits to be assembled, and may hold what SEL picks; without SEL where nothing is open. */
function waitingSet(root: Layer, sel: string | undefined): Layer | undefined {
  let at = root;
  if (sel !== undefined) {
    try {
      at = selectLayer(root, sel);
    } catch {
      // Its name may be that of a volume which is not assembled yet.
    }
  }
  const layers = [...layersOf(at)];
  if (sel === undefined && layers.some(isOpen)) return undefined;
  return layers.find((layer) => layer.kind === 'table' && isWaiting(layer));
}

/** The layer that `select` would pick if it were open: picked by SEL, or the only one where nothing else is open. */
function waitingLayer(root: Layer, sel: string | undefined): Layer | undefined {
  const layers = [...layersOf(sel === undefined ? root : selectLayer(root, sel))];
  if (layers.some(isOpen)) return undefined;
  const found = layers.filter(isWaiting);
  return found.length === 1 ? found[0] : undefined;
}

/** A layer that is known by its name, and nothing here opens it. */
export function cannotOpen({ title, format, openers }: Layer): DiskError {
  const reasons = openers.map(({ name, reason }) => `${name}: ${reason}`);
  return unsupported(format, `${title} is opened by a guest, and none is ready`, reasons.slice(0, 4).join('\n  '));
}

/** Finishes an Apply that was interrupted, before the image is looked at. */
async function recovered(paths: readonly string[], note: (note: Note) => void, onStep: OpenContext['step']): Promise<readonly Recovery[]> {
  const found = await recoverApply(paths.flatMap(filesOf));
  for (const { state, message } of found) {
    const sound = state === 'finished' || state === 'unchanged';
    const step = onStep?.({ layer: '0', text: 'Changes that were being applied' });
    step?.end(sound ? 'done' : 'failed', message);
    note({ severity: sound ? 'note' : state === 'foreign' ? 'warning' : 'error', message });
  }
  return found;
}

/** A password for one layer. */
interface Key {
  readonly layer: string;
  readonly password: string;
}

/** Passwords come from `reopen` alone, one for one question of one layer; what asks without one stays locked, and the rest of the image opens. */
async function answer<Q extends Question>(question: Q, job: JobContext, key: Key | undefined): Promise<Answer<Q>> {
  if (question.kind !== 'password') return job.ask(question);
  const tried = key !== undefined && question.layer === key.layer;
  if (tried && question.attempt <= 1) return { password: key.password } as Answer<Q>;
  throw new DiskError({ kind: 'locked', what: question.what }, tried ? `That is not the password of ${question.what}` : `${question.what} is locked`, tried ? 'Try another one; tries are not kept.' : 'Unlock it with its password.');
}

/** A job over Node's clock and event loop; without a host's wishes it is never cancelled and reports to nobody. */
export function nodeJob(host: Partial<Parameters<typeof jobContext>[0]> = {}): JobContext {
  return jobContext({
    now: () => performance.now(),
    nextTurn: () => new Promise((resume) => setImmediate(resume)),
    signal: { aborted: false },
    ...host,
  });
}

function isOpen(layer: Layer): layer is FilesystemLayer {
  return layer.filesystem !== undefined;
}

function filesystemsOf(layer: Layer): FilesystemLayer[] {
  return [...layersOf(layer)].filter(isOpen);
}

function selectFilesystem(root: Layer, sel: string | undefined): FilesystemLayer {
  const layer = sel === undefined ? root : selectLayer(root, sel);
  const found = filesystemsOf(layer);
  if (found.length === 1) return found[0]!;
  if (found.length > 1) throw ambiguous(sel === undefined ? 'The image holds several filesystems' : `"${sel}" holds several filesystems`, found, root);
  for (const each of layersOf(layer)) {
    if (each.error) throw each.error;
  }
  const waiting = [...layersOf(layer)].filter(isWaiting);
  if (waiting.length > 1) throw ambiguous(sel === undefined ? 'The image holds several filesystems' : `"${sel}" holds several filesystems`, waiting, root);
  if (waiting[0] !== undefined) throw bestOpener(waiting[0]) === undefined ? cannotOpen(waiting[0]) : usage('EINVAL', `${waiting[0].title} is not open yet`);
  const where = sel === undefined ? 'The image' : `"${sel}"`;
  throw usage('ENOENT', `${where} holds no filesystem that is known here (${summarize(layer)})`);
}

/** SEL's steps from the outside in. */
function selectLayer(root: Layer, sel: string): Layer {
  const steps = sel.split('/').filter((step) => step !== '');
  let at: Layer | undefined = root;
  for (const step of steps) {
    const matches: Layer[] = matchesOf(at, step);
    if (matches.length > 1) throw ambiguous(`"${sel}" fits more than one volume`, matches, root);
    at = matches[0];
    if (at === undefined) break;
  }
  if (at !== undefined && steps.length > 0) return at;
  const byPath = [...layersOf(root)].find((layer) => layer.path === sel);
  if (byPath) return byPath;
  const choices = [...layersOf(root)].filter((layer) => layer.volume?.number !== undefined || isOpen(layer));
  throw ambiguous(`Nothing in the image is called "${sel}"`, choices, root);
}

/** By number among the volumes of the next table, else by label or UUID at any depth; a volume and what is in it count as one. */
function matchesOf(at: Layer, step: string): Layer[] {
  const numbered = nextVolumes(at).filter((layer) => String(layer.volume!.number) === step);
  if (numbered.length > 0) return numbered;
  const wanted = step.toLowerCase();
  const named = [...layersOf(at)].filter((layer) => layer.label === step || layer.uuid.toLowerCase() === wanted);
  return named.filter((layer) => !named.some((other) => other !== layer && layer.path.startsWith(`${other.path}/`)));
}

function nextVolumes(at: Layer): Layer[] {
  const found: Layer[] = [];
  for (const child of at.children) {
    if (child.kind === 'volume') found.push(child);
    else found.push(...nextVolumes(child));
  }
  return found;
}

function ambiguous(message: string, choices: readonly Layer[], root: Layer): Error {
  const lines = choices.slice(0, 32).map((layer) => `  ${describeChoice(layer, root)}`);
  const rest = choices.length > 32 ? [`  and ${choices.length - 32} more`] : [];
  return usage('EINVAL', [`${message}; choose one with --part:`, ...lines, ...rest].join('\n'));
}

/** "2  ext4  root  0fc63daf-…": what to type first, then what it is. */
function describeChoice(layer: Layer, root: Layer): string {
  const parts = layer.path.split('/');
  const volumes = new Map([...layersOf(root)].filter((each) => each.kind === 'volume').map((each) => [each.path, each]));
  const numbers: number[] = [];
  let innermost: Layer | undefined;
  for (let i = 1; i <= parts.length; i++) {
    const volume = volumes.get(parts.slice(0, i).join('/'));
    if (volume?.volume?.number === undefined) continue;
    numbers.push(volume.volume.number);
    innermost = volume;
  }
  const sel = numbers.length > 0 ? numbers.join('/') : layer.path;
  const what = layer.kind === 'volume' ? (filesystemsOf(layer)[0]?.title ?? layer.title) : layer.title;
  const label = layer.label || innermost?.label || '';
  return [sel, what, displayName(label), layer.uuid].filter((part) => part !== '').join('  ');
}

/** The sentence of the layers: one word a layer, filesystems with their state. */
function summarize(layer: Layer): string {
  if (layer.filesystem) return `${layer.title} (${layer.filesystem.info.state})`;
  if (layer.kind === 'volume') return layer.children[0] ? summarize(layer.children[0]) : layer.title;
  const own = layer.error ? `${layer.title} (${layer.error.kind})` : layer.title;
  const inner = layer.kind === 'table' ? summarizeVolumes(layer) : layer.children[0] && summarize(layer.children[0]);
  return inner ? `${own} › ${inner}` : own;
}

/** Up to three different volumes by what is in them. */
function summarizeVolumes(table: Layer): string {
  const counts = new Map<string, number>();
  for (const child of table.children) {
    if (child.volume?.kind !== 'partition') continue;
    const text = summarize(child);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const texts = [...counts].map(([text, count]) => (count === 1 ? text : `${count} × ${text}`));
  return texts.length > 3 ? `${texts.slice(0, 3).join(', ')} …` : texts.join(', ');
}
