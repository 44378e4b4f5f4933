import { DiskError, ioError, unsupported } from '../../engines/core/errors.ts';
import { type FuseServer, serveFuse } from '../../engines/protocols/fuse/index.ts';
import type { MountStats, MountUser } from '../../shared/contract/mounts.ts';
import { fuseDevice } from '../native/fuse-device.ts';
import { DeviceChannel } from './fuse-channel.ts';
import { checksPermissions, fuseAvailable, mountFuse } from './fuse-descriptor.ts';
import { warmUp } from './fuse-warm-up.ts';
import { chosenPoint, type MountPoint, ownPoint, runtimeFolder } from './mount-point.ts';
import { mountedAt, type MountLine, mounts } from './mount-table.ts';
import { forget, note, notePath, removeLeftovers } from './notes.ts';
import { type OwnMount, serveAt } from './own-mounts.ts';
import { findProgram, runProgram } from './programs.ts';
import type { Mount, MountEnd, MountProvider, MountRequest } from './provider.ts';
import { readAhead } from './read-ahead.ts';
import { usersOf } from './users.ts';
import { Watcher } from './watcher.ts';

/** Milliseconds after an unmount in which the kernel tells us that it is done. Where a container has a copy of the mount, it is not done until that ends. */
const TOLD = 10_000;

/** Requests after which a program has begun to work with the mount: desktops look at each new one with a few. */
const ASKED = 20;

/** The mount as a folder by Linux's FUSE: this process answers the kernel's requests itself. */
export const fuseProvider: MountProvider = {
  id: 'fuse',
  available: fuseAvailable,
  async mount(request) {
    const available = await fuseAvailable();
    if (!available.ok) throw unsupported('fuse', available.reason);
    const folder = runtimeFolder();
    const unmounting = unmountCommand();
    await removeLeftovers(folder, (at) => unmountBy([...unmounting.lazy, at]));
    const point = request.at === undefined ? await ownPoint(request.title) : await chosenPoint(request.at);
    const own = serveAt(point.at);
    const noted = notePath(folder);
    const watcher = new Watcher(point.at, point.made, noted, unmounting.lazy);
    const keep: Kept = { point, own, watcher, noted, unmounting };
    let fd: number;
    try {
      fd = await mountFuse(point.at, { title: request.title, readOnly: request.tree.fs.writer === undefined, shared: request.shared === true });
    } catch (error) {
      await leave(keep);
      throw error;
    }
    const line = mountedAt(point.at);
    const channel = new DeviceChannel(fuseDevice()!, fd);
    if (line?.type !== 'fuse.clutch') {
      // It was taken away again at once.
      channel.close();
      await leave(keep);
      throw ioError(`${point.at} is not mounted any more`);
    }
    own.known(line.device);
    watcher.mounted(line);
    note(noted, line, point.made);
    return begin(request, line, channel, keep);
  },
};

/** Takes away the mounts of this account whose process was killed, where its watcher was, too. Never throws. */
export async function removeDeadMounts(): Promise<void> {
  try {
    const { lazy } = await unmountCommand();
    await removeLeftovers(runtimeFolder(), (at) => unmountBy([...lazy, at]));
  } catch {
    // What can't be taken away here, the next mount tells of.
  }
}

/** Everything beside the mount itself that has to go with it. */
interface Kept {
  readonly point: MountPoint;
  readonly own: OwnMount;
  readonly watcher: Watcher;
  readonly noted: string;
  readonly unmounting: UnmountCommand;
}

/** Serves, and resolves when the kernel has agreed. @throws DiskError when it does not */
async function begin(request: MountRequest, line: MountLine, channel: DeviceChannel, keep: Kept): Promise<Mount> {
  let ready!: () => void;
  const agreed = new Promise<void>((resolve) => { ready = resolve; });
  let mount: FuseMount;
  let server: FuseServer;
  try {
    server = serveFuse(channel, request.tree, { ready, unchecked: !checksPermissions(request.shared === true) });
    mount = new FuseMount(line, channel, server, keep);
  } catch (error) {
    channel.close();
    await unmountBy([...keep.unmounting.lazy, keep.point.at]);
    await leave(keep);
    throw error;
  }
  const end = await Promise.race([agreed, mount.ended]);
  if (end !== undefined) throw ioError(end.message ?? `${line.at} was unmounted before it could be used`);
  await readAhead(line.device);
  const { requests } = server.statistics;
  let over = false;
  void server.ended.finally(() => { over = true; });
  mount.warming = warmUp(fuseDevice()!, request.tree.fs, () => !over && server.statistics.requests - requests < ASKED);
  return mount;
}

class FuseMount implements Mount {
  readonly provider = 'fuse';
  readonly at: string;
  readonly mounted = true;
  readonly ended: Promise<MountEnd>;
  /** Resolves when no more requests are made up for it. */
  warming: Promise<void> | undefined;
  readonly #line: MountLine;
  readonly #channel: DeviceChannel;
  readonly #server: FuseServer;
  readonly #keep: Kept;
  #isEnded = false;
  /** Where it was when it was unmounted. */
  #last: string;

  constructor(line: MountLine, channel: DeviceChannel, server: FuseServer, keep: Kept) {
    this.at = line.at;
    this.#last = line.at;
    this.#line = line;
    this.#channel = channel;
    this.#server = server;
    this.#keep = keep;
    this.ended = this.#end();
  }

  stats(): MountStats {
    const { requests, bytesRead, bytesWritten, open } = this.#server.statistics;
    return { requests, bytesRead, bytesWritten, open };
  }

  async users(): Promise<readonly MountUser[]> {
    return this.#isEnded ? [] : usersOf(this.#line);
  }

  async unmount({ lazy = false }: { readonly lazy?: boolean } = {}): Promise<void> {
    const { lazy: byForce, plain, flush } = this.#keep.unmounting;
    const at = this.#place();
    if (this.#isEnded || at === undefined) return this.#untilTold(lazy);
    const over = mountedAt(at);
    if (over !== undefined && over.id !== this.#line.id) throw busy(`${at} can't be unmounted: something else is mounted over it`);
    // What programs wrote and the kernel still has. In a container's copy of the mount it would stay there after the unmount.
    if (!lazy && flush !== undefined) await runProgram(flush, ['-f', '--', at]);
    this.#last = at;
    const said = await unmountBy([...(lazy ? byForce : plain), at]);
    if (said !== undefined && this.#place() !== undefined) throw /busy/i.test(said) ? this.#busy() : ioError(`${this.at} can't be unmounted: ${said}`);
    if (lazy) await this.#clearWay();
    await this.#untilTold(lazy);
  }

  /** Out of the way, while somebody has something of it open: what programs write by its path must not land in an empty folder of this computer, so that is gone at once. */
  async #clearWay(): Promise<void> {
    const { point, watcher } = this.#keep;
    await point.remove(this.#last);
    watcher.left();
  }

  /** Where it is in the list of mounts: a folder above it may have got another name. Undefined when it is not there any more. */
  #place(): string | undefined {
    const { id, device, source } = this.#line;
    // Numbers are used again at once.
    return mounts().find((line) => line.id === id && line.device === device && line.source === source)?.at;
  }

  #busy(): DiskError {
    const inner = mounts().find(({ parent }) => parent === this.#line.id);
    return busy(inner === undefined ? `${this.at} is in use` : `${this.at} is in use: ${inner.at} is mounted in it`);
  }

  async #untilTold(lazy: boolean): Promise<void> {
    // Nobody waits for those who have something open.
    if (lazy) return;
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([this.ended, new Promise((resolve) => { timer = setTimeout(resolve, TOLD); })]);
    clearTimeout(timer);
    await this.#server.idle();
  }

  async #end(): Promise<MountEnd> {
    const error = await this.#server.ended;
    await this.warming;
    // Aborted, or failed: the kernel keeps a mount that nobody serves.
    const dead = this.#place();
    if (dead !== undefined) await unmountBy([...this.#keep.unmounting.lazy, dead]);
    this.#channel.close();
    await leave(this.#keep, dead ?? this.#last);
    this.#isEnded = true;
    if (error !== undefined) return { how: 'failed', message: error.message };
    return dead !== undefined ? { how: 'failed', message: 'Somebody ended the connection with the kernel' } : { how: 'unmounted' };
  }
}

/** Lets go what was kept for a mount that is not there any more. Never throws. */
async function leave({ point, own, watcher, noted }: Kept, now?: string): Promise<void> {
  await point.remove(now);
  own.gone();
  forget(noted);
  await watcher.end();
}

/** The programs that unmount, each to be followed by the path. Not this process itself: it has to answer what an unmount flushes. */
interface UnmountCommand {
  readonly plain: readonly string[];
  /** Takes it out of the way at once, whoever uses it. */
  readonly lazy: readonly string[];
  /** Hands everything that is not written yet to a filesystem; undefined where there is no such program. */
  readonly flush: string | undefined;
}

/** @throws DiskError unsupported where there is none */
function unmountCommand(): UnmountCommand {
  const root = process.geteuid?.() === 0;
  const name = root ? 'umount' : 'fusermount3';
  const program = findProgram(name);
  if (program === undefined) throw unsupported('fuse', `${name} is not installed`);
  // Without looking at the folder first (-c): nobody may answer that any more.
  const plain = root ? [program, '-c'] : [program, '-u'];
  return { plain, lazy: [...plain, root ? '-l' : '-z'], flush: findProgram('sync') };
}

/** @returns undefined when it went well, otherwise what was said */
function unmountBy([program, ...args]: readonly string[]): Promise<string | undefined> {
  return runProgram(program!, args);
}

function busy(message: string): DiskError {
  return new DiskError({ kind: 'busy' }, message, 'Close what has files of it open, or let it be taken away as soon as they are closed.');
}
