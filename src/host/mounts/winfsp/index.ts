import { createRequire } from 'node:module';
import { MessageChannel, Worker } from 'node:worker_threads';
import type Koffi from 'koffi';
import { DiskError, unsupported, usage } from '../../../engines/core/errors.ts';
import type { MountStats } from '../../../shared/contract/mounts.ts';
import { findBuilt } from '../../built.ts';
import { findWinfsp } from '../../install/winfsp-place.ts';
import { PathTree } from '../path-tree.ts';
import type { Mount, MountEnd, MountProvider, MountRequest } from '../provider.ts';
import { WANT } from './layout.ts';
import type { Order, Question, ThreadData, Told } from './messages.ts';
import { Operations } from './operations.ts';

/** Milliseconds between two looks whether the drive is there. */
const LOOK = 20;

/** Milliseconds that the driver may take until a drive is there. */
const MOUNTED_WITHIN = 60_000;

/** Characters of a drive's name in Windows. */
const LONGEST_LABEL = 32;

/** What a test stands in for. */
export interface WinfspSystem {
  readonly platform: NodeJS.Platform;
  /** The library's path; undefined where WinFsp is not. */
  library(): Promise<string | undefined>;
  /** Letters that are drives now: "CDZ". */
  drives(): string;
  /** The program of the thread. */
  readonly thread?: string;
}

/** Volumes as drives of Windows, by WinFsp. Not tried on Windows yet. */
export function winfspProvider(system: WinfspSystem = windows): MountProvider {
  const available: MountProvider['available'] = async () => {
    if (system.platform !== 'win32') return { ok: false, reason: 'WinFsp is for Windows' };
    if ((await system.library()) === undefined) return { ok: false, reason: 'WinFsp is not installed; clutch install fetches it' };
    return { ok: true };
  };
  return {
    id: 'winfsp',
    available,
    async mount(request) {
      const can = await available();
      if (!can.ok) throw unsupported('winfsp', can.reason);
      const at = chooseDrive(request.at, system.drives());
      const mount = new WinfspMount(request, at, (await system.library())!, system);
      await mount.ready;
      return mount;
    },
  };
}

const windows: WinfspSystem = {
  platform: process.platform,
  library: async () => (await findWinfsp())?.library,
  drives() {
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
    return lettersOf(koffi.load('kernel32.dll').func('uint32_t __stdcall GetLogicalDrives(void)')() as number);
  },
};

/** The letters of GetLogicalDrives, whose lowest bit is A. */
export function lettersOf(mask: number): string {
  return Array.from({ length: 26 }, (_, i) => ((mask >>> i & 1) === 1 ? String.fromCharCode(65 + i) : '')).join('');
}

/**
 * The drive that was asked for, or the last letter that is free: what Windows gives by itself begins at the front.
 * @throws DiskError usage EINVAL, EEXIST
 */
export function chooseDrive(asked: string | undefined, taken: string): string {
  if (asked === undefined) {
    const free = [...'ZYXWVUTSRQPONMLKJIHGFED'].find((letter) => !taken.includes(letter));
    if (free === undefined) throw usage('EEXIST', 'No letter is left for a drive', 'Disconnect a drive that is not needed.');
    return `${free}:`;
  }
  const letter = /^([a-z]):?\\?$/i.exec(asked)?.[1]?.toUpperCase();
  if (letter === undefined) throw usage('EINVAL', `${asked} is no drive`, 'On Windows a volume is mounted as a drive: X:');
  if (taken.includes(letter)) throw usage('EEXIST', `There is a drive ${letter}: already`, 'Choose another letter.');
  return `${letter}:`;
}

/** The words for fuse_main. Commas part options, so a name has none. */
export function optionsOf(title: string): string[] {
  const label = title.replace(/[\p{Cc},"\\/:*?<>|]/gu, '_').slice(0, LONGEST_LABEL).toWellFormed();
  // Everything belongs to who mounts it: Windows knows none of the volume's accounts.
  return ['-o', `uid=-1,gid=-1,volname=${label === '' ? 'Clutch' : label},FileSystemName=Clutch`];
}

class WinfspMount implements Mount {
  readonly provider = 'winfsp';
  readonly at: string;
  readonly mounted = true;
  readonly ended: Promise<MountEnd>;
  /** Resolves when the drive is there. @throws DiskError io when it does not come */
  readonly ready: Promise<void>;
  readonly #tree: PathTree;
  readonly #thread: Worker;
  #leaving = false;

  constructor({ tree, title }: MountRequest, at: string, library: string, { drives, thread = findBuilt().winfsp }: WinfspSystem) {
    this.at = at;
    this.#tree = new PathTree(tree);
    const operations = new Operations(this.#tree);
    const { port1: port, port2 } = new MessageChannel();
    const answered = new SharedArrayBuffer(4);
    const count = new Int32Array(answered);
    port.on('message', (question: Question) => {
      void answer(question);
    });
    const answer = async (question: Question): Promise<void> => {
      port.postMessage(await operations.answer(question));
      Atomics.add(count, 0, 1);
      Atomics.notify(count, 0);
    };
    const names = tree.fs.writer?.names;
    const want = (names === undefined ? WANT.readOnly : 0) | (names?.caseSensitive === false ? WANT.caseInsensitive : 0);
    const workerData: ThreadData = { library, at, options: optionsOf(title), want, port: port2, answered };
    this.#thread = new Worker(thread, { workerData, transferList: [port2], execArgv: [], trackUnmanagedFds: false });
    let asked: (() => void) | undefined;
    const begun = new Promise<void>((resolve) => { asked = resolve; });
    this.ended = new Promise<MountEnd>((resolve) => {
      let end: MountEnd = { how: 'failed', message: 'The thread that serves the drive ended' };
      this.#thread.on('message', (told: Told) => {
        if (told.told === 'ready') asked!();
        else if (told.told === 'failed') end = { how: 'failed', message: told.message };
        else end = told.status === 0 ? { how: 'unmounted' } : { how: 'failed', message: `WinFsp could not mount ${at}` };
      });
      this.#thread.on('error', (error) => { end = { how: 'failed', message: (error as Error).message }; });
      this.#thread.on('exit', () => {
        port.close();
        void this.#tree.close().then(() => resolve(end), (error: Error) => resolve({ how: 'failed', message: error.message }));
      });
    });
    this.ready = this.#untilThere(begun, drives);
    // Told by whoever awaits it; and by `ended`.
    this.ready.catch(() => {});
  }

  stats(): MountStats {
    return this.#tree.stats;
  }

  /** Windows tells nobody but the driver. */
  users(): Promise<readonly []> {
    return Promise.resolve([]);
  }

  async unmount({ lazy = false }: { readonly lazy?: boolean } = {}): Promise<void> {
    const { open } = this.#tree.stats;
    if (!lazy && open > 0 && !this.#leaving) throw new DiskError({ kind: 'busy' }, `${open === 1 ? 'A file is' : `${open} files are`} open on ${this.at}`, 'Close the programs that use it.');
    this.#leave();
    const { how, message } = await this.ended;
    if (how === 'failed') throw failed(message!);
  }

  #leave(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#thread.postMessage('exit' satisfies Order, []);
  }

  async #untilThere(begun: Promise<void>, drives: () => string): Promise<void> {
    let end: MountEnd | undefined;
    void (async () => { end = await this.ended; })();
    await Promise.race([begun, this.ended]);
    for (const until = Date.now() + MOUNTED_WITHIN; !drives().includes(this.at[0]!);) {
      if (end !== undefined) throw failed(end.message ?? `${this.at} was taken away before it could be used`);
      if (Date.now() > until) {
        this.#leave();
        throw new DiskError({ kind: 'timeout', ms: MOUNTED_WITHIN }, `The drive ${this.at} did not come`);
      }
      await new Promise((resolve) => { setTimeout(resolve, LOOK); });
    }
  }
}

function failed(message: string): DiskError {
  return new DiskError({ kind: 'io' }, message, 'clutch install --force installs WinFsp anew.');
}
