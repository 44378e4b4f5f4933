import { Worker } from 'node:worker_threads';
import { findBuilt } from '../../built.ts';
import type { PlainFile } from './plain-file.ts';
import type { TargetOptions } from './target.ts';
import type { LinuxFolder } from './target-linux.ts';

/** Batches that may wait for the thread, some milliseconds of its work. With more the first thread makes files itself. */
const MOST_WAITING = 16;

/** Batches whose answers were not heard yet: each keeps its folder open. */
const MOST_UNHEARD = 256;

/** Indexes in the shared numbers. Not 0 when the rest is no longer wanted; */
export const STOP = 0;
/** how many batches are made: the first thread looks at it between two turns of its event loop, in which answers arrive. */
export const MADE = 1;

/** What the thread is started with. */
export interface WriterData {
  readonly options: TargetOptions;
  /** Indexed by STOP and MADE. */
  readonly shared: Int32Array;
}

/** Plain files of one folder, packed: a structured clone of as many objects would take longer than to make the files. */
export interface Batch {
  readonly id: number;
  /** The host's file that holds their data. */
  readonly from: number;
  readonly folder: LinuxFolder;
  /** With "/" between them, which no name holds. */
  readonly names: string;
  /** A file: mode, uid, gid, size, count of run numbers, run numbers. */
  readonly numbers: Float64Array;
  /** A file: atime, mtime. */
  readonly times: BigInt64Array;
}

/** Which files of a batch were not made, by their place in it. */
export interface BatchResult {
  readonly id: number;
  readonly failed: readonly number[];
}

/** @param lost the thread is gone, and may have made some of them, or a part of one */
export type Settled = (failed: readonly number[], lost: boolean) => void;

/** The first thread's end of an extraction's second thread. */
export class WriterThread {
  readonly #worker: Worker;
  readonly #shared: Int32Array;
  readonly #waiting = new Map<number, { readonly count: number; readonly settled: Settled }>();
  #last = 0;
  #wake: (() => void) | undefined;
  #gone = false;

  private constructor(worker: Worker, shared: Int32Array) {
    this.#worker = worker;
    this.#shared = shared;
    worker.on('message', ({ id, failed }: BatchResult) => this.#settle(id, failed, false));
    // Without the thread the first one does it all.
    worker.on('error', () => this.#lose());
    worker.on('exit', () => this.#lose());
    worker.unref();
  }

  /** undefined where there is none to be had. */
  static start(options: TargetOptions): WriterThread | undefined {
    const shared = new Int32Array(new SharedArrayBuffer(8));
    try {
      return new WriterThread(new Worker(findBuilt().writer, { workerData: { options, shared } satisfies WriterData, execArgv: [], trackUnmanagedFds: false }), shared);
    } catch {
      return undefined;
    }
  }

  get hasRoom(): boolean {
    return !this.#gone && this.#last - Atomics.load(this.#shared, MADE) < MOST_WAITING && this.#waiting.size < MOST_UNHEARD;
  }

  get isIdle(): boolean {
    return this.#waiting.size === 0;
  }

  /** @param settled told once which of the files were not made */
  post(from: number, folder: LinuxFolder, files: readonly PlainFile[], settled: Settled): void {
    const id = ++this.#last;
    const numbers = new Float64Array(files.reduce((sum, file) => sum + 5 + file.runs.length, 0));
    const times = new BigInt64Array(files.length * 2);
    let at = 0;
    files.forEach((file, i) => {
      numbers[at++] = file.mode;
      numbers[at++] = file.uid;
      numbers[at++] = file.gid;
      numbers[at++] = file.size;
      numbers[at++] = file.runs.length;
      for (const number of file.runs) numbers[at++] = number;
      times[i * 2] = file.atime;
      times[i * 2 + 1] = file.mtime;
    });
    this.#waiting.set(id, { count: files.length, settled });
    this.#worker.postMessage({ id, from, folder, names: files.map((file) => file.name).join('/'), numbers, times } satisfies Batch, [numbers.buffer, times.buffer]);
  }

  /** Resolves when a batch has come back, or at once when none is out. */
  async next(): Promise<void> {
    if (this.isIdle) return;
    // While somebody waits for it, it keeps the process alive.
    this.#worker.ref();
    await new Promise<void>((resolve) => { this.#wake = resolve; });
    this.#worker.unref();
  }

  /** What waits is given back unmade. */
  stop(): void {
    Atomics.store(this.#shared, STOP, 1);
  }

  /** Ends the thread. Nothing may be out any more. */
  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(id: number, failed: readonly number[], lost: boolean): void {
    const batch = this.#waiting.get(id);
    this.#waiting.delete(id);
    batch?.settled(failed, lost);
    this.#wake?.();
  }

  #lose(): void {
    this.#gone = true;
    for (const [id, { count }] of this.#waiting) this.#settle(id, Array.from({ length: count }, (_, i) => i), true);
  }
}

/** What `post` packed. */
export function unpackFiles(names: string, numbers: Float64Array, times: BigInt64Array): PlainFile[] {
  let at = 0;
  return names.split('/').map((name, i) => {
    const [mode, uid, gid, size, length] = [numbers[at]!, numbers[at + 1]!, numbers[at + 2]!, numbers[at + 3]!, numbers[at + 4]!];
    at += 5 + length;
    return { name, mode, uid, gid, size, runs: [...numbers.subarray(at - length, at)], atime: times[i * 2]!, mtime: times[i * 2 + 1]! };
  });
}
