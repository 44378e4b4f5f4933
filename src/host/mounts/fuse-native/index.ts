import { existsSync } from 'node:fs';
import { DiskError, ioError, unsupported } from '../../../engines/core/errors.ts';
import type { Possible } from '../../../shared/contract/edit.ts';
import type { MountStats, MountUser } from '../../../shared/contract/mounts.ts';
import { runProgram as ask } from '../../install/programs.ts';
import { checksPermissions } from '../fuse-descriptor.ts';
import { chosenPoint, type MountPoint, ownPoint } from '../mount-point.ts';
import { mountedAt, type MountLine, mounts } from '../mount-table.ts';
import { type OwnMount, serveAt } from '../own-mounts.ts';
import { PathTree } from '../path-tree.ts';
import { findProgram, runProgram } from '../programs.ts';
import type { Mount, MountEnd, MountProvider } from '../provider.ts';
import { usersOf } from '../users.ts';
import { loadFuseNative, type NativeMount } from './library.ts';
import { nativeOperations } from './operations.ts';

/** Milliseconds between two looks whether it is still mounted: fuse-native tells nobody of an end that it did not make itself. */
const LOOK = process.platform === 'linux' ? 500 : 5000;

/**
 * A mount as a folder through libfuse, for systems where the kernel's own protocol can't be had: macOS with macFUSE. From plain Node alone; tried on Linux,
 * not on macOS yet.
 */
export const fuseNativeProvider: MountProvider = {
  id: 'fuse-native',
  available,
  async mount(request) {
    const can = await available();
    if (!can.ok) throw unsupported('fuse-native', can.reason);
    const Fuse = loadFuseNative();
    const unmounting = await unmountCommand();
    const point = request.at === undefined ? await ownPoint(request.title) : await chosenPoint(request.at);
    const own = serveAt(point.at);
    const tree = new PathTree(request.tree);
    const native = new Fuse(point.at, nativeOperations(tree, { uid: process.getuid!(), gid: process.getgid!() }), {
      // Its own list of options has none for these; what stands behind a comma is one more.
      // The kernel has a node a path, and would believe for a second what it knew of a link's other name.
      fsname: ['clutch', ...(process.platform === 'linux' ? ['big_writes'] : []), 'use_ino', 'attr_timeout=0', ...(request.tree.fs.writer === undefined ? ['ro'] : [])].join(','),
      ...(process.platform === 'linux' ? { subtype: 'clutch-native' } : {}),
      defaultPermissions: checksPermissions(request.shared === true), allowOther: request.shared === true, autoUnmount: process.platform === 'linux', displayFolder: true, name: request.title.replace(/[,/\\\p{Cc}]/gu, '_'), timeout: false,
    });
    try {
      await called((done) => native.mount(done));
    } catch (error) {
      own.gone();
      await tree.close();
      await point.remove();
      throw new DiskError({ kind: 'io' }, `libfuse could not mount ${point.at}: ${(error as Error).message}`, process.platform === 'darwin' ? 'macFUSE must be installed and allowed in the system settings.' : undefined);
    }
    return new FuseNativeMount({ native, tree, point, own, unmounting });
  },
};

async function available(): Promise<Possible> {
  // Its first read would kill the process: it hands memory to JavaScript in a way that Electron does not allow.
  if (process.versions['electron'] !== undefined) return { ok: false, reason: 'fuse-native serves from plain Node alone, such as the command line' };
  if (process.platform === 'darwin' && !existsSync('/Library/Filesystems/macfuse.fs')) return { ok: false, reason: 'macFUSE is not installed; clutch install names it' };
  if (process.platform !== 'darwin' && process.platform !== 'linux') return { ok: false, reason: 'fuse-native is for macOS and Linux' };
  try {
    loadFuseNative();
  } catch (error) {
    const [message = ''] = (error as Error).message.split('\n');
    if (/libfuse\.so\.2/.test(message)) return { ok: false, reason: 'libfuse.so.2 is not here; on Debian it is the package libfuse2' };
    return { ok: false, reason: /Cannot find module 'fuse-native'/.test(message) ? 'The optional package fuse-native is not installed' : `fuse-native can't be used: ${message}` };
  }
  if (process.platform === 'linux' && !existsSync('/dev/fuse')) return { ok: false, reason: 'The kernel has no FUSE here' };
  return (await unmountProgram()) === undefined ? { ok: false, reason: 'fusermount is not installed; it is part of fuse3' } : { ok: true };
}

interface Kept {
  readonly native: NativeMount;
  readonly tree: PathTree;
  readonly point: MountPoint;
  readonly own: OwnMount;
  readonly unmounting: UnmountCommand;
}

class FuseNativeMount implements Mount {
  readonly provider = 'fuse-native';
  readonly at: string;
  readonly mounted = true;
  readonly ended: Promise<MountEnd>;
  readonly #keep: Kept;
  readonly #line: MountLine | undefined;
  readonly #timer: NodeJS.Timeout;
  #end!: () => Promise<void>;

  constructor(keep: Kept) {
    this.#keep = keep;
    this.at = keep.point.at;
    this.#line = mountedAt(this.at);
    if (this.#line !== undefined) keep.own.known(this.#line.device);
    let once: Promise<void> | undefined;
    this.ended = new Promise<MountEnd>((resolve) => {
      this.#end = () => (once ??= this.#finish().then(resolve));
    });
    this.#timer = setInterval(() => { void this.#look(); }, LOOK);
  }

  stats(): MountStats {
    return this.#keep.tree.stats;
  }

  users(): Promise<readonly MountUser[]> {
    return this.#line === undefined ? Promise.resolve([]) : usersOf(this.#line);
  }

  async unmount({ lazy = false }: { readonly lazy?: boolean } = {}): Promise<void> {
    const [program, ...args] = this.#keep.unmounting[lazy ? 'lazy' : 'plain'];
    if (await this.#isThere()) {
      const said = await runProgram(program!, [...args, this.at]);
      if (said !== undefined && (await this.#isThere())) {
        throw /busy/i.test(said) ? new DiskError({ kind: 'busy' }, `${this.at} is in use`, 'Close what has files of it open.') : ioError(`${this.at} can't be unmounted: ${said}`);
      }
    }
    await this.#end();
  }

  async #look(): Promise<void> {
    if (!(await this.#isThere())) await this.#end();
  }

  async #isThere(): Promise<boolean> {
    if (this.#line !== undefined) return mounts().some(({ id }) => id === this.#line!.id);
    return isListed(this.at);
  }

  /** It is not mounted any more: the thread that read from the kernel ends, and all that was open is let go. */
  async #finish(): Promise<MountEnd> {
    clearInterval(this.#timer);
    const { native, tree, point, own } = this.#keep;
    let message: string | undefined;
    try {
      await called((done) => native.unmount(done));
      await tree.close();
    } catch (error) {
      message = (error as Error).message;
    }
    own.gone();
    await point.remove();
    return message === undefined ? { how: 'unmounted' } : { how: 'failed', message };
  }
}

function called(run: (done: (error: Error | null | undefined) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    run((error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/** The programs that unmount, each to be followed by the path. */
interface UnmountCommand {
  readonly plain: readonly string[];
  readonly lazy: readonly string[];
}

async function unmountProgram(): Promise<string | undefined> {
  if (process.platform === 'darwin' || process.geteuid?.() === 0) return findProgram('umount');
  return await findProgram('fusermount3') ?? findProgram('fusermount');
}

async function unmountCommand(): Promise<UnmountCommand> {
  const program = (await unmountProgram())!;
  if (process.platform === 'darwin') return { plain: [program], lazy: [program, '-f'] };
  return process.geteuid?.() === 0 ? { plain: [program, '-c'], lazy: [program, '-c', '-l'] } : { plain: [program, '-u'], lazy: [program, '-u', '-z'] };
}

/** Whether mount(8) lists it: "macfuse on /path (macfuse, …)". */
async function isListed(at: string): Promise<boolean> {
  const { out } = await ask('/sbin/mount', []);
  return out.split('\n').some((line) => line.includes(` on ${at} (`));
}
