import type { FileSystem, Maybe, NodeId } from '../../core/filesystem.ts';
import { encodeName, type Name } from '../../core/names.ts';
import { GetattrIn, InHeader, INIT_FLAG, InitIn, MAJOR, MINOR, OP, ReadIn, ROOT_ID } from './layout.ts';
import { Nodes } from './nodes.ts';

/** Entries of folders that are looked at for a file. */
const MOST_LOOKED_AT = 200;

/** Places in the file that are read: no more of the disk, however often they are. */
const PLACES = 64;
const PAGE = 4096;

/** Requests that a kernel could make, and that change nothing. */
export interface WarmUp {
  /** The first one; it is answered with what was agreed on. */
  readonly init: Uint8Array;
  /** Looks at names and attributes, and reads at many places. */
  readonly others: readonly Uint8Array[];
}

/**
 * Requests for a server that nobody asks yet: the engine that runs this code compiles what it has seen often, and the first thousands of answers take it several times
 * as long as those that follow. Whoever serves a tree can have them behind him before a program comes.
 * @returns undefined for a tree that is written (a file would have to be opened), that does not answer at once, or that has no file near its root
 */
export function warmUpRequests(fs: FileSystem): WarmUp | undefined {
  if (fs.writer !== undefined) return undefined;
  const sample = findFile(fs);
  if (sample === undefined) return undefined;
  const others: Uint8Array[] = [];
  for (let i = 0; i < PLACES; i++) {
    others.push(readMessage(sample.id, Math.floor(sample.size * i / PLACES / PAGE) * PAGE));
    if (i % 2 === 0) others.push(i % 4 === 0 ? lookupMessage(sample.name) : message(OP.GETATTR, sample.id, GetattrIn.size));
  }
  return { init: initMessage(), others };
}

interface Sample {
  /** The kernel's number of it. */
  readonly id: number;
  /** Bytes. */
  readonly size: number;
  /** A name in the root. */
  readonly name: Name;
}

/** The largest file of those that are found first. */
function findFile(fs: FileSystem): Sample | undefined {
  const nodes = new Nodes(fs.root);
  const folders: NodeId[] = [fs.root];
  let left = MOST_LOOKED_AT;
  let found: Sample | undefined;
  let first: Name | undefined;
  for (const folder of folders) {
    const batch = atOnce(() => fs.list(folder));
    if (batch === undefined) return undefined;
    for (const { name, node, type } of batch.entries.slice(0, left)) {
      left--;
      first ??= name;
      if (type === 'dir') folders.push(node);
      if (type !== 'file') continue;
      const stat = atOnce(() => fs.stat(node));
      if (stat === undefined) return undefined;
      if (stat.size > (found?.size ?? 0)) found = { id: nodes.idOf(node), size: stat.size, name: first };
    }
    if (left <= 0) break;
  }
  return found;
}

/** @returns undefined for what comes later, or is wrong: whoever asks for it will be told */
function atOnce<T>(run: () => Maybe<T>): T | undefined {
  try {
    const value = run();
    if (!(value instanceof Promise)) return value;
    value.catch(() => {});
  } catch {
    // As above.
  }
  return undefined;
}

function message(opcode: number, id: number, length: number): Uint8Array {
  const bytes = new Uint8Array(InHeader.size + length);
  const header = InHeader.at(bytes);
  header.len = bytes.length;
  header.opcode = opcode;
  header.nodeid = id;
  return bytes;
}

function initMessage(): Uint8Array {
  const bytes = message(OP.INIT, 0, InitIn.size);
  const body = InitIn.at(bytes, InHeader.size);
  body.major = MAJOR;
  body.minor = MINOR;
  body.flags = INIT_FLAG.NO_OPEN_SUPPORT | INIT_FLAG.MAX_PAGES;
  return bytes;
}

function lookupMessage(name: Name): Uint8Array {
  const encoded = encodeName(name);
  const bytes = message(OP.LOOKUP, ROOT_ID, encoded.length + 1);
  bytes.set(encoded, InHeader.size);
  return bytes;
}

function readMessage(id: number, offset: number): Uint8Array {
  const bytes = message(OP.READ, id, ReadIn.size);
  const body = ReadIn.at(bytes, InHeader.size);
  body.offset = offset;
  body.size = PAGE;
  return bytes;
}
