import type { DirEntry, FileSystem } from '../../../engines/core/filesystem.ts';
import type { Frame } from './frame.ts';
import { makePlainFile, PlainFiles } from './plain-file.ts';
import type { Target, TargetOptions } from './target.ts';
import { type LinuxFolder, LinuxTarget } from './target-linux.ts';
import { WriterThread } from './writer-thread.ts';

/** Plain files that are made at once, in number and bytes. */
const BATCH = 64;
const BATCH_BYTES = 4 * 1024 * 1024;

/** Plain files after which a second thread pays for its start. */
const THREAD_AFTER = 64;

/**
 * Makes the plain files of an extraction in batches: in a second thread while it has room, else at once. A folder with batches out is
 * finished when they are back; `settle` and `settleAll` do that between two entries of the first thread.
 */
export class PlainBatches {
  readonly #target: Target;
  readonly #options: TargetOptions;
  readonly #made: (bytes: number) => void;
  readonly #plain: PlainFiles | undefined;
  /** Folders whose contents were waited for and are there. */
  readonly #filled: Frame[] = [];
  #thread: WriterThread | undefined;
  #count = 0;

  /** @param made told of each file that is there, with the bytes copied */
  constructor(fs: FileSystem, target: Target, options: TargetOptions, made: (bytes: number) => void) {
    this.#plain = PlainFiles.of(fs, target);
    this.#target = target;
    this.#options = options;
    this.#made = made;
  }

  /** Keeps a plain file of a new folder for the folder's next batch. @returns false for everything else */
  add(frame: Frame, entry: DirEntry): boolean {
    if (this.#plain === undefined || !frame.fresh) return false;
    const file = this.#plain.recognise(entry);
    if (file === undefined) return false;
    frame.plain.push({ file, entry });
    frame.plainBytes += file.size;
    if (frame.plain.length >= BATCH || frame.plainBytes >= BATCH_BYTES) this.flush(frame);
    return true;
  }

  /** Makes, or has made, what was kept for a folder. What fails stands in its `again` when it is back. */
  flush(frame: Frame): void {
    const batch = frame.plain.splice(0);
    if (this.#plain === undefined || batch.length === 0) return;
    frame.plainBytes = 0;
    const files = batch.map(({ file }) => file);
    const settled = (failed: readonly number[], lost: boolean): void => {
      const missing = new Set(failed);
      batch.forEach(({ file, entry }, i) => {
        if (!missing.has(i)) {
          this.#made(file.runs.reduce((sum, number, at) => (at % 3 === 2 ? sum + number : sum), 0));
          return;
        }
        // A thread that died may have left a part of it.
        if (lost && this.#target.look(frame.folder, file.name)?.type === 'file') this.#target.remove(frame.folder, file.name, 'file');
        frame.again.push(entry);
      });
    };
    if ((this.#count += files.length) >= THREAD_AFTER && this.#target instanceof LinuxTarget) this.#thread ??= WriterThread.start(this.#options);
    if (this.#thread?.hasRoom) {
      frame.out++;
      this.#thread.post(this.#plain.fd, frame.folder as LinuxFolder, files, (failed, lost) => {
        settled(failed, lost);
        this.#back(frame);
      });
    } else {
      settled(files.flatMap((file, i) => (makePlainFile(this.#target, frame.folder, this.#plain!.fd, file) ? [] : [i])), false);
    }
  }

  /** Runs `finish` when all in a folder is made: now, or when what is out comes back. The folder above waits for it. */
  async whenMade(frame: Frame, above: Frame, finish: () => Promise<void>): Promise<void> {
    if (frame.out === 0) {
      await finish();
      return;
    }
    above.out++;
    frame.finish = () => finish().finally(() => this.#back(above));
  }

  /** Finishes the folders whose contents have come to be there meanwhile. */
  async settle(): Promise<void> {
    for (let frame = this.#filled.shift(); frame; frame = this.#filled.shift()) await frame.finish!();
  }

  /** Waits for everything that the second thread has. */
  async settleAll(): Promise<void> {
    await this.settle();
    while (this.#thread && !this.#thread.isIdle) {
      await this.#thread.next();
      await this.settle();
    }
  }

  /** Ends the second thread; what it has not begun is given back, and the folders get their properties. */
  async close(): Promise<void> {
    this.#thread?.stop();
    try {
      await this.settleAll();
    } finally {
      await this.#thread?.close();
    }
  }

  #back(frame: Frame): void {
    if (--frame.out === 0 && frame.finish) this.#filled.push(frame);
  }
}
