import { closeSync, constants, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { decodeName, type Name } from '../../../engines/core/names.ts';
import { libc } from '../../native/libc.ts';
import { attributeNames, pathTo } from './host-path.ts';
import { type Extra, FACTS, type FromReader, type Listing, MOST_CONTENTS, NO_CONTENTS, NO_LISTING, NUMBERS, PIECE, type ReaderData, type ToReader, WAITING, WALK } from './read-ahead.ts';

/**
 * The program of the thread that reads ahead: walks a folder of this computer as a copy does, and sends what it finds in pieces, contents of
 * small files with it. What it can't read it leaves out: the first thread reads that itself, and tells what is wrong with it.
 */
const { shared } = workerData as ReaderData;
const port = parentPort!;
const calls = libc();

/** Entries a piece at most. */
const MOST_ENTRIES = 256;
/** Pieces that are under way: what is read ahead at most. */
const MOST_PIECES = 8;

const S_IFMT = 0o170000;
const [S_IFREG, S_IFDIR, S_IFLNK] = [0o100000, 0o040000, 0o120000];

/** Pieces that came back. */
const spare: ArrayBuffer[] = [];
let made = 0;
let wake: (() => void) | undefined;
/** Files of several names whose contents were sent, by device and inode. */
const linked = new Set<string>();

/** A folder that is being walked. */
interface Level {
  readonly path: Buffer;
  readonly listing: number;
  readonly names: readonly Buffer[];
  at: number;
}

/** The piece that is being filled. */
class Piece {
  readonly #walk: number;
  readonly #buffer: ArrayBuffer;
  readonly bytes: Uint8Array;
  readonly #numbers = new Float64Array(MOST_ENTRIES * NUMBERS);
  readonly #facts = new BigInt64Array(MOST_ENTRIES * FACTS);
  readonly #extras: Extra[] = [];
  readonly #listings: Listing[] = [];
  #count = 0;
  used = 0;

  constructor(walk: number, buffer: ArrayBuffer) {
    this.#walk = walk;
    this.#buffer = buffer;
    this.bytes = new Uint8Array(buffer);
  }

  get isEmpty(): boolean {
    return this.#count === 0 && this.#listings.length === 0;
  }

  get isFull(): boolean {
    return this.#count === MOST_ENTRIES;
  }

  list(listing: number, names: readonly Buffer[]): void {
    this.#listings.push({ before: this.#count, listing, names: names.map((name) => decodeName(name)).join('/') });
  }

  add(numbers: readonly number[], facts: readonly bigint[], extra: Omit<Extra, 'entry'> | undefined): void {
    this.#numbers.set(numbers, this.#count * NUMBERS);
    this.#facts.set(facts, this.#count * FACTS);
    if (extra !== undefined) this.#extras.push({ entry: this.#count, ...extra });
    this.#count++;
  }

  send(last: boolean): void {
    const message: FromReader = { walk: this.#walk, count: this.#count, numbers: this.#numbers, facts: this.#facts, extras: this.#extras, listings: this.#listings, contents: this.#buffer, last };
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port, no window
    port.postMessage(message, [this.#numbers.buffer, this.#facts.buffer, this.#buffer]);
  }
}

/** A piece to be filled, as soon as there is room for one. */
async function newPiece(walk: number): Promise<Piece> {
  if (spare.length === 0 && made < MOST_PIECES) {
    made++;
    spare.push(new ArrayBuffer(PIECE));
  }
  while (spare.length === 0) await new Promise<void>((resolve) => { wake = resolve; });
  return new Piece(walk, spare.pop()!);
}

async function walkFolder(walk: number, path: Buffer): Promise<void> {
  let piece = await newPiece(walk);
  let listings = 0;
  const stack: Level[] = [];
  const enter = (folder: Buffer, names: readonly Buffer[]): void => {
    piece.list(listings, names);
    stack.push({ path: folder, listing: listings++, names, at: 0 });
  };
  const top = namesIn(path);
  if (top !== undefined) enter(path, top);
  for (let level = stack.at(-1); level !== undefined && Atomics.load(shared, WALK) === walk; level = stack.at(-1)) {
    if (level.at === level.names.length) {
      stack.pop();
      continue;
    }
    const index = level.at++;
    const found = look(pathTo(level.path, level.names[index]!));
    if (found === undefined) continue;
    const room = found.toRead <= piece.bytes.length - piece.used;
    if (piece.isFull || !room || (Atomics.load(shared, WAITING) !== 0 && !piece.isEmpty)) {
      piece.send(false);
      piece = await newPiece(walk);
    }
    let contents = NO_CONTENTS;
    if (found.toRead > 0 && readWhole(found.path, piece.bytes.subarray(piece.used, piece.used + found.toRead))) {
      contents = piece.used;
      piece.used += found.toRead;
    }
    const names = found.isFolder ? namesIn(found.path) : undefined;
    piece.add([level.listing, index, names === undefined ? NO_LISTING : listings, contents, ...found.numbers], found.facts, found.extra);
    if (names !== undefined) enter(found.path, names);
  }
  piece.send(true);
}

/** What is there, as far as it could be found out. */
interface Found {
  readonly path: Buffer;
  readonly isFolder: boolean;
  /** Bytes of its contents that are to be read. */
  readonly toRead: number;
  readonly numbers: readonly number[];
  readonly facts: readonly bigint[];
  readonly extra: Omit<Extra, 'entry'> | undefined;
}

function look(path: Buffer): Found | undefined {
  try {
    const { mode, uid, gid, size, nlink, blocks, mtimeNs, atimeNs, ctimeNs, birthtimeNs, dev, ino, rdev } = lstatSync(path, { bigint: true });
    const kind = Number(mode) & S_IFMT;
    const target = kind === S_IFLNK ? decodeName(readlinkSync(path, { encoding: 'buffer' })) : undefined;
    const xattrs = attributesOf(path);
    // A file with holes is asked for its data run by run.
    let isPlain = kind === S_IFREG && size <= MOST_CONTENTS && blocks * 512n >= size;
    if (isPlain && nlink > 1n) {
      const key = `${dev}:${ino}`;
      isPlain = !linked.has(key);
      linked.add(key);
    }
    return {
      path, isFolder: kind === S_IFDIR, toRead: isPlain ? Number(size) : 0,
      numbers: [Number(mode), Number(uid), Number(gid), Number(size), Number(nlink), Number(blocks)],
      facts: [mtimeNs, atimeNs, ctimeNs, birthtimeNs, dev, ino, rdev],
      extra: target === undefined && xattrs.length === 0 ? undefined : { ...(target === undefined ? {} : { target }), xattrs },
    };
  } catch {
    return undefined;
  }
}

/** @throws SystemError */
function attributesOf(path: Buffer): (readonly [Name, Uint8Array])[] {
  if (calls === undefined) return [];
  const found: (readonly [Name, Uint8Array])[] = [];
  for (const name of attributeNames(calls, path)) {
    const value = calls.getXattr(path, name);
    // A copy: what is sent must not bring its neighbours along.
    if (value !== undefined) found.push([name, Uint8Array.from(value)]);
  }
  return found;
}

function namesIn(path: Buffer): readonly Buffer[] | undefined {
  try {
    return readdirSync(path, { encoding: 'buffer' });
  } catch {
    return undefined;
  }
}

/** @returns whether all of `into` was filled */
function readWhole(path: Buffer, into: Uint8Array): boolean {
  try {
    const fd = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    try {
      let done = 0;
      for (let count = 1; count > 0 && done < into.length; done += count) count = readSync(fd, into, done, into.length - done, done);
      return done === into.length;
    } finally {
      closeSync(fd);
    }
  } catch {
    return false;
  }
}

let walking: Promise<void> = Promise.resolve();

port.on('message', ({ walk, path, contents }: ToReader) => {
  if (contents !== undefined) {
    spare.push(contents);
    wake?.();
  }
  if (walk === undefined || path === undefined) return;
  const before = walking;
  walking = (async () => {
    await before;
    await walkFolder(walk, Buffer.from(path));
  })();
});
