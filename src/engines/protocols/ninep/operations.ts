import { usage } from '../../core/errors.ts';
import type { EntryType } from '../../core/filesystem.ts';
import type { Name } from '../../core/names.ts';
import { broken } from './codec.ts';
import type { NinepClient } from './client.ts';
import { type Qid, QID_TYPE } from './messages.ts';

/** What a server says of a file, in our units, whichever dialect it speaks. */
export interface Attributes {
  readonly qid: Qid;
  readonly type: EntryType;
  /** 12 bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  /** Bytes. */
  readonly size: number;
  /** Bytes. */
  readonly allocated: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  readonly atime: bigint;
  readonly ctime: bigint;
  readonly btime?: bigint;
  readonly device?: Device;
}

export interface Device {
  readonly major: number;
  readonly minor: number;
}

/** What may be set; what is left out stays. Times in nanoseconds since 1970. */
export interface SetAttributes {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly mtime?: bigint;
  readonly atime?: bigint;
}

/** Room of the filesystem, in bytes and inodes. */
export interface Space {
  readonly blockSize: number;
  readonly size: number;
  readonly free: number;
  readonly inodes?: { readonly total: number; readonly free: number };
  /** Longest name, in bytes. */
  readonly longestName: number;
}

/** An entry of a directory. "." and ".." are left out. */
export interface RemoteEntry {
  readonly name: Name;
  readonly qid: Qid;
  readonly type: EntryType | undefined;
}

/** What one request of a listing gave. */
export interface RemoteBatch {
  readonly entries: readonly RemoteEntry[];
  /** Where it goes on; undefined at the end. */
  readonly next: bigint | undefined;
}

export interface RemoteXattrs {
  /** @param fid a file's own, which stays as it is @throws usage ENOTSUP where the filesystem keeps none */
  list(fid: number): Promise<readonly Name[]>;
  get(fid: number, name: Name): Promise<Uint8Array>;
  /** @param how bits of XATTR @throws unsupported for an empty value, which 9P takes for a removal */
  set(fid: number, name: Name, value: Uint8Array, how: number): Promise<void>;
  remove(fid: number, name: Name): Promise<void>;
}

/**
 * What a dialect can do, by fids. Whoever calls knows the types of the files: nothing here is opened or changed through a symbolic link.
 * A `dir` is the fid of a directory that is not open and stays as it is.
 */
export interface Operations {
  attributes(fid: number): Promise<Attributes>;
  /** Opens the fid itself. @returns the server's iounit in bytes, 0 for none */
  open(fid: number, how: 'read' | 'both' | 'directory'): Promise<number>;
  /** @param fid an open directory @param at 0, or where an earlier batch said */
  entries(fid: number, at: bigint): Promise<RemoteBatch>;
  readlink(fid: number): Promise<Name>;
  /** @param fid a directory's fid of its own: afterwards it is the new file, open for reading and writing */
  create(fid: number, name: Name, mode: number): Promise<{ readonly qid: Qid; readonly iounit: number }>;
  mkdir(dir: number, name: Name, mode: number): Promise<Qid>;
  symlink(dir: number, name: Name, target: Name): Promise<Qid>;
  mknod(dir: number, name: Name, type: EntryType, mode: number, device: Device): Promise<Qid>;
  link(dir: number, name: Name, fid: number): Promise<void>;
  remove(dir: number, name: Name, isDirectory: boolean): Promise<void>;
  rename(fromDir: number, from: Name, toDir: number, to: Name): Promise<void>;
  set(fid: number, changes: SetAttributes): Promise<void>;
  /** @param fid an open file or directory */
  sync(fid: number): Promise<void>;
  /** undefined in a dialect that does not tell. */
  space(fid: number): Promise<Space | undefined>;
  readonly xattrs?: RemoteXattrs;
  /** Whether times have nanoseconds; else whole seconds of 32 bits. */
  readonly nanoseconds: boolean;
}

/**
 * Walks to a new fid. Names are looked at before: none is "..", and the server sees at most 16 of them.
 * @throws usage ENOENT when a name is not there
 */
export async function walk(client: NinepClient, from: number, wnames: readonly Name[]): Promise<{ readonly fid: number; readonly qids: readonly Qid[] }> {
  const newfid = client.takeFid();
  let wqids: readonly Qid[];
  try {
    ({ wqids } = await client.call('Twalk', { fid: from, newfid, wnames }, {
      // Given up and done all the same: the fid is there and nobody has it.
      late: (answered) => { if (answered) void client.clunk(newfid); else client.freeFid(newfid); },
    }));
  } catch (error) {
    if (!isGivenUp(error)) client.freeFid(newfid);
    throw error;
  }
  if (wqids.length > wnames.length) throw broken(`Rwalk has ${wqids.length} qids for ${wnames.length} names`);
  if (wqids.length < wnames.length) {
    // Only a walk of all its names makes the new fid (walk(5)).
    client.freeFid(newfid);
    throw usage(wqids.length === 0 || ((wqids.at(-1)!.type & QID_TYPE.dir) !== 0) ? 'ENOENT' : 'ENOTDIR', `There is no ${wnames[wqids.length]}`);
  }
  return { fid: newfid, qids: wqids };
}

/** Requests that were given up tell `late` what became of them. */
function isGivenUp(error: unknown): boolean {
  const kind = (error as { kind?: string }).kind;
  return kind === 'timeout' || kind === 'cancelled';
}

/** A size or count of the other side as a number. @throws usage EOVERFLOW beyond 2^53 */
export function safe(value: bigint, what: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw usage('EOVERFLOW', `${what} of ${value} is more than can be handled`);
  return Number(value);
}

/** Whether an entry's name can be one; "." and ".." are left out before. @throws DiskError corrupt for a name that could lead elsewhere */
export function checkEntryName(name: Name): void {
  if (name === '' || name.includes('/') || name.includes('\0')) throw broken('a directory entry whose name is none');
}
