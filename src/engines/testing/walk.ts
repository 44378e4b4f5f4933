import { createHash } from 'node:crypto';
import { toDiskError } from '../core/errors.ts';
import type { DirEntry, FileSystem, NodeId, Stat } from '../core/filesystem.ts';
import { compareNames } from '../core/names.ts';

/** A line of `clutch walk --json`, and of the reference's answer. Paths, targets and names are lossless names. */
export interface WalkEntry {
  readonly path: string;
  readonly type?: string;
  /** Octal, at least four digits. */
  readonly mode?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Bytes. */
  readonly size?: number;
  readonly nlink?: number;
  /** Nanoseconds since 1970, decimal. */
  readonly mtime?: string;
  readonly target?: string;
  /** Name → value in hexadecimal. */
  readonly xattrs?: Readonly<Record<string, string>>;
  readonly sha256?: string;
  readonly error?: { readonly kind: string; readonly message: string };
}

/** Files above this many bytes are not hashed; kernel-walk.py has the same limit. */
const HASH_LIMIT = 2 ** 30;

/** Every entry of a filesystem with the hashes of its contents, in byte order of paths. */
export async function walk(fs: FileSystem): Promise<WalkEntry[]> {
  const entries: WalkEntry[] = [];
  const hashes = new Map<NodeId, Pick<WalkEntry, 'sha256'>>();
  const pending: { path: string; node: NodeId; above: readonly NodeId[] }[] = [{ path: '', node: fs.root, above: [] }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, node, above } = next;
    const entry: { -readonly [K in keyof WalkEntry]: WalkEntry[K] } = { path: path === '' ? '/' : path };
    entries.push(entry);
    try {
      const stat = await fs.stat(node);
      Object.assign(entry, describe(stat));
      const xattrs = await xattrsOf(fs, node);
      if (xattrs !== undefined) entry.xattrs = xattrs;
      if (stat.type === 'symlink') entry.target = await fs.readlink(node);
      if (stat.type === 'file' && stat.size <= HASH_LIMIT) {
        let hash = hashes.get(node);
        if (hash === undefined) hashes.set(node, hash = { sha256: await hashOf(fs, node) });
        Object.assign(entry, hash);
      }
      if (stat.type === 'dir') {
        if (above.includes(node)) entry.error = { kind: 'corrupt', message: 'the folder contains itself' };
        else for (const child of await listAll(fs, node)) pending.push({ path: `${path}/${child.name}`, node: child.node, above: [...above, node] });
      }
    } catch (error) {
      const failure = toDiskError(error);
      entry.error = { kind: failure.kind, message: failure.message };
    }
  }
  return entries.toSorted((a, b) => compareNames(a.path, b.path));
}

/** Every entry of a folder, batch by batch. */
export async function listAll(fs: FileSystem, dir: NodeId): Promise<DirEntry[]> {
  const entries: DirEntry[] = [];
  let batch = await fs.list(dir);
  for (;;) {
    entries.push(...batch.entries);
    if (batch.next === undefined) return entries;
    batch = await fs.list(dir, batch.next);
  }
}

/** A whole file's bytes. For files that are known to be small. */
export async function readAll(fs: FileSystem, node: NodeId): Promise<Uint8Array> {
  const bytes = new Uint8Array((await fs.stat(node)).size);
  let done = 0;
  while (done < bytes.length) {
    const count = await fs.read(node, done, bytes.subarray(done));
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

function describe(stat: Stat): Partial<WalkEntry> {
  return {
    type: stat.type, mode: stat.mode.toString(8).padStart(4, '0'), uid: stat.uid, gid: stat.gid,
    size: stat.size, nlink: stat.nlink, mtime: stat.mtime.toString(),
  };
}

async function xattrsOf(fs: FileSystem, node: NodeId): Promise<Record<string, string> | undefined> {
  const names = (await fs.xattrs?.list(node)) ?? [];
  if (names.length === 0) return undefined;
  const values: Record<string, string> = {};
  for (const name of names.toSorted(compareNames)) values[name] = Buffer.from((await fs.xattrs!.get(node, name)) ?? []).toString('hex');
  return values;
}

async function hashOf(fs: FileSystem, node: NodeId): Promise<string> {
  const hash = createHash('sha256');
  const chunk = new Uint8Array(1 << 20);
  for (let at = 0; ;) {
    const count = await fs.read(node, at, chunk);
    hash.update(chunk.subarray(0, count));
    if (count < chunk.length) return hash.digest('hex');
    at += count;
  }
}
