import { toDiskError } from '../../../engines/core/errors.ts';
import type { DirEntry } from '../../../engines/core/filesystem.ts';
import { encodeName } from '../../../engines/core/names.ts';
import type { PathTree } from '../path-tree.ts';
import { decodeTimes, EINVAL, encodeStat, encodeStatvfs, ENOSYS, typeOf, windowsErrno } from './layout.ts';
import type { Question, Reply } from './messages.ts';

/** Bytes of one read at most: WinFsp asks for no more than a driver's buffer, 1 MiB. */
const MOST_READ = 16 << 20;

/** Names that a batch of a listing has at most. */
const BATCH = 4096;

/** Bits of setxattr's flags (XATTR_CREATE, XATTR_REPLACE). */
const HOW = [undefined, 'create', 'replace'] as const;

const DONE: Reply = { status: 0 };

/** Answers what WinFsp asks from a tree. Never rejects: an error is a number. */
export class Operations {
  readonly #tree: PathTree;
  readonly #listings = new Map<number, AsyncGenerator<readonly DirEntry[]>>();
  #next = 1;

  constructor(tree: PathTree) {
    this.#tree = tree;
  }

  async answer(question: Question): Promise<Reply> {
    try {
      return await this.#run(question);
    } catch (error) {
      return { status: -windowsErrno(toDiskError(error)) };
    }
  }

  async #run(asked: Question): Promise<Reply> {
    const tree = this.#tree;
    switch (asked.op) {
      case 'getattr': return { status: 0, bytes: encodeStat(await tree.stat(cleaned(asked.path), asked.handle), tree.info.blockSize) };
      case 'readlink': return { status: 0, bytes: encodeName(await tree.readlink(asked.path)) };
      case 'unlink': await tree.unlink(asked.path); return DONE;
      case 'rmdir': await tree.rmdir(asked.path); return DONE;
      case 'readdir': return this.#list(this.#next++, tree.list(asked.path));
      case 'more': return this.#list(asked.handle, this.#listings.get(asked.handle));
      case 'enough':
        await this.#listings.get(asked.handle)?.return(undefined);
        this.#listings.delete(asked.handle);
        return DONE;
      case 'listxattr': return tree.hasXattrs ? whole(encodeName((await tree.listXattrs(asked.path)).map((name) => `${name}\0`).join(''))) : { status: -ENOSYS };
      case 'getxattr': return tree.hasXattrs ? whole(await tree.getXattr(asked.path, asked.name)) : { status: -ENOSYS };
      case 'setxattr': await tree.setXattr(asked.path, asked.name, asked.value, HOW[asked.flags & 3]); return DONE;
      case 'removexattr': await tree.removeXattr(asked.path, asked.name); return DONE;
      case 'mkdir': await tree.mkdir(asked.path, { mode: asked.mode & 0o7777 }); return DONE;
      case 'mknod': return this.#mknod(asked);
      case 'symlink': await tree.symlink(asked.path, asked.to, { mode: 0o777 }); return DONE;
      case 'rename': await tree.rename(asked.path, asked.to); return DONE;
      case 'chmod': await tree.change(asked.path, { mode: asked.mode & 0o7777 }); return DONE;
      case 'truncate': await tree.truncate(asked.path, asked.size, asked.handle); return DONE;
      case 'utimens': {
        const now = BigInt(Date.now()) * 1_000_000n;
        const [atime, mtime] = asked.times === undefined ? [now, now] : decodeTimes(asked.times);
        await tree.change(asked.path, { atime, mtime });
        return DONE;
      }
      case 'create': return { status: 0, handle: await tree.create(asked.path, { mode: asked.mode & 0o7777 }) };
      case 'open': return { status: 0, handle: await tree.open(asked.path, (asked.flags & 3) !== 0) };
      case 'read': return this.#read(asked.handle, asked.at, Math.min(asked.length, MOST_READ));
      case 'write': return { status: await tree.write(asked.handle, asked.at, asked.data) };
      case 'release': await tree.release(asked.handle); return DONE;
      case 'fsync': await tree.sync(); return DONE;
      case 'statfs': return { status: 0, bytes: encodeStatvfs(tree.info, tree.names?.longest ?? 255) };
    }
  }

  async #read(handle: number, at: number, length: number): Promise<Reply> {
    const bytes = new Uint8Array(length);
    const read = await this.#tree.read(handle, at, bytes);
    return { status: read, bytes: bytes.subarray(0, read) };
  }

  async #mknod({ path, mode, device }: Extract<Question, { op: 'mknod' }>): Promise<Reply> {
    const type = typeOf(mode);
    if (type === undefined || type === 'dir' || type === 'symlink') return { status: -EINVAL };
    await this.#tree.mknod(path, type, { mode: mode & 0o7777 }, type === 'char' || type === 'block' ? { major: device >>> 16, minor: device & 0xffff } : undefined);
    return DONE;
  }

  /** The next names; an answer without names is the end. */
  async #list(handle: number, listing: AsyncGenerator<readonly DirEntry[]> | undefined): Promise<Reply> {
    const names: string[] = [];
    this.#listings.delete(handle);
    if (listing === undefined) return DONE;
    while (names.length < BATCH) {
      const { value, done } = await listing.next();
      if (done === true) break;
      for (const { name } of value) names.push(name);
    }
    if (names.length === 0) return DONE;
    this.#listings.set(handle, listing);
    return { status: 0, handle, names };
  }
}

function whole(bytes: Uint8Array): Reply {
  return { status: bytes.length, bytes };
}

/** WinFsp tries whether "/." is understood, and asks so then for what a link leads to: the folder itself. */
function cleaned(path: string): string {
  return path.endsWith('/.') ? path.slice(0, -2) : path;
}
