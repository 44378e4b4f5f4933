import { expect } from 'vitest';
import type { TreeChanged } from '../core/served.ts';
import { decodeName, encodeName } from '../core/names.ts';
import { random as generator } from './fuzz/random.ts';
import { dir, MemoryFileSystem, type MemoryNode } from './memory-filesystem.ts';
import { type MemoryRules, WritableMemoryFileSystem } from './memory-writer.ts';
import { listAll, readAll } from './walk.ts';
import { type Element, elementsOf, parseXml, textOf } from '../protocols/webdav/xml.ts';
import { WebdavHandler } from '../protocols/webdav/handler.ts';

/** What a client gets. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly bytes: Uint8Array;
}

/** Where the handler serves, and at which host. */
export const BASE = '/secret/disk.img';
export const HOST = '127.0.0.1:4711';

/** A handler over a tree in memory, asked as a client asks. */
export function serve(root: MemoryNode = dir(), rules: MemoryRules & { readOnly?: boolean } = {}) {
  const fs = new WritableMemoryFileSystem(root, rules);
  const told = new Set<(change: TreeChanged) => void>();
  const clock = { now: 1_800_000_000_000 };
  const random = generator(1, 0);
  const served = rules.readOnly ? new MemoryFileSystem(root) : fs;
  const handler = new WebdavHandler({
    tree: { fs: served, onChange: (run) => { told.add(run); return () => told.delete(run); } }, title: 'disk.img', now: () => clock.now,
    random: (into) => { for (let i = 0; i < into.length; i++) into[i] = random.below(256); }, breathe: () => undefined,
  });
  const ask = async (method: string, path: string, headers: Record<string, string> = {}, body?: string | Uint8Array | AsyncIterable<Uint8Array>): Promise<Answer> => {
    const bytes = typeof body === 'string' ? encodeName(body) : body;
    const destination = headers['destination'] === undefined ? {} : { destination: `http://${HOST}${BASE}${headers['destination']}` };
    const length = bytes instanceof Uint8Array ? { 'content-length': String(bytes.length) } : {};
    const response = await handler.handle({
      method, target: `${BASE}${path}`, base: BASE, headers: { host: HOST, ...length, ...headers, ...destination },
      body: bytes === undefined ? pieces() : bytes instanceof Uint8Array ? pieces(bytes) : bytes,
    });
    const parts: Uint8Array[] = [];
    if (response.body instanceof Uint8Array) parts.push(response.body);
    else if (response.body !== undefined) for await (const part of response.body) parts.push(part.slice());
    const all = Uint8Array.from(parts.flatMap((part) => [...part]));
    if (response.body !== undefined && response.headers['content-length'] !== undefined) expect(all.length).toBe(Number(response.headers['content-length']));
    return { status: response.status, headers: response.headers, text: decodeName(all), bytes: all };
  };
  const content = async (name: string): Promise<string | undefined> => {
    let node: number | undefined = fs.root;
    for (const part of name.split('/').filter((each) => each !== '')) node = node === undefined ? undefined : fs.lookup(node, part);
    return node === undefined ? undefined : decodeName(await readAll(fs, node));
  };
  const names = async (node = fs.root): Promise<string[]> => (await listAll(fs, node)).map(({ name }) => name).toSorted();
  return { fs, handler, ask, content, names, clock, tell: (change: TreeChanged) => { for (const run of told) run(change); }, listeners: told };
}

// oxlint-disable-next-line require-yield
export async function* pieces(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

export async function* breaking(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
  throw new Error('the client is gone');
}

/** href → status of a property's group → properties by local name, their inside as text. */
export function multistatus(text: string): Map<string, Record<number, Record<string, string>>> {
  const found = new Map<string, Record<number, Record<string, string>>>();
  for (const response of elementsOf(parseXml(encodeName(text)))) {
    const groups: Record<number, Record<string, string>> = {};
    for (const group of elementsOf(response).filter(({ name }) => name === 'propstat')) {
      groups[statusIn(group)] = Object.fromEntries(elementsOf(elementsOf(group).find(({ name }) => name === 'prop')!).map((each) => [each.name, insideOf(each)]));
    }
    if (Object.keys(groups).length === 0) groups[statusIn(response)] = {};
    found.set(textOf(elementsOf(response)[0]!), groups);
  }
  return found;
}

function statusIn(element: Element): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(textOf(elementsOf(element).find(({ name }) => name === 'status')!))![1]);
}

function insideOf(element: Element): string {
  return elementsOf(element).map(({ name }) => `<${name}>`).join('') + textOf(element);
}

export const PROPFIND = (inside: string): string => `<?xml version="1.0"?><propfind xmlns="DAV:" xmlns:a="http://apache.org/dav/props/" xmlns:x="urn:x">${inside}</propfind>`;
export const LOCK = (scope = 'exclusive'): string => `<lockinfo xmlns="DAV:"><lockscope><${scope}/></lockscope><locktype><write/></locktype><owner><href>me &amp; you</href></owner></lockinfo>`;

export const patch = (inside: string): string => `<propertyupdate xmlns="DAV:" xmlns:x="urn:x" xmlns:Z="urn:schemas-microsoft-com:" xmlns:a="http://apache.org/dav/props/">${inside}</propertyupdate>`;
export const set = (inside: string): string => `<set><prop>${inside}</prop></set>`;
export const tokenOf = (answer: Answer): string => /^<(urn:uuid:[\da-f-]{36})>$/.exec(answer.headers['lock-token'] ?? '')![1]!;
