import { Agent, type IncomingMessage, request } from 'node:http';
import { type Errno, ioError, unsupported, usage } from '../../../engines/core/errors.ts';
import type { Cursor, DirEntry, FileSystem, ListBatch, NodeId, Stat, VolumeInfo } from '../../../engines/core/filesystem.ts';
import type { Name } from '../../../engines/core/names.ts';
import type { Changes, NewNode, Writer } from '../../../engines/core/writer.ts';
import { httpDate, parseHttpDate } from '../../../engines/protocols/webdav/dates.ts';
import { encodeSegment } from '../../../engines/protocols/webdav/paths.ts';
import { childOf, type Element, elementsOf, escapeXml, parseXml, textOf } from '../../../engines/protocols/webdav/xml.ts';

/** An answer of the server, whole. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

const PROPERTIES = '<?xml version="1.0"?><propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getlastmodified/><executable xmlns="http://apache.org/dav/props/"/></prop></propfind>';

/** What the server says of something, as far as WebDAV has words for it. */
interface Said {
  readonly isDirectory: boolean;
  readonly size: number;
  readonly mtime: bigint;
  readonly executable: boolean;
}

/**
 * A plain client: a WebDAV server as a filesystem. Nodes are paths here. Owners are nobody's, modes are what "executable" says, times are whole seconds;
 * links, attributes and files without a name are refused.
 */
export class WebdavClient implements FileSystem {
  readonly root: NodeId = 1;
  readonly info: VolumeInfo = { format: 'webdav', label: '', uuid: '', size: 0, free: 0, blockSize: 4096, state: 'clean', features: [], details: [], access: { write: true, reason: '' } };
  readonly writer: Writer;
  readonly #url: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });
  /** Paths begin with "/" and end without; the root's is empty. */
  readonly #paths = new Map<NodeId, string>([[1, '']]);
  readonly #ids = new Map<string, NodeId>([['', 1]]);
  #next = 2;
  #closed = false;

  /** @param url ends in "/" */
  constructor(url: string, headers: Readonly<Record<string, string>> = {}) {
    this.#url = new URL(url);
    this.#headers = headers;
    this.writer = {
      names: { longest: 255, unit: 'bytes', forbidden: '', caseSensitive: true },
      create: (dir, name, node) => this.#make(dir, name, node, 'PUT'),
      mkdir: (dir, name, node) => this.#make(dir, name, node, 'MKCOL'),
      symlink: refuse('symbolic links'), mknod: refuse('devices'), link: refuse('hard links'), setXattr: refuse('attributes'), removeXattr: refuse('attributes'), hold: refuse('holding'), release: refuse('holding'),
      unlink: (dir, name) => this.#remove(dir, name, false),
      rmdir: (dir, name) => this.#remove(dir, name, true),
      rename: (fromDir, from, toDir, to, mode) => this.#rename(fromDir, from, toDir, to, mode),
      write: (node, at, from) => this.#write(node, at, from),
      truncate: (node, size) => this.#truncate(node, size),
      change: (node, changes) => this.#change(node, changes),
      sync: async () => {},
    };
  }

  /** One request. @param path encoded already, from the root on */
  ask(method: string, path: string, headers: Readonly<Record<string, string>> = {}, body: Uint8Array | string = ''): Promise<Answer> {
    if (this.#closed) throw ioError('The client is closed');
    return new Promise((resolve, reject) => {
      const sent = request({
        host: this.#url.hostname, port: this.#url.port, method, path: `${this.#url.pathname.replace(/\/$/, '')}${path}`, agent: this.#agent,
        headers: { ...this.#headers, ...(body.length > 0 || method === 'PUT' ? { 'content-length': Buffer.byteLength(body) } : {}), ...headers },
      }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(parts) }));
        response.on('error', (error) => reject(ioError(error.message)));
      });
      sent.on('error', (error) => reject(ioError(error.message)));
      sent.end(body);
    });
  }

  async lookup(dir: NodeId, name: Name): Promise<NodeId | undefined> {
    const path = this.#path(dir);
    if (await this.#find(`${encoded(path)}/${encodeSegment(name)}`) !== undefined) return this.#id(`${path}/${name}`);
    if (!(await this.#said(dir)).isDirectory) throw usage('ENOTDIR', 'That is no folder');
    return undefined;
  }

  async stat(node: NodeId): Promise<Stat> {
    const { isDirectory, size, mtime, executable } = await this.#said(node);
    return { node, type: isDirectory ? 'dir' : 'file', mode: isDirectory || executable ? 0o755 : 0o644, uid: 0, gid: 0, size, nlink: 1, mtime, atime: mtime, ctime: mtime, allocated: size, flags: [] };
  }

  async list(dir: NodeId, _cursor?: Cursor): Promise<ListBatch> {
    const path = this.#path(dir);
    const answer = check(await this.ask('PROPFIND', `${encoded(path)}/`, { depth: '1' }, PROPERTIES));
    const entries: DirEntry[] = [];
    const own = `${this.#url.pathname.replace(/\/$/, '')}${encoded(path)}`;
    for (const { href, said } of responsesIn(answer.body)) {
      if (href.replace(/\/$/, '') === own) {
        if (!said.isDirectory) throw usage('ENOTDIR', 'That is no folder');
        continue;
      }
      const name = decoded(href.slice(own.length + 1).replace(/\/$/, ''));
      entries.push({ name, node: this.#id(`${path}/${name}`), type: said.isDirectory ? 'dir' : 'file' });
    }
    return { entries };
  }

  async read(node: NodeId, at: number, into: Uint8Array): Promise<number> {
    const path = encoded(this.#path(node));
    const answer = await this.ask('GET', path, { range: `bytes=${at}-${at + Math.max(into.length, 1) - 1}` });
    if (answer.status === 301 || path === '') throw usage('EISDIR', 'That is a folder');
    if (answer.status === 416) return 0;
    check(answer, 206);
    if (into.length === 0) return 0;
    into.set(answer.body);
    return answer.body.length;
  }

  readlink(node: NodeId): never {
    this.#path(node);
    throw usage('EINVAL', 'That is no link');
  }

  close(): void {
    this.#closed = true;
    this.#agent.destroy();
  }

  async #make(dir: NodeId, name: Name, node: NewNode, method: 'PUT' | 'MKCOL'): Promise<NodeId> {
    checkName(name);
    const path = `${this.#path(dir)}/${name}`;
    const answer = await this.ask(method, encoded(path), method === 'PUT' ? { 'if-none-match': '*' } : {});
    if (answer.status === 412 || method === 'MKCOL' && answer.status === 405) throw usage('EEXIST', `${name} is there`);
    check(answer, 201);
    const id = this.#id(path);
    await this.#change(id, node);
    return id;
  }

  async #remove(dir: NodeId, name: Name, isDirectory: boolean): Promise<void> {
    checkName(name);
    const path = `${this.#path(dir)}/${name}`;
    const said = await this.#find(encoded(path));
    if (said === undefined) throw usage('ENOENT', `${name} is not there`);
    if (said.isDirectory !== isDirectory) throw usage(isDirectory ? 'ENOTDIR' : 'EISDIR', `${name} is ${isDirectory ? 'no' : 'a'} folder`);
    if (isDirectory && (await this.list(this.#id(path))).entries.length > 0) throw usage('ENOTEMPTY', `${name} is not empty`);
    check(await this.ask('DELETE', encoded(path)), 204);
    this.#forget(path);
  }

  async #rename(fromDir: NodeId, from: Name, toDir: NodeId, to: Name, mode: string): Promise<void> {
    if (mode === 'exchange') throw unsupported('exchange', 'WebDAV exchanges no names');
    checkName(from);
    checkName(to);
    const [source, target] = [`${this.#path(fromDir)}/${from}`, `${this.#path(toDir)}/${to}`];
    if (source === target) return;
    const answer = await this.ask('MOVE', encoded(source), { destination: `${this.#url.origin}${this.#url.pathname.replace(/\/$/, '')}${encoded(target)}`, overwrite: mode === 'keep' ? 'F' : 'T' });
    if (answer.status === 412) throw usage('EEXIST', `${to} is there`);
    if (answer.status === 403) throw usage('EINVAL', 'A folder can\'t be moved into itself');
    check(answer, 201, 204);
    this.#forget(target);
    for (const [id, path] of Array.from(this.#paths)) {
      if (path !== source && !path.startsWith(`${source}/`)) continue;
      this.#ids.delete(path);
      this.#paths.set(id, `${target}${path.slice(source.length)}`);
      this.#ids.set(`${target}${path.slice(source.length)}`, id);
    }
  }

  async #write(node: NodeId, at: number, from: Uint8Array): Promise<number> {
    const path = this.#path(node);
    if (!Number.isSafeInteger(at) || at < 0) throw usage('EINVAL', `${at} is no offset`);
    if (from.length === 0) return 0;
    check(await this.ask('PUT', encoded(path), { 'content-range': `bytes ${at}-${at + from.length - 1}/*` }, from), 204);
    return from.length;
  }

  async #truncate(node: NodeId, size: number): Promise<void> {
    const old = new Uint8Array(size);
    await this.read(node, 0, old);
    check(await this.ask('PUT', encoded(this.#path(node)), {}, old), 204);
  }

  async #change(node: NodeId, { mtime, atime }: Changes): Promise<void> {
    const times = [['Win32LastModifiedTime', mtime], ['Win32LastAccessTime', atime]] as const;
    const inside = times.map(([name, time]) => (time === undefined ? '' : `<Z:${name}>${escapeXml(httpDate(time))}</Z:${name}>`)).join('');
    if (inside === '') return;
    check(await this.ask('PROPPATCH', encoded(this.#path(node)), {}, `<propertyupdate xmlns="DAV:" xmlns:Z="urn:schemas-microsoft-com:"><set><prop>${inside}</prop></set></propertyupdate>`), 207);
  }

  async #said(node: NodeId): Promise<Said> {
    const said = await this.#find(encoded(this.#path(node)));
    if (said === undefined) throw usage('ESTALE', `Node ${node} is gone`);
    return said;
  }

  /** @param path encoded */
  async #find(path: string): Promise<Said | undefined> {
    const answer = await this.ask('PROPFIND', path === '' ? '/' : path, { depth: '0' }, PROPERTIES);
    return answer.status === 404 || answer.status === 414 ? undefined : responsesIn(check(answer).body)[0]!.said;
  }

  #path(node: NodeId): string {
    if (this.#closed) throw ioError('The client is closed');
    const path = this.#paths.get(node);
    if (path === undefined) throw usage('ESTALE', `There is no node ${node}`);
    return path;
  }

  #id(path: string): NodeId {
    let id = this.#ids.get(path);
    if (id === undefined) {
      id = this.#next++;
      this.#ids.set(path, id);
      this.#paths.set(id, path);
    }
    return id;
  }

  #forget(path: string): void {
    const id = this.#ids.get(path);
    if (id === undefined) return;
    this.#ids.delete(path);
    this.#paths.delete(id);
  }
}

function refuse(what: string): () => never {
  return () => { throw unsupported(what, `WebDAV has no word for ${what}`); };
}

function responsesIn(body: Buffer): { readonly href: string; readonly said: Said }[] {
  return elementsOf(parseXml(body, 1_000_000)).map((response) => {
    const property = new Map<string, Element>();
    for (const group of elementsOf(response).filter(({ name }) => name === 'propstat')) {
      if (textOf(childOf(group, 'status')!) === 'HTTP/1.1 200 OK') for (const each of elementsOf(childOf(group, 'prop')!)) property.set(each.name, each);
    }
    const text = (name: string): string => textOf(property.get(name) ?? { ns: '', name, attributes: [], children: [] });
    return {
      href: textOf(childOf(response, 'href')!),
      said: { isDirectory: elementsOf(property.get('resourcetype')!).length > 0, size: Number(text('getcontentlength')), mtime: parseHttpDate(text('getlastmodified'))!, executable: text('executable') === 'T' },
    };
  });
}

function encoded(path: string): string {
  return path.split('/').map(encodeSegment).join('/');
}

function decoded(segment: string): Name {
  const bytes = Buffer.from(segment.replace(/%([\dA-F]{2})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 16))), 'latin1');
  const text = bytes.toString('utf8');
  // Bytes that are no text are kept as names keep them.
  return Buffer.from(text, 'utf8').equals(bytes) ? text : Array.from(bytes, (byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte)).join('');
}

function checkName(name: Name): void {
  if (name === '') throw usage('ENOENT', 'A name is needed');
  // To HTTP, these are paths.
  if (name === '.' || name === '..' || /[/\0]/.test(name)) throw usage('EINVAL', 'That is no name');
}

const ERRNOS: Readonly<Record<number, Errno>> = { 400: 'EINVAL', 403: 'EPERM', 404: 'ENOENT', 405: 'EISDIR', 409: 'ENOTDIR', 414: 'ENAMETOOLONG', 507: 'ENOSPC' };

/** @throws DiskError for another status than those that are right */
function check(answer: Answer, ...right: number[]): Answer {
  if (right.length === 0 ? answer.status < 300 : right.includes(answer.status)) return answer;
  const errno = ERRNOS[answer.status];
  const message = `${answer.status}: ${answer.body.toString().trim()}`;
  throw errno === undefined ? ioError(message) : usage(errno, message);
}
