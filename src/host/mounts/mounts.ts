import { DiskError, isDiskError, toDiskError } from '../../engines/core/errors.ts';
import type { NodeId } from '../../engines/core/filesystem.ts';
import { displayName } from '../../engines/core/names.ts';
import type { ServedTree, TreeChanged } from '../../engines/core/served.ts';
import type { MountOptions, MountRow, MountStats, MountUser, Unmounted } from '../../shared/contract/mounts.ts';
import type { MountPlace } from '../control.ts';
import type { ImageSession } from '../session.ts';
import { LiveTree } from './live-tree.ts';
import { withOwners } from './owners.ts';
import { withPlatformNames } from './platform-tree.ts';
import type { Mount, MountEnd } from './provider.ts';
import { chooseProvider, mountProviders, type ProviderEntry } from './providers.ts';
import { type Announced, announceMount, type UnmountAnswer } from './registry.ts';

/** Numbers are never used again, so that nobody ends another one than he meant. */
let lastMount = 0;

/** Milliseconds between two looks at what a mount is asked for. */
const LOOK_EVERY = 1000;

/** What a mount is asked to be. */
export interface MountAsked {
  /** Path of a layer whose tree is open. */
  readonly layer: string;
  readonly options: MountOptions;
  /** See MountRequest. */
  readonly at?: string;
  readonly direct?: boolean;
  readonly shared?: boolean;
}

/** Who has the image whose volumes are mounted. */
export interface MountingHost {
  readonly session: ImageSession;
  /** The ways to mount, where not all that Clutch has. */
  readonly providers?: readonly ProviderEntry[];
  /** Called after every change of `rows`. */
  onChange?(): void;
  /** Programs have changed a layer: entries of the folders, and the nodes. */
  onWritten?(layer: string, folders: readonly NodeId[], nodes: readonly NodeId[]): void;
  /** What programs wrote lately could not be kept. */
  onLost?(mount: number, error: DiskError): void;
  /** Another process asks for the end of a mount (`clutch umount`). Absent: it is unmounted. @param say tells how it goes */
  unmount?(mount: number, lazy: boolean, say: (text: string) => void): Promise<UnmountAnswer>;
}

/** What is kept of a mount. */
interface Entry {
  readonly id: number;
  readonly mount: Mount;
  readonly tree: LiveTree;
  readonly layer: string;
  readonly write: boolean;
  readonly announced: Announced | undefined;
  state: MountRow['state'];
  /** It was asked to end, or will be. */
  stopped: boolean;
  /** Changes that could not be kept. */
  lost: string | undefined;
  ended: MountEnd | undefined;
  speed: number;
  /** A second ago. */
  stats: MountStats;
  /** Resolves when nothing of it is left, and all that programs wrote is kept. */
  over: Promise<void>;
}

/** The volumes of one open image that are folders or drives for other programs. */
export class SessionMounts {
  readonly #host: MountingHost;
  readonly #entries = new Map<number, Entry>();
  /** Mounts that are being made. */
  readonly #starting = new Set<Promise<unknown>>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(host: MountingHost) {
    this.#host = host;
  }

  /** In the order in which they were made. One that ended by itself is among them once more, with how it ended, while that is told. */
  get rows(): readonly MountRow[] {
    return [...this.#entries.values()].map(rowOf);
  }

  /** Where they are, as the system names it: for those that show them, and clean up after a process that was killed. */
  get places(): readonly MountPlace[] {
    return [...this.#entries.values()].map(({ id, write, mount: { at, mounted } }) => ({ mount: id, at, mounted, write }));
  }

  /** @throws DiskError usage EROFS for writing to an image that is locked; unsupported for a volume that can only be read; what MountProvider.mount throws */
  start(asked: MountAsked): Promise<MountRow> {
    const starting = this.#start(asked);
    this.#starting.add(starting);
    return starting.finally(() => this.#starting.delete(starting));
  }

  async #start({ layer, options, at, direct = false, shared = false }: MountAsked): Promise<MountRow> {
    const { session } = this.#host;
    const { write = false } = options;
    const provider = await chooseProvider(options.provider, this.#host.providers ?? mountProviders);
    this.#checkOpen();
    const id = ++lastMount;
    const tree: LiveTree = new LiveTree(session, layer, {
      write,
      onWritten: (folders, nodes) => this.#written(tree, folders, nodes),
      onLost: (error) => this.#lost(id, error),
    });
    let mount: Mount;
    try {
      mount = await provider.mount({ tree: shownTree(tree, options), title: displayName(session.name), ...(at === undefined ? {} : { at }), ...(direct ? { direct } : {}), ...(shared ? { shared } : {}) });
    } catch (error) {
      await tree.close().catch(() => {});
      throw error;
    }
    const announced = mount.mounted ? await announceMount({ at: mount.at, image: session.path, layer, provider: mount.provider, write }, (lazy, say) => this.#asked(id, lazy, say)) : undefined;
    const entry: Entry = { id, mount, tree, layer, write, announced, state: 'mounted', stopped: false, lost: undefined, ended: undefined, speed: 0, stats: mount.stats(), over: Promise.resolve() };
    entry.over = this.#follow(entry);
    this.#entries.set(id, entry);
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY).unref();
    this.#tell();
    if (this.#closed) {
      await this.stop(id, true);
      this.#checkOpen();
    }
    return rowOf(entry);
  }

  /** @throws DiskError usage EBADF */
  users(id: number): Promise<readonly MountUser[]> {
    return this.#entry(id).mount.users();
  }

  /** Resolves when a mount has ended in whatever way, and all that programs wrote is kept. Null for one that is not there. */
  ended(id: number): Promise<MountEnd | undefined> {
    const entry = this.#entries.get(id);
    return entry === undefined ? Promise.resolve(undefined) : entry.over.then(() => entry.ended);
  }

  /**
   * All that programs wrote is kept when it answers that it is done.
   * @throws DiskError usage EBADF; io when it can't be unmounted; what could not be kept
   */
  async stop(id: number, lazy: boolean): Promise<Unmounted> {
    const entry = this.#entry(id);
    const before = entry.state === 'leaving' ? 'leaving' : 'mounted';
    entry.stopped = true;
    entry.state = 'unmounting';
    this.#tell();
    try {
      await entry.mount.unmount({ lazy });
    } catch (error) {
      entry.state = before;
      entry.stopped = before === 'leaving';
      this.#tell();
      if (!isDiskError(error) || error.kind !== 'busy') throw error;
      return { done: false, users: await entry.mount.users().catch(() => []), reason: error.message };
    }
    if (lazy) {
      // Who has something of it open is served on.
      entry.state = 'leaving';
      this.#tell();
      await Promise.race([entry.over, entry.tree.settle()]);
      return { done: true };
    }
    await entry.over;
    if (entry.ended?.how === 'failed') throw new DiskError({ kind: 'io' }, entry.ended.message ?? 'The mount failed');
    return { done: true };
  }

  /**
   * Ends all of them.
   * @param lazy also those that are in use, of which those who use them are cut off when the process ends
   * @throws DiskError busy, naming who uses what, of the first one that is in use; those before it have ended
   */
  async close({ lazy = false } = {}): Promise<void> {
    if (lazy) this.#closed = true;
    await Promise.allSettled(this.#starting);
    if (lazy) {
      await Promise.allSettled([...this.#entries.keys()].map((id) => this.stop(id, true)));
      clearInterval(this.#timer);
      return;
    }
    for (const { id, mount } of this.#entries.values()) {
      const end = await this.stop(id, false);
      if (!end.done) throw new DiskError({ kind: 'busy' }, `What is mounted at ${displayName(mount.at)} is in use${usersText(end.users)}`, 'End what uses it, or unmount it all the same.');
    }
  }

  /** What programs have written is an operation that has ended. What could not be kept is told to the programs. */
  async settle(): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ tree }) => tree.endBatch()));
  }

  /** Somebody else than the mounts has changed a layer. */
  changed(layer: string, change: TreeChanged): void {
    for (const { tree } of this.#entries.values()) if (tree.layer === layer) tree.changed(change);
  }

  /** The layer is to be opened another way, or written to past its filesystem. @throws DiskError busy where something of it is mounted */
  checkFree(layer: string): void {
    this.#refuse(({ tree }) => tree.layer === layer || tree.layer.startsWith(`${layer}/`));
  }

  /** The image is to be locked. @throws DiskError busy where programs may write to it */
  checkNoWriter(): void {
    this.#refuse(({ write }) => write, ' for writing');
  }

  /** The image is to be taken to another state. @throws DiskError busy where programs have files open that they may write to: what they would write next fits to nothing */
  checkNothingOpen(): void {
    for (const { mount, tree: { held } } of this.#entries.values()) {
      if (held > 0) throw new DiskError({ kind: 'busy' }, `${held === 1 ? 'A file is' : `${held} files are`} open where the image is mounted, at ${displayName(mount.at)}`, 'Close what has them open, or unmount it.');
    }
  }

  #refuse(is: (entry: Entry) => boolean, how = ''): void {
    for (const entry of this.#entries.values()) {
      if (is(entry)) throw new DiskError({ kind: 'busy' }, `It is mounted${how} at ${displayName(entry.mount.at)}`, 'Unmount it first.');
    }
  }

  async #follow(entry: Entry): Promise<void> {
    let end = await entry.mount.ended;
    try {
      await entry.tree.close();
    } catch (error) {
      end = { how: 'failed', message: toDiskError(error).message };
    }
    entry.ended = end;
    entry.announced?.remove();
    // Told once, where nobody asked for it.
    if (!entry.stopped || end.how === 'failed') this.#tell();
    this.#entries.delete(entry.id);
    if (this.#entries.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    this.#tell();
  }

  async #asked(id: number, lazy: boolean, say: (text: string) => void): Promise<UnmountAnswer> {
    if (this.#host.unmount !== undefined) return this.#host.unmount(id, lazy, say);
    try {
      const row = rowOf(this.#entry(id));
      const end = await this.stop(id, lazy);
      if (!end.done) return { done: false, users: end.users, message: end.reason };
      return { done: true, exit: 0, message: row.write && row.stats.bytesWritten > 0 ? 'what was written is pending in the window, until it is applied there' : '' };
    } catch (error) {
      return { done: true, exit: 1, message: toDiskError(error).message };
    }
  }

  #written(tree: LiveTree, folders: readonly NodeId[], nodes: readonly NodeId[]): void {
    for (const { tree: other } of this.#entries.values()) {
      if (other !== tree && other.layer === tree.layer) other.changed({ what: 'nodes', folders, nodes });
    }
    this.#host.onWritten?.(tree.layer, folders, nodes);
  }

  #lost(id: number, error: unknown): void {
    const lost = toDiskError(error);
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.lost = `What programs wrote last could not be kept: ${lost.message}`;
    this.#host.onLost?.(id, lost);
    this.#tell();
  }

  /** How much goes through each. */
  #look(): void {
    let told = false;
    for (const entry of this.#entries.values()) {
      const stats = entry.mount.stats();
      const before = entry.stats;
      const speed = Math.round(((stats.bytesRead + stats.bytesWritten - before.bytesRead - before.bytesWritten) * 1000) / LOOK_EVERY);
      told ||= speed !== entry.speed || stats.requests !== before.requests || stats.open !== before.open;
      entry.stats = stats;
      entry.speed = speed;
    }
    if (told) this.#tell();
  }

  #tell(): void {
    this.#host.onChange?.();
  }

  #entry(id: number): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new DiskError({ kind: 'usage', errno: 'EBADF' }, 'It is not mounted any more');
    return entry;
  }

  #checkOpen(): void {
    if (this.#closed) throw new DiskError({ kind: 'busy' }, 'The image is being closed');
  }
}

/** " by bash (4711) and 2 more"; empty where nobody is known. */
export function usersText(users: readonly MountUser[]): string {
  const [first] = users;
  if (first === undefined) return '';
  return ` by ${first.name} (${first.pid})${users.length > 1 ? ` and ${users.length - 1} more` : ''}`;
}

/** The tree as it is to be seen. */
function shownTree(tree: LiveTree, { uid, gid, umask }: MountOptions): ServedTree {
  const owned = withOwners(tree.fs, { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }), ...(umask === undefined ? {} : { umask }) });
  return withPlatformNames({ fs: owned, onChange: (run) => tree.onChange(run) }, process.platform);
}

function rowOf({ id, mount, layer, write, state, lost, ended, speed }: Entry): MountRow {
  const { provider, at, mounted, advice } = mount;
  const told = lost ?? advice;
  return {
    mount: id, layer, provider, at: displayName(at), mounted, write, stats: mount.stats(), speed, state, ...(told === undefined ? {} : { advice: displayName(told) }),
    ...(ended === undefined ? {} : { ended: { how: ended.how, ...(ended.message === undefined ? {} : { message: displayName(ended.message) }) } }),
  };
}
