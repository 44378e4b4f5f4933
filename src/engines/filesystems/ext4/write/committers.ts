import type { BlockDevice } from '../../../core/bytes/device.ts';
import type { RedoLog } from '../../../core/probe.ts';
import { SUPERBLOCK_AT } from '../layout.ts';
import { withMountFlag } from './mount-flags.ts';
import type { Changed, Committer } from './transaction.ts';

/** Bytes that are written in one go at most, where blocks follow one another. */
const MOST_AT_ONCE = 1024 * 1024;

/** Writes blocks to their places, in ascending order, neighbours together. */
export function writeInPlace(device: BlockDevice, blockSize: number, changed: readonly Changed[]): void {
  for (const run of runs(changed, blockSize)) device.write!(run.at, run.bytes);
}

/** The changed blocks in ascending order, those that follow one another as one piece. */
function* runs(changed: readonly Changed[], blockSize: number): Iterable<{ readonly at: number; readonly bytes: Uint8Array }> {
  const sorted = changed.toSorted((a, b) => a.block - b.block);
  for (let from = 0; from < sorted.length;) {
    const first = sorted[from]!;
    let to = from + 1;
    while (to < sorted.length && sorted[to]!.block === first.block + to - from && (to - from + 1) * blockSize <= MOST_AT_ONCE) to++;
    if (to === from + 1) {
      yield { at: first.block * blockSize, bytes: first.bytes };
    } else {
      const bytes = new Uint8Array((to - from) * blockSize);
      for (let i = from; i < to; i++) bytes.set(sorted[i]!.bytes, (i - from) * blockSize);
      yield { at: first.block * blockSize, bytes };
    }
    from = to;
  }
}

/** Over an overlay: changed blocks go to their places. */
export class InPlaceCommitter implements Committer {
  readonly capacity = Infinity;
  readonly most = Infinity;
  readonly mostRevoked = Infinity;
  readonly #device: BlockDevice;
  readonly #blockSize: number;

  constructor(device: BlockDevice, blockSize: number) {
    this.#device = device;
    this.#blockSize = blockSize;
  }

  commit(changed: readonly Changed[]): void {
    writeInPlace(this.#device, this.#blockSize, changed);
    this.#device.flush?.();
  }

  close(): void {}
}

/** Without a journal, on a device that can lose power: the host's redo log makes a commit whole. */
export class RedoCommitter implements Committer {
  readonly capacity = Infinity;
  readonly most = Infinity;
  readonly mostRevoked = Infinity;
  readonly #device: BlockDevice;
  readonly #blockSize: number;
  readonly #redo: RedoLog;

  constructor(device: BlockDevice, blockSize: number, redo: RedoLog) {
    this.#device = device;
    this.#blockSize = blockSize;
    this.#redo = redo;
  }

  commit(changed: readonly Changed[]): void {
    // Contents of files first: nothing may name them before they are there.
    this.#device.flush?.();
    this.#write([...runs(changed, this.#blockSize)]);
  }

  close(): void {
    const bytes = withMountFlag(this.#device, 'valid', true);
    if (bytes !== undefined) this.#write([{ at: SUPERBLOCK_AT, bytes }]);
  }

  #write(writes: readonly { readonly at: number; readonly bytes: Uint8Array }[]): void {
    this.#redo.begin(writes);
    for (const { at, bytes } of writes) this.#device.write!(at, bytes);
    this.#device.flush?.();
    this.#redo.end();
  }
}
