import type { TarBytes, TarMember } from '../../engines/archives/tar/reader.ts';
import { TarReader } from '../../engines/archives/tar/reader.ts';
import { type DiskError, isDiskError, toDiskError, usage } from '../../engines/core/errors.ts';
import type { FileSystem, NodeId } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { displayName, type Name } from '../../engines/core/names.ts';
import type { Changes, NewNode, Writer } from '../../engines/core/writer.ts';
import type { JobSummary } from '../../shared/contract/rows.ts';
import { putWhole } from './put/put-whole.ts';

/** Bytes that are written at once: long enough for a file's blocks to lie together. */
const BUFFER = 1024 * 1024;

/** Directories whose nodes are remembered by path. */
const KNOWN_DIRECTORIES = 10_000;

/** A filesystem that can be written to. */
export type WritableFileSystem = FileSystem & { readonly writer: Writer };

/**
 * Unpacks a tar into a folder of an image: contents with their holes, modes, owners, nanosecond times, extended attributes and ACLs, hard links,
 * symlinks, devices. What is there under a member's name is replaced, folders are merged. A member that can't be made is logged, and the rest goes on;
 * names never lead out of the folder: "..", absolute paths and symlinks on the way are refused.
 * @throws DiskError corrupt where the archive is damaged, ENOSPC, cancelled; what was unpacked until then is whole
 */
export async function untar(fs: WritableFileSystem, folder: NodeId, bytes: TarBytes, job: JobContext): Promise<JobSummary> {
  return new Unpacking(fs, folder, job).run(new TarReader(bytes));
}

class Unpacking {
  readonly #fs: WritableFileSystem;
  readonly #folder: NodeId;
  readonly #job: JobContext;
  readonly #buffer = new Uint8Array(BUFFER);
  readonly #known = new Map<Name, NodeId>();
  /** What folders are to have when all in them is made: making it changes their times. In order of the archive. */
  readonly #folders = new Map<NodeId, Changes>();
  readonly #summary: { -readonly [K in keyof JobSummary]: JobSummary[K] } = { files: 0, directories: 0, bytes: 0, skipped: 0, problems: 0 };

  constructor(fs: WritableFileSystem, folder: NodeId, job: JobContext) {
    this.#fs = fs;
    this.#folder = folder;
    this.#job = job;
  }

  async run(reader: TarReader): Promise<JobSummary> {
    for (let member = await reader.next(); member !== undefined; member = await reader.next()) {
      try {
        await this.#make(member, reader);
      } catch (error) {
        this.#failed(member.path, error);
      }
      const pause = this.#job.breathe();
      if (pause) {
        this.#job.report({ done: this.#summary.bytes, unit: 'bytes', now: displayName(member.path.slice(0, 4096)) });
        await pause;
      }
    }
    for (const [node, changes] of [...this.#folders].toReversed()) await this.#fs.writer.change(node, changes);
    await this.#fs.writer.sync();
    this.#job.report({ done: this.#summary.bytes, unit: 'bytes' });
    return this.#summary;
  }

  async #make(member: TarMember, reader: TarReader): Promise<void> {
    const { type, lost } = member;
    for (const what of lost) this.#lost(member.path, `not kept: ${what}`);
    const parts = partsOf(member.path);
    const name = parts.pop();
    if (name === undefined) {
      // "./": the folder itself.
      if (type === 'dir') await this.#dress(this.#folder, member, true);
      return;
    }
    const dir = await this.#directory(parts);
    if (type === 'dir') return this.#makeDirectory(dir, name, [...parts, name].join('/'), member);
    if (type === 'link') {
      const target = await this.#find(member.target ?? '');
      await this.#clear(dir, name, target);
      if ((await this.#fs.lookup(dir, name)) !== target) await this.#fs.writer.link(dir, name, target);
      this.#summary.files++;
      return;
    }
    const small = await this.#readSmall(member, reader);
    let put = false;
    const node = await this.#createAnew(dir, name, async () => {
      const whole = small === undefined ? undefined : putWhole(this.#fs.writer, dir, name, newNode(member), small);
      const made = whole instanceof Promise ? await whole : whole;
      put = made !== undefined;
      return made ?? this.#create(dir, name, member);
    });
    if (type === 'file' && !put) await (small === undefined ? this.#fill(node, member, reader) : this.#write(node, 0, small));
    await this.#dress(node, member, type === 'file' && !put);
    this.#summary.files++;
  }

  /** Most names are free: only one that is taken is looked at. */
  async #createAnew(dir: NodeId, name: Name, create: () => Promise<NodeId>): Promise<NodeId> {
    try {
      return await create();
    } catch (error) {
      if (!isDiskError(error) || error.fault.kind !== 'usage' || error.fault.errno !== 'EEXIST') throw error;
      await this.#clear(dir, name);
      return create();
    }
  }

  #create(dir: NodeId, name: Name, member: TarMember): NodeId | Promise<NodeId> {
    const { writer } = this.#fs;
    const made = newNode(member);
    switch (member.type) {
      case 'file': return writer.create(dir, name, made);
      case 'symlink': return writer.symlink(dir, name, member.target ?? '', made);
      case 'char': case 'block': return writer.mknod(dir, name, member.type, made, member.device ?? { major: 0, minor: 0 });
      case 'fifo': return writer.mknod(dir, name, 'fifo', made);
      default: throw usage('EINVAL', `A ${member.type} can't be made so`);
    }
  }

  async #makeDirectory(dir: NodeId, name: Name, path: Name, member: TarMember): Promise<void> {
    let node = await this.#fs.lookup(dir, name);
    if (node !== undefined && (await this.#fs.stat(node)).type !== 'dir') {
      await this.#fs.writer.unlink(dir, name);
      node = undefined;
    }
    node ??= await this.#fs.writer.mkdir(dir, name, newNode(member));
    this.#remember(path, node);
    await this.#dress(node, member, true);
    this.#summary.directories++;
  }

  /** Attributes, and what changed while it was filled. @param changed its times are to be set again */
  async #dress(node: NodeId, member: TarMember, changed: boolean): Promise<void> {
    for (const [name, value] of member.xattrs ?? []) {
      try {
        const done = this.#fs.writer.setXattr(node, name, value);
        if (done instanceof Promise) await done;
      } catch (error) {
        if (isFatal(error)) throw error;
        this.#lost(member.path, `attribute ${displayName(name)} not kept: ${toDiskError(error).message}`);
      }
    }
    if (!changed && member.xattrs === undefined) return;
    const { mode, uid, gid, mtime, atime } = member;
    const changes: Changes = { mode, uid, gid, mtime, atime: atime ?? mtime };
    if (member.type === 'dir') this.#folders.set(node, changes);
    else {
      const done = this.#fs.writer.change(node, changes);
      if (done instanceof Promise) await done;
    }
  }

  /** The contents of a file that is made in one operation: most are. Good until the next. */
  async #readSmall({ type, size, runs }: TarMember, reader: TarReader): Promise<Uint8Array | undefined> {
    if (type !== 'file' || size > BUFFER || runs !== undefined || this.#fs.writer.put === undefined) return undefined;
    for await (const { at, bytes } of reader.contents()) this.#buffer.set(bytes, at);
    this.#summary.bytes += size;
    return this.#buffer.subarray(0, size);
  }

  async #write(node: NodeId, at: number, bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const wrote = this.#fs.writer.write(node, at + done, bytes.subarray(done));
      const count = wrote instanceof Promise ? await wrote : wrote;
      if (count === 0) throw usage('ENOSPC', 'There is no space left');
      done += count;
    }
  }

  async #fill(node: NodeId, member: TarMember, reader: TarReader): Promise<void> {
    let filled = 0;
    let from = 0;
    const flush = async (): Promise<void> => {
      await this.#write(node, from, this.#buffer.subarray(0, filled));
      filled = 0;
    };
    for await (const { at, bytes } of reader.contents()) {
      if (at !== from + filled) await flush();
      if (filled === 0) from = at;
      for (let done = 0; done < bytes.length;) {
        const length = Math.min(bytes.length - done, BUFFER - filled);
        this.#buffer.set(bytes.subarray(done, done + length), filled);
        filled += length;
        done += length;
        if (filled < BUFFER) break;
        await flush();
        from = at + done;
      }
      this.#summary.bytes += bytes.length;
      const pause = this.#job.breathe();
      if (pause) {
        this.#job.report({ done: this.#summary.bytes, unit: 'bytes', now: displayName(member.path.slice(0, 4096)) });
        await pause;
      }
    }
    await flush();
    // A hole at the end is in no piece.
    if (member.runs !== undefined) await this.#fs.writer.truncate(node, member.size);
  }

  /** Takes away what has the name, unless it is the node that is to have it. */
  async #clear(dir: NodeId, name: Name, except?: NodeId): Promise<void> {
    const there = await this.#fs.lookup(dir, name);
    if (there === undefined || there === except) return;
    if ((await this.#fs.stat(there)).type === 'dir') throw usage('EISDIR', 'There is a folder of that name');
    await this.#fs.writer.unlink(dir, name);
  }

  /** The folder at a path, made where it is not there. */
  async #directory(parts: readonly Name[]): Promise<NodeId> {
    const path = parts.join('/');
    const known = parts.length === 0 ? this.#folder : this.#known.get(path);
    if (known !== undefined) return known;
    const parent = await this.#directory(parts.slice(0, -1));
    const name = parts.at(-1)!;
    let node = await this.#fs.lookup(parent, name);
    if (node === undefined) node = await this.#fs.writer.mkdir(parent, name, { mode: 0o755 });
    // A symlink made by an earlier member would lead the later ones elsewhere.
    else if ((await this.#fs.stat(node)).type !== 'dir') throw usage('ENOTDIR', `${displayName(name)} is no folder`);
    this.#remember(path, node);
    return node;
  }

  /** The node that an earlier member made. */
  async #find(path: Name): Promise<NodeId> {
    const parts = partsOf(path);
    const name = parts.pop();
    const node = name === undefined ? undefined : await this.#fs.lookup(await this.#directory(parts), name);
    if (node === undefined) throw usage('ENOENT', `It is a hard link to ${displayName(path)}, which is not there`);
    return node;
  }

  #remember(path: Name, node: NodeId): void {
    if (this.#known.size >= KNOWN_DIRECTORIES) this.#known.clear();
    this.#known.set(path, node);
  }

  #failed(path: Name, error: unknown): void {
    if (isFatal(error)) throw error;
    const failure: DiskError = toDiskError(error);
    this.#summary.problems++;
    this.#job.log({ level: 'error', path: displayName(path.slice(0, 4096)), message: failure.message, error: failure.toJSON() });
  }

  #lost(path: Name, message: string): void {
    this.#summary.problems++;
    this.#job.log({ level: 'warning', path: displayName(path.slice(0, 4096)), message });
  }
}

function newNode({ mode, uid, gid, mtime, atime }: TarMember): NewNode {
  return { mode, uid, gid, mtime, atime: atime ?? mtime };
}

/** @throws DiskError usage for a path that leads out of the folder */
function partsOf(path: Name): Name[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw usage('EINVAL', 'Its path leads out of the folder ("..")');
  return parts;
}

/** What a later member can't mend: the archive's own damage, a full or failing image, faults of ours. */
function isFatal(error: unknown): boolean {
  if (!isDiskError(error)) return true;
  const { fault } = error;
  return fault.kind !== 'usage' && fault.kind !== 'unsupported' || fault.kind === 'usage' && (fault.errno === 'ENOSPC' || fault.errno === 'EROFS');
}
