import { type BlockDevice, checkRange, type Extent } from '../../../engines/core/bytes/device.ts';
import { PAGE } from '../../../engines/core/bytes/pages.ts';
import type { Random } from '../../../engines/testing/fuzz/random.ts';
import type { Disk, DiskFile } from '../disk.ts';
import { SECTOR } from '../sectors.ts';

/** The image's name among the files of a simulated disk. */
const IMAGE = 'disk.img';

const ZEROS = new Uint8Array(PAGE);

/** Something that was asked of the disk, in order. */
type DiskEvent =
  | { readonly kind: 'write'; readonly file: string; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'sync'; readonly file: string }
  | { readonly kind: 'create' | 'remove'; readonly file: string }
  | { readonly kind: 'sync-folder' };

type Write = Extract<DiskEvent, { kind: 'write' }>;

/** What is on a disk: files by name. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** A computer's disk with an image and what lies beside it. It notes all that is asked of it, so that the power can be cut anywhere. */
export class SimulatedDisk implements Disk {
  readonly events: DiskEvent[] = [];
  /** Whether pages of zeros of the image are holes: else it has none. */
  sparse = true;
  readonly #files = new Map<string, Uint8Array>();

  constructor(files: Files) {
    for (const [name, bytes] of files) this.#files.set(name, Uint8Array.from(bytes));
  }

  static of(image: Uint8Array): SimulatedDisk {
    return new SimulatedDisk(new Map([[IMAGE, image]]));
  }

  /** The image, as whoever holds it open sees it. */
  get image(): BlockDevice {
    const { size } = this.#open(IMAGE);
    return {
      size, blockSize: 512,
      read: (at, into) => {
        checkRange({ size }, at, into.length);
        into.set(this.#files.get(IMAGE)!.subarray(at, at + into.length));
      },
      write: (at, from) => {
        checkRange({ size }, at, from.length);
        this.#write(IMAGE, at, from);
      },
      flush: () => { this.events.push({ kind: 'sync', file: IMAGE }); },
      holes: (at, length) => (this.sparse ? zeroPages(this.#files.get(IMAGE)!, at, length) : []),
      close() {},
    };
  }

  get imageBytes(): Uint8Array {
    return this.#files.get(IMAGE)!;
  }

  /** Names of the files beside the image. */
  get others(): readonly string[] {
    return [...this.#files.keys()].filter((name) => name !== IMAGE);
  }

  exists(path: string): boolean {
    return this.#files.has(path);
  }

  makeFolder(): void {}

  create(path: string): DiskFile {
    if (this.#files.has(path)) throw Object.assign(new Error('EEXIST'), { code: 'EEXIST' });
    this.#files.set(path, new Uint8Array(0));
    this.events.push({ kind: 'create', file: path });
    return this.#open(path);
  }

  open(path: string): DiskFile {
    return this.#open(path);
  }

  remove(path: string): void {
    this.#files.delete(path);
    this.events.push({ kind: 'remove', file: path });
  }

  syncFolder(): void {
    this.events.push({ kind: 'sync-folder' });
  }

  #open(path: string): DiskFile {
    const bytes = (): Uint8Array => this.#files.get(path)!;
    return {
      get size() { return bytes().length; },
      read: (at, into) => into.set(bytes().subarray(at, at + into.length)),
      write: (at, from) => { this.#write(path, at, from); },
      sync: () => { this.events.push({ kind: 'sync', file: path }); },
      close() {},
    };
  }

  #write(file: string, at: number, from: Uint8Array): void {
    // Not slice(): that of a Buffer is a view, and the buffer is used again.
    this.events.push({ kind: 'write', file, at, bytes: Uint8Array.from(from) });
    this.#files.set(file, written(this.#files.get(file)!, at, from));
  }
}

/**
 * What could be on a disk after the power went. What was synced is there; of the rest, any writes are, or are not, or only some of their
 * sectors; names come and go in their order, and may be behind.
 * @param before what was on the disk at first
 * @param count events before the cut
 * @param plain all that was asked is there: the plain prefix
 */
export function cutPower(before: Files, events: readonly DiskEvent[], count: number, dice: Random, plain: boolean): Files {
  const files = new Map<string, Uint8Array>([...before].map(([name, bytes]) => [name, Uint8Array.from(bytes)]));
  const names = new Set(before.keys());
  const pending = new Map<string, Write[]>();
  let renames: { readonly kind: 'create' | 'remove'; readonly file: string }[] = [];
  const settleNames = (most: number): void => {
    for (const { kind, file } of renames.slice(0, most)) {
      if (kind === 'create') names.add(file);
      else names.delete(file);
    }
  };
  for (const event of events.slice(0, count)) {
    switch (event.kind) {
      case 'write':
        if (!pending.has(event.file)) pending.set(event.file, []);
        pending.get(event.file)!.push(event);
        break;
      case 'sync':
        for (const { at, bytes } of pending.get(event.file) ?? []) files.set(event.file, written(files.get(event.file) ?? new Uint8Array(0), at, bytes));
        pending.delete(event.file);
        break;
      case 'sync-folder':
        settleNames(renames.length);
        renames = [];
        break;
      default:
        renames.push(event);
    }
  }
  // Mostly lost, mostly there, or half and half: each finds other faults.
  const chance = plain ? 100 : dice.pick([10, 50, 90]);
  for (const [file, writes] of pending) {
    for (const { at, bytes } of writes) {
      if (plain || !dice.oneIn(4)) {
        if (dice.below(100) < chance) files.set(file, written(files.get(file) ?? new Uint8Array(0), at, bytes));
        continue;
      }
      for (let from = 0; from < bytes.length;) {
        // Sectors of the file, wherever in one the write begins.
        const to = Math.min(bytes.length, from + SECTOR - ((at + from) % SECTOR));
        if (dice.below(100) < chance) files.set(file, written(files.get(file) ?? new Uint8Array(0), at + from, bytes.subarray(from, to)));
        from = to;
      }
    }
  }
  settleNames(plain ? renames.length : dice.below(renames.length + 1));
  return new Map([...names].map((name) => [name, files.get(name) ?? new Uint8Array(0)]));
}

/** A file after a write, which may make it longer. */
function written(file: Uint8Array, at: number, bytes: Uint8Array): Uint8Array {
  const longer = at + bytes.length > file.length ? new Uint8Array(at + bytes.length) : file;
  if (longer !== file) longer.set(file);
  longer.set(bytes, at);
  return longer;
}

/** Pages of zeros are holes, as in a file that was never written to there. */
function* zeroPages(bytes: Uint8Array, at: number, length: number): Iterable<Extent> {
  for (let from = at; from < at + length;) {
    const to = Math.min(at + length, (Math.floor(from / PAGE) + 1) * PAGE);
    if (Buffer.compare(bytes.subarray(from, to), ZEROS.subarray(0, to - from)) === 0) yield { at: from, length: to - from };
    from = to;
  }
}
