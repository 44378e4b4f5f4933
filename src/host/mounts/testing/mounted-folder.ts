import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Errno, ioError, usage } from '../../../engines/core/errors.ts';
import type { Cursor, FileSystem, ListBatch, NodeId, Stat, VolumeInfo, Xattrs } from '../../../engines/core/filesystem.ts';
import type { Name } from '../../../engines/core/names.ts';
import type { Changes, NewNode, Writer } from '../../../engines/core/writer.ts';

type Said = { readonly answer: unknown } | { readonly errno: string; readonly message: string };
type Told = Readonly<Record<'root' | 'size' | 'free' | 'blockSize', number>>;

/**
 * A folder of this computer as a filesystem: what a mount is to other programs. A process of its own does all that is asked, for the one that serves a mount
 * must not touch it. It needs python3, which has the calls that Node has not.
 */
export class MountedFolder implements FileSystem {
  readonly root: NodeId;
  readonly info: VolumeInfo;
  readonly writer: Writer;
  readonly xattrs: Xattrs;
  readonly #helper: Helper;

  /** @param uid of the account that looks */
  static async open(path: string, uid?: number): Promise<MountedFolder> {
    const helper = new Helper(uid);
    const told = await helper.ask('root', path) as Told;
    return new MountedFolder(helper, told);
  }

  private constructor(helper: Helper, { root, ...space }: Told) {
    this.#helper = helper;
    this.root = root;
    this.info = { format: 'mounted', label: '', uuid: '', ...space, state: 'clean', features: [], details: [], access: { write: true, reason: '' } };
    this.xattrs = {
      list: (node) => this.#ask('xattrs', node),
      get: async (node, name) => bytesOf(await this.#ask<string | null>('xattr', node, name)),
    };
    this.writer = {
      names: { longest: 255, unit: 'bytes', forbidden: '', caseSensitive: true },
      create: (dir, name, node) => this.#make('create', dir, name, plain(node)),
      mkdir: (dir, name, node) => this.#make('mkdir', dir, name, plain(node)),
      symlink: (dir, name, target, node) => this.#make('symlink', dir, name, target, plain(node)),
      mknod: (dir, name, type, node, device) => this.#make('mknod', dir, name, type, plain(node), device?.major ?? 0, device?.minor ?? 0),
      link: (dir, name, node) => this.#ask('link', dir, name, node),
      unlink: (dir, name) => this.#ask('unlink', dir, name),
      rmdir: (dir, name) => this.#ask('rmdir', dir, name),
      rename: (fromDir, from, toDir, to, mode) => this.#ask('rename', fromDir, from, toDir, to, mode),
      write: (node, at, from) => this.#ask('write', node, at, Buffer.from(from).toString('base64')),
      truncate: (node, size) => this.#ask('truncate', node, size),
      allocate: (node, at, length, how) => this.#ask('allocate', node, at, length, how),
      change: (node, changes) => this.#ask('change', node, plain(changes)),
      setXattr: (node, name, value, how) => this.#ask('set_xattr', node, name, Buffer.from(value).toString('base64'), how === 'create' ? 1 : how === 'replace' ? 2 : 0),
      removeXattr: (node, name) => this.#ask('remove_xattr', node, name),
      hold: (node) => this.#ask('hold', node),
      release: (node) => this.#ask('release', node),
      sync: () => this.#ask('sync'),
    };
  }

  async lookup(dir: NodeId, name: Name): Promise<NodeId | undefined> {
    return await this.#ask<NodeId | null>('lookup', dir, name) ?? undefined;
  }

  async stat(node: NodeId): Promise<Stat> {
    const { mtime, atime, ctime, major, minor, ...rest } = await this.#ask<Record<'mtime' | 'atime' | 'ctime', string> & { major: number; minor: number } & Omit<Stat, 'mtime' | 'atime' | 'ctime' | 'node' | 'flags'>>('stat', node);
    const device = rest.type === 'char' || rest.type === 'block' ? { device: { major, minor } } : {};
    return { node, ...rest, mtime: BigInt(mtime), atime: BigInt(atime), ctime: BigInt(ctime), flags: [], ...device };
  }

  async list(dir: NodeId, cursor: Cursor = '0'): Promise<ListBatch> {
    const { entries, next } = await this.#ask<{ entries: { name: Name; node: NodeId; type: Stat['type'] | null }[]; next: string | null }>('list', dir, String(cursor));
    return { entries: entries.map(({ type, ...entry }) => ({ ...entry, type: type ?? undefined })), ...(next === null ? {} : { next }) };
  }

  async read(node: NodeId, at: number, into: Uint8Array): Promise<number> {
    const bytes = bytesOf(await this.#ask<string>('read', node, at, into.length))!;
    into.set(bytes);
    return bytes.length;
  }

  readlink(node: NodeId): Promise<Name> {
    return this.#ask('readlink', node);
  }

  close(): Promise<void> {
    return this.#helper.end();
  }

  async #ask<T>(operation: string, ...given: readonly unknown[]): Promise<T> {
    // What is no inode's number can't be asked for.
    if (operation !== 'sync' && !(Number.isInteger(given[0]) && (given[0] as number) > 0)) throw usage('ESTALE', `There is no node ${String(given[0])}`);
    return this.#helper.ask(operation, ...given) as Promise<T>;
  }

  async #make(operation: string, dir: NodeId, name: Name, ...more: readonly unknown[]): Promise<NodeId> {
    // These are paths to Linux, no names.
    if (name === '.' || name === '..' || /[/\0]/.test(name)) throw usage('EINVAL', `${JSON.stringify(name)} is no name`);
    return this.#ask(operation, dir, name, ...more);
  }
}

/** The process that does what is asked. */
class Helper {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (said: Said) => void>();
  #number = 0;
  #ended: string | undefined;

  constructor(uid: number | undefined) {
    this.#child = spawn('python3', [join(import.meta.dirname, 'mounted-folder.py')], {
      stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, PYTHONUTF8: '1', PATH: `/usr/bin:${process.env['PATH'] ?? ''}` }, ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    let said = '';
    this.#child.stderr!.on('data', (text: Buffer) => { said += text.toString(); });
    this.#child.stdin!.on('error', () => {});
    const end = (why: string): void => {
      this.#ended = why;
      for (const resolve of this.#waiting.values()) resolve({ errno: 'EIO', message: why });
      this.#waiting.clear();
    };
    this.#child.once('error', (error) => end(error.message));
    this.#child.once('close', () => end(`It was closed ${said}`));
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      const [number, answer] = JSON.parse(line) as [number, Said];
      this.#waiting.get(number)?.(answer);
      this.#waiting.delete(number);
    });
  }

  async ask(operation: string, ...given: readonly unknown[]): Promise<unknown> {
    if (this.#ended !== undefined) throw ioError(this.#ended);
    const number = this.#number++;
    const said = await new Promise<Said>((resolve) => {
      this.#waiting.set(number, resolve);
      this.#child.stdin!.write(`${JSON.stringify([number, operation, given])}\n`);
    });
    if (!('errno' in said)) return said.answer;
    if (said.errno === 'EIO') throw ioError(said.message);
    throw usage((said.errno === 'EOPNOTSUPP' ? 'ENOTSUP' : said.errno) as Errno, said.message);
  }

  end(): Promise<void> {
    if (this.#ended !== undefined) return Promise.resolve();
    this.#ended = 'It was closed';
    return new Promise((resolve) => {
      this.#child.once('close', () => resolve());
      this.#child.stdin!.end();
    });
  }
}

/** Times go as decimal digits: JSON has no numbers that long. */
function plain(changes: Changes | NewNode): object {
  const { mtime, atime, mode, uid, gid } = changes;
  return Object.fromEntries(Object.entries({ mode, uid, gid, mtime: mtime?.toString(), atime: atime?.toString() }).filter(([, value]) => value !== undefined));
}

function bytesOf(text: string | null): Uint8Array | undefined {
  return text === null ? undefined : new Uint8Array(Buffer.from(text, 'base64'));
}
