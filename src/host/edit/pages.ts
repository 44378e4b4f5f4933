import { tmpdir } from 'node:os';
import type { Backing } from '../../engines/core/bytes/device.ts';
import { PAGE, type PageStore } from '../../engines/core/bytes/pages.ts';
import { GatheredWrites } from '../sources/gathered-writes.ts';
import { ScratchFile } from '../sources/scratch.ts';

/** Changed pages in a temporary file, which is made when there is something to keep: gigabytes of changes stay out of memory. */
export class FilePages implements PageStore {
  #file: ScratchFile | undefined;
  readonly #writes = new GatheredWrites((at, from) => { this.#opened.write(at, from); });

  read(at: number, into: Uint8Array): void {
    // What waits to be written can be read also where the disk has no room for it.
    const held = this.#writes.read(at, into);
    const { from, to } = held ?? { from: into.length, to: into.length };
    if (from > 0) this.#opened.read(at, into.subarray(0, from));
    if (to < into.length) this.#opened.read(at + to, into.subarray(to));
  }

  write(at: number, from: Uint8Array): void {
    this.#writes.write(at, from);
  }

  backing(at: number, length: number): Backing | undefined {
    this.#writes.settle(at, length);
    return this.#opened.backing(at, length);
  }

  flush(): void {
    this.#writes.flush();
  }

  drop(at: number): void {
    this.#writes.forget(at, PAGE);
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  get #opened(): ScratchFile {
    return (this.#file ??= new ScratchFile(Number.MAX_SAFE_INTEGER, process.env.CLUTCH_SCRATCH ?? tmpdir(), 'the pending changes'));
  }
}
