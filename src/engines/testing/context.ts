import { ioError } from '../core/errors.ts';
import { type BlockDevice, checkRange } from '../core/bytes/device.ts';
import type { Note } from '../core/filesystem.ts';
import { jobContext, type JobNote, type Progress } from '../core/job.ts';
import type { OpenContext, ScratchDevice } from '../core/probe.ts';

/** An OpenContext that remembers what it was told. */
export interface TestContext extends OpenContext {
  readonly notes: Note[];
  readonly reports: Progress[];
  readonly log: JobNote[];
  /** Set it to cancel the job. */
  readonly signal: { aborted: boolean };
}

/** @param most bytes that one scratch device may take, whatever limit the opener names */
export function testContext(most = 64 * 1024 * 1024): TestContext {
  const notes: Note[] = [];
  const reports: Progress[] = [];
  const log: JobNote[] = [];
  const signal = { aborted: false };
  const job = jobContext({
    now: () => performance.now(),
    nextTurn: () => new Promise((resolve) => { setImmediate(resolve); }),
    signal,
    report: (progress) => { reports.push(progress); },
    log: (note) => { log.push(note); },
  });
  return { notes, reports, log, signal, job, note: (note) => { notes.push(note); }, scratch: (limit) => new SparseMemory(limit, most) };
}

const PAGE = 64 * 1024;

/** A scratch device in memory: pages that were never written take none. */
export class SparseMemory implements ScratchDevice {
  readonly blockSize = 512;
  readonly #limit: number;
  readonly #most: number;
  readonly #pages = new Map<number, Uint8Array>();
  #size = 0;

  /**
   * @param limit the highest size, in bytes
   * @param most bytes of memory
   */
  constructor(limit: number, most: number) {
    this.#limit = limit;
    this.#most = most;
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes of memory that it takes. */
  get allocated(): number {
    return this.#pages.size * PAGE;
  }

  read(at: number, into: Uint8Array): void {
    checkRange(this, at, into.length);
    this.#each(at, into.length, (number, inPage, done, length) => {
      const page = this.#pages.get(number);
      if (page === undefined) into.fill(0, done, done + length);
      else into.set(page.subarray(inPage, inPage + length), done);
    });
  }

  write(at: number, from: Uint8Array): void {
    if (at + from.length > this.#limit) throw ioError(`Write of ${from.length} bytes at ${at} is past the limit of ${this.#limit} bytes`);
    this.#each(at, from.length, (number, inPage, done, length) => {
      let page = this.#pages.get(number);
      if (page === undefined) {
        if (this.allocated >= this.#most) throw ioError('The scratch space is full');
        page = new Uint8Array(PAGE);
        this.#pages.set(number, page);
      }
      page.set(from.subarray(done, done + length), inPage);
    });
    this.#size = Math.max(this.#size, at + from.length);
  }

  finish(size: number): void {
    this.#size = size;
  }

  close(): void {
    this.#pages.clear();
  }

  #each(at: number, length: number, visit: (number: number, inPage: number, done: number, length: number) => void): void {
    for (let done = 0; done < length;) {
      const number = Math.floor((at + done) / PAGE);
      const inPage = at + done - number * PAGE;
      const part = Math.min(length - done, PAGE - inPage);
      visit(number, inPage, done, part);
      done += part;
    }
  }
}

/** Stands for a device whose size is all that matters: every byte is zero. */
export function zeros(size: number): BlockDevice {
  return { size, blockSize: 512, read(at, into) { checkRange({ size }, at, into.length); into.fill(0); }, close() {} };
}
