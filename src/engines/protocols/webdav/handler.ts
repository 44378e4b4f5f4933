import type { FileSystem, Stat } from '../../core/filesystem.ts';
import type { ServedTree } from '../../core/served.ts';
import type { NewNode, Writer } from '../../core/writer.ts';
import { checkConditions, type Validators } from './conditions.ts';
import { copyNode } from './copying.ts';
import { Etags } from './etags.ts';
import { getFile, getFolder } from './get.ts';
import { parseIf, type StateList, submittedTokens } from './if-header.ts';
import { type Lock, lockDiscovery, Locks, parseTimeout, USUAL_TIMEOUT } from './locks.ts';
import { emptyResponse, HttpError, httpError, textResponse, type WebdavRequest, type WebdavResponse } from './messages.ts';
import { hrefOf, keyOf, parseTarget, parseUrl, type Path, type Target } from './paths.ts';
import { locate, locateFound, type Place } from './places.ts';
import { propfindBody, propfindDepth, failedResponse, parsePropfind } from './propfind.ts';
import { parseProppatch, patchProperties } from './proppatch.ts';
import type { Subject } from './properties.ts';
import { putFile, putRange } from './put.ts';
import { parseContentRange } from './ranges.ts';
import { type RemovalFailure, removeTree } from './removal.ts';
import { moveInto, underOwnName } from './replacing.ts';
import { childOf, dav, document, elementsOf, escapeXml, isNamed, LIMITS, NS, parseXml, readBody, serialize } from './xml.ts';
import { encodeName } from '../../core/names.ts';

/** What is served, and what of the world it needs. */
export interface WebdavOptions {
  readonly tree: ServedTree;
  /** The name of the whole, for clients that show one. */
  readonly title: string;
  /** Milliseconds since 1970. */
  now(): number;
  /** Fills an array with bytes that nobody can guess. */
  random(into: Uint8Array): void;
  /** As JobContext.breathe. */
  breathe(): Promise<void> | undefined;
  /** What a request changed is durable when it is answered. */
  readonly direct?: boolean;
}

/** All numbers only grow. Bytes are those of files. */
export interface WebdavStatistics {
  readonly requests: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

const READING = ['OPTIONS', 'GET', 'HEAD', 'PROPFIND'];
const WRITING = ['PUT', 'DELETE', 'MKCOL', 'COPY', 'MOVE', 'PROPPATCH', 'LOCK', 'UNLOCK'];

/** One request on its way. */
interface Call {
  readonly request: WebdavRequest;
  readonly target: Target;
  readonly lists: readonly StateList[] | undefined;
  readonly tokens: ReadonlySet<string>;
}

/** A WebDAV server for one tree: class 1, and class 2 where it can be written to. Who may ask is decided by whoever calls it. */
export class WebdavHandler {
  readonly #options: WebdavOptions;
  readonly #locks: Locks;
  readonly #etags = new Etags();
  readonly #forget: () => void;
  #lastUpload: Promise<void> = Promise.resolve();
  readonly #statistics = { requests: 0, bytesRead: 0, bytesWritten: 0 };

  constructor(options: WebdavOptions) {
    this.#options = options;
    this.#locks = new Locks(() => options.now(), (into) => options.random(into));
    this.#forget = options.tree.onChange((change) => this.#etags.told(change));
  }

  get statistics(): WebdavStatistics {
    return { ...this.#statistics };
  }

  /** It does not listen to the tree any more. */
  close(): void {
    this.#forget();
  }

  /** Answers one request. Never rejects: what goes wrong is an answer, too. */
  async handle(request: WebdavRequest): Promise<WebdavResponse> {
    this.#statistics.requests++;
    try {
      return await this.#answer(request);
    } catch (error) {
      const { status, message, headers, condition } = httpError(error);
      if (condition === undefined) return textResponse(status, message, headers);
      return xmlResponse(status, document('error', condition), headers);
    }
  }

  get #fs(): FileSystem {
    return this.#options.tree.fs;
  }

  /** What may be asked of it. */
  get #allowed(): string {
    return (this.#fs.writer === undefined ? READING : [...READING, ...WRITING]).join(', ');
  }

  async #answer(request: WebdavRequest): Promise<WebdavResponse> {
    const { method, headers } = request;
    // Windows opens no share without the last one; the Finder mounts for reading alone what is not of class 2.
    if (method === 'OPTIONS') return emptyResponse(200, { allow: this.#allowed, dav: this.#fs.writer === undefined ? '1' : '1, 2', 'ms-author-via': 'DAV' });
    if (!READING.includes(method) && !WRITING.includes(method)) throw new HttpError(/^[A-Z]{1,20}$/.test(method) && !['POST', 'PATCH', 'TRACE', 'CONNECT'].includes(method) ? 501 : 405, `${method.slice(0, 20)} is not answered`, { headers: { allow: this.#allowed } });
    if (WRITING.includes(method) && this.#fs.writer === undefined) throw new HttpError(403, `It is served for reading alone: ${this.#fs.info.access.reason}`);
    const lists = headers['if'] === undefined ? undefined : parseIf(headers['if']);
    const call: Call = { request, target: parseTarget(request.target, request.base), lists, tokens: submittedTokens(lists ?? []) };
    if (READING.includes(method)) return method === 'PROPFIND' ? this.#propfind(call) : this.#get(call);
    const response = await this.#write(call, this.#fs.writer!);
    if (this.#options.direct && response.status < 300) await this.#fs.writer!.sync();
    return response;
  }

  #write(call: Call, writer: Writer): Promise<WebdavResponse> {
    switch (call.request.method) {
      case 'PUT': return this.#put(call, writer);
      case 'DELETE': return this.#delete(call, writer);
      case 'MKCOL': return this.#mkcol(call, writer);
      case 'COPY': return this.#copyOrMove(call, writer, false);
      case 'MOVE': return this.#copyOrMove(call, writer, true);
      case 'PROPPATCH': return this.#proppatch(call, writer);
      case 'LOCK': return this.#lock(call, writer);
      default: return this.#unlock(call);
    }
  }

  async #get(call: Call): Promise<WebdavResponse> {
    const { request, target } = call;
    const { found, path } = await locateFound(this.#fs, target.path);
    const context = {
      fs: this.#fs, headers: request.headers, head: request.method === 'HEAD', now: BigInt(this.#options.now()) * 1_000_000n,
      random: (into: Uint8Array) => this.#options.random(into), breathe: () => this.#options.breathe(), read: (count: number) => { this.#statistics.bytesRead += count; },
    };
    if (found.folder !== undefined) return getFolder(context, found, path.at(-1) ?? this.#options.title, target.slash, hrefOf(request.base, path, true));
    if (target.slash) throw new HttpError(404, 'It is no folder');
    const validators = this.#validators(found.stat);
    await this.#checkIf(call);
    if (checkConditions(request.method, request.headers, validators) === 304) return emptyResponse(304, { etag: validators.etag });
    return getFile(context, found.stat, validators);
  }

  async #propfind(call: Call): Promise<WebdavResponse> {
    const { request, target } = call;
    const depth = propfindDepth(request.headers['depth']);
    const wanted = parsePropfind(await readBody(request.body, LIMITS.bytes));
    const { path, found } = await locateFound(this.#fs, target.path);
    await this.#checkIf(call);
    const body = propfindBody(this.#subject(request.base, path, found), wanted, depth === 1, () => this.#options.breathe());
    return { status: 207, headers: { ...XML_TYPE, 'cache-control': 'no-store' }, body };
  }

  async #put(call: Call, writer: Writer): Promise<WebdavResponse> {
    const { request: { headers, body, base, method }, target } = call;
    if (!/^(identity)?$/i.test(headers['content-encoding']?.trim() ?? '')) throw new HttpError(415, 'Files are stored as they are: no Content-Encoding');
    const range = headers['content-range'] === undefined ? undefined : parseContentRange(headers['content-range']);
    const length = lengthOf(headers['content-length']);
    const admit = async (): Promise<Place> => {
      const place = await locate(this.#fs, target.path);
      if (place.found?.folder !== undefined || place.parent === undefined) throw new HttpError(405, 'A folder is there', { headers: { allow: this.#allowed } });
      if (target.slash) throw new HttpError(409, 'A file has no "/" at its end');
      if (place.entry !== undefined && place.found === undefined) throw notServed();
      await this.#checkIf(call);
      checkConditions(method, headers, place.found === undefined ? undefined : this.#validators(place.found.stat));
      this.#locks.check(place.path, { member: place.found === undefined }, call.tokens, base);
      return place;
    };
    const { found, parent, name } = await admit();
    const before = found?.stat;
    const home = found?.home ?? { dir: parent!.node, name };
    const context = {
      fs: this.#fs, writer, body, length, exclusive: before === undefined && headers['if-none-match'] !== undefined,
      random: (into: Uint8Array) => this.#options.random(into), breathe: () => this.#options.breathe(), wrote: (count: number) => { this.#statistics.bytesWritten += count; },
      admit: async () => (await admit()).found?.stat,
      alone: (run: () => Promise<void>) => {
        const turn = this.#lastUpload.then(run);
        this.#lastUpload = turn.catch(() => {});
        return turn;
      },
    };
    const given = before === undefined ? await this.#newNode(home.dir, FILE_MODE) : { mode: before.mode, uid: before.uid, gid: before.gid };
    const node = range === undefined ? await putFile(context, home, before, given) : await putRange(context, home, before, given, range);
    // Also where a number is used again within one tick of the clock.
    this.#etags.changed(node);
    // Another upload may have taken its place already.
    const stored = await (async () => this.#fs.stat(node))().then((stat) => ({ etag: this.#etags.of(stat) }), () => ({}));
    return emptyResponse(before === undefined ? 201 : 204, stored);
  }

  async #mkcol(call: Call, writer: Writer): Promise<WebdavResponse> {
    const { request: { headers, base, method }, target: { path } } = call;
    if (hasBody(headers)) throw new HttpError(415, 'What a folder is made of is not understood');
    const place = await locate(this.#fs, path);
    if (place.entry !== undefined || place.parent === undefined) throw place.found === undefined ? notServed() : new HttpError(405, 'It is there already', { headers: { allow: this.#allowed } });
    await this.#checkIf(call);
    checkConditions(method, headers, undefined);
    this.#locks.check(path, { member: true }, call.tokens, base);
    await writer.mkdir(place.parent.node, place.name, await this.#newNode(place.parent.node, FOLDER_MODE));
    return emptyResponse(201);
  }

  async #delete(call: Call, writer: Writer): Promise<WebdavResponse> {
    const { request: { headers, base, method }, target: { path } } = call;
    const { found, parent, name } = await locateFound(this.#fs, path);
    if (parent === undefined) throw new HttpError(403, 'The root stays');
    if (found.folder !== undefined && !/^infinity$/i.test(headers['depth']?.trim() ?? 'infinity')) throw new HttpError(400, 'A folder is removed with all that is in it');
    await this.#checkIf(call);
    checkConditions(method, headers, this.#validators(found.stat));
    this.#locks.check(path, { deep: true, member: true }, call.tokens, base);
    const failures = await removeTree(this.#fs, writer, parent.node, name, path, () => this.#options.breathe());
    const [first] = failures;
    if (first === undefined) this.#locks.removeAt(path);
    // What the resource itself failed with is the answer; what something in it did takes a list.
    else if (keyOf(first.path) === keyOf(path)) throw first.error;
    return first === undefined ? emptyResponse(204) : multiStatus(base, failures);
  }

  async #copyOrMove(call: Call, writer: Writer, move: boolean): Promise<WebdavResponse> {
    const { request: { headers, base, method }, target: { path } } = call;
    const { destination, host } = headers;
    if (destination === undefined) throw new HttpError(400, 'There is no Destination');
    const to = parseUrl(destination, base, host).path;
    const overwrite = headers['overwrite']?.trim().toUpperCase() ?? 'T';
    if (overwrite !== 'T' && overwrite !== 'F') throw new HttpError(400, 'Overwrite is T or F');
    const depth = headers['depth']?.trim().toLowerCase() ?? 'infinity';
    const source = await locateFound(this.#fs, path);
    const isFolder = source.found.folder !== undefined;
    if (isFolder && depth !== 'infinity' && (move || depth !== '0')) throw new HttpError(400, 'That Depth is none of this method');
    const target = await locate(this.#fs, to);
    await this.#checkIf(call);
    checkConditions(method, headers, this.#validators(source.found.stat));
    if (source.parent === undefined && move || target.parent === undefined) throw new HttpError(403, 'The root stays where it is');
    if (target.entry !== undefined && overwrite === 'F') throw new HttpError(412, 'Something is there, and is not to be overwritten');
    if (target.entry !== undefined && target.found === undefined) throw notServed();
    if (keyOf(to) === keyOf(path)) throw new HttpError(403, 'It can\'t be put in its own place');
    const node = move ? source.entry! : source.found.stat.node;
    // A tree in itself, or in place of what it lies in.
    if (isFolder && target.parent.stack.includes(node) && (move || depth !== '0')) throw new HttpError(403, 'A folder can\'t be put into itself');
    if (source.parent?.stack.includes(target.entry ?? -1)) throw new HttpError(403, 'It lies in what it would take the place of');
    if (move) this.#locks.check(path, { deep: true, member: true }, call.tokens, base);
    this.#locks.check(to, { deep: true, member: true }, call.tokens, base);

    const there = { dir: target.parent.node, name: target.name };
    const random = (into: Uint8Array): void => this.#options.random(into);
    const breathe = (): Promise<void> | undefined => this.#options.breathe();
    const aside = move ? await moveInto(this.#fs, writer, { dir: source.parent!.node, name: source.name }, there, random) : await underOwnName(random, async (own) => {
      try {
        await copyNode({ fs: this.#fs, writer, breathe, wrote: (count) => { this.#statistics.bytesWritten += count; } }, node, there.dir, own, depth !== '0');
        return await moveInto(this.#fs, writer, { dir: there.dir, name: own }, there, random);
      } catch (error) {
        await removeTree(this.#fs, writer, there.dir, own, to, breathe);
        throw error;
      }
    });
    if (move) this.#locks.removeAt(path);
    if (target.entry !== undefined) this.#locks.removeAt(to);
    const failures = aside === undefined ? [] : await removeTree(this.#fs, writer, there.dir, aside, to, breathe);
    return failures.length > 0 ? multiStatus(base, failures) : emptyResponse(target.entry === undefined ? 201 : 204);
  }

  async #proppatch(call: Call, writer: Writer): Promise<WebdavResponse> {
    const { request, target } = call;
    const { base, headers, method } = request;
    const instructions = parseProppatch(await readBody(request.body, LIMITS.bytes));
    const { found, path } = await locateFound(this.#fs, target.path);
    await this.#checkIf(call);
    checkConditions(method, headers, this.#validators(found.stat));
    this.#locks.check(path, {}, call.tokens, base);
    const propstats = await patchProperties(this.#fs, writer, found, instructions);
    return xmlResponse(207, document('multistatus', dav('response', dav('href', escapeXml(hrefOf(base, path, found.folder !== undefined))) + propstats)));
  }

  async #lock(call: Call, writer: Writer): Promise<WebdavResponse> {
    const { request, target: { path } } = call;
    const { headers, base, method } = request;
    const seconds = parseTimeout(headers['timeout']);
    const body = await readBody(request.body, LIMITS.bytes);
    if (body.length === 0) return this.#refresh(call, seconds);
    const info = parseXml(body);
    const [scope, type] = [childOf(info, 'lockscope'), childOf(info, 'locktype')];
    const kind = scope && (['exclusive', 'shared'] as const).find((name) => childOf(scope, name) !== undefined);
    if (!isNamed(info, NS.dav, 'lockinfo') || kind === undefined || type === undefined || !elementsOf(type).some((each) => isNamed(each, NS.dav, 'write'))) throw new HttpError(400, 'The body asks for no lock that there is');
    const depth = headers['depth']?.trim().toLowerCase() ?? 'infinity';
    if (depth !== '0' && depth !== 'infinity') throw new HttpError(400, 'A lock is of Depth 0 or infinity');
    const owner = childOf(info, 'owner')?.children.map((child) => (typeof child === 'string' ? escapeXml(child) : serialize(child))).join('') ?? '';
    if (owner.length > MAX_OWNER) throw new HttpError(413, 'The owner of the lock is too long');

    const place = await locate(this.#fs, path);
    if (place.entry !== undefined && place.found === undefined) throw notServed();
    await this.#checkIf(call);
    checkConditions(method, headers, place.found === undefined ? undefined : this.#validators(place.found.stat));
    const isNew = place.found === undefined;
    if (isNew) this.#locks.check(path, { member: true }, call.tokens, base);
    // Before the file is made, so that no other lock can come between.
    const lock = this.#locks.add(path, { scope: kind, deep: depth === 'infinity' && place.found?.folder !== undefined, owner }, seconds ?? USUAL_TIMEOUT, base);
    try {
      // What is locked before it is there is an empty file (RFC 4918, section 7.3).
      if (isNew) await writer.create(place.parent!.node, place.name, await this.#newNode(place.parent!.node, FILE_MODE));
    } catch (error) {
      this.#locks.remove(lock);
      throw error;
    }
    return this.#locked(lock, base, isNew ? 201 : 200);
  }

  async #refresh(call: Call, seconds: number | undefined): Promise<WebdavResponse> {
    const { request: { base }, target: { path }, tokens } = call;
    if (tokens.size === 0) throw new HttpError(400, 'A lock is asked for with a body, or refreshed by an If header with its token');
    await locateFound(this.#fs, path);
    await this.#checkIf(call);
    const lock = [...tokens].map((token) => this.#locks.find(token, path)).find((each) => each !== undefined);
    if (lock === undefined) throw new HttpError(412, 'There is no such lock here', { condition: dav('lock-token-matches-request-uri') });
    return this.#locked(this.#locks.refresh(lock, seconds), base, 200);
  }

  #locked(lock: Lock, base: string, status: number): WebdavResponse {
    return xmlResponse(status, document('prop', dav('lockdiscovery', lockDiscovery([lock], base))), { 'lock-token': `<${lock.token}>` });
  }

  async #unlock(call: Call): Promise<WebdavResponse> {
    const { request: { headers }, target: { path } } = call;
    const token = /^<([^<>\s]+)>$/.exec(headers['lock-token']?.trim() ?? '')?.[1];
    if (token === undefined) throw new HttpError(400, 'There is no Lock-Token');
    await this.#checkIf(call);
    const lock = this.#locks.find(token, path);
    if (lock === undefined) throw new HttpError(409, 'There is no such lock here', { condition: dav('lock-token-matches-request-uri') });
    this.#locks.remove(lock);
    return emptyResponse(204);
  }

  /** The If header holds when all conditions of one of its lists do. @throws HttpError 412 */
  async #checkIf({ lists, request: { base, headers }, target }: Call): Promise<void> {
    if (lists === undefined) return;
    for (const { resource, conditions } of lists) {
      const path = resource === undefined ? target.path : pathOf(resource, base, headers['host']);
      const etag = conditions.some(({ kind }) => kind === 'etag') && path !== undefined ? await this.#etagAt(path) : undefined;
      if (conditions.every(({ not, kind, value }) => not !== (kind === 'etag' ? value === etag : path !== undefined && this.#locks.find(value, path) !== undefined))) return;
    }
    throw new HttpError(412, 'Nothing of the If header holds');
  }

  async #etagAt(path: Path): Promise<string | undefined> {
    const place = await locate(this.#fs, path).catch((error: unknown) => {
      if (error instanceof HttpError) return undefined;
      throw error;
    });
    return place?.found && this.#etags.of(place.found.stat);
  }

  #validators(stat: Stat): Validators {
    return { etag: this.#etags.of(stat), mtime: stat.mtime };
  }

  #subject(base: string, path: Path, found: Subject['found']): Subject {
    return { fs: this.#fs, path, found, base, locks: this.#locks, etags: this.#etags, title: this.#options.title };
  }

  /** What is made belongs to whom the folder does: WebDAV knows no owners. */
  async #newNode(dir: number, mode: number): Promise<NewNode> {
    const { uid, gid } = await this.#fs.stat(dir);
    return { mode, uid, gid };
  }
}

const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

/** Characters of what a client says of a lock's owner. */
const MAX_OWNER = 4096;

const XML_TYPE = { 'content-type': 'application/xml; charset="utf-8"' } as const;

function xmlResponse(status: number, text: string, headers: Readonly<Record<string, string>> = {}): WebdavResponse {
  const body = encodeName(text);
  return { status, headers: { ...headers, ...XML_TYPE, 'content-length': String(body.length) }, body };
}

function multiStatus(base: string, failures: readonly RemovalFailure[]): WebdavResponse {
  return xmlResponse(207, document('multistatus', failures.map(({ path, error }) => failedResponse(base, path, error)).join('')));
}

/** A pipe, a device, or a link that leads nowhere has the name. */
function notServed(): HttpError {
  return new HttpError(409, 'Something is there that is neither a file nor a folder');
}

/** @throws HttpError 400 */
function lengthOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  if (!/^\d{1,15}$/.test(header.trim())) throw new HttpError(400, 'The Content-Length is none');
  return Number(header);
}

function hasBody(headers: WebdavRequest['headers']): boolean {
  return headers['transfer-encoding'] !== undefined || (lengthOf(headers['content-length']) ?? 0) > 0;
}

/** Of a tagged list; a URL of another server's is a resource that nothing holds of. */
function pathOf(url: string, base: string, host: string | undefined): Path | undefined {
  try {
    return parseUrl(url, base, host).path;
  } catch {
    return undefined;
  }
}
