import { encodeName } from '../../core/names.ts';
import { listDead, readDead } from './dead-properties.ts';
import { HttpError, httpError, statusLine } from './messages.ts';
import { hrefOf, type Path } from './paths.ts';
import { follow, type Found } from './places.ts';
import { ALL_LIVE, isLive, liveElement, type Subject, USUAL_LIVE } from './properties.ts';
import { childOf, dav, type Element, elementsOf, escapeXml, isNamed, NS, parseXml, type QName, tag, XML_HEAD } from './xml.ts';

/** What is asked for of each resource. */
export type Wanted =
  | { readonly what: 'names' }
  | { readonly what: 'all'; readonly also: readonly QName[] }
  | { readonly what: 'some'; readonly names: readonly QName[] };

/** @param body of the request; empty means all @throws HttpError 400 */
export function parsePropfind(body: Uint8Array): Wanted {
  if (body.length === 0) return { what: 'all', also: [] };
  const root = parseXml(body);
  if (!isNamed(root, NS.dav, 'propfind')) throw new HttpError(400, 'The body is no propfind');
  const asked = ['prop', 'allprop', 'propname'].filter((name) => childOf(root, name) !== undefined);
  if (asked.length !== 1) throw new HttpError(400, 'One of prop, allprop and propname must be asked for');
  if (asked[0] === 'propname') return { what: 'names' };
  return asked[0] === 'allprop' ? { what: 'all', also: namesIn(childOf(root, 'include')) } : { what: 'some', names: namesIn(childOf(root, 'prop')) };
}

function namesIn(element: Element | undefined): QName[] {
  return element === undefined ? [] : elementsOf(element).map(({ ns, name }) => ({ ns, name }));
}

/** Bytes that are gathered before they are sent. */
const PIECE = 32 * 1024;

/**
 * The answer's document, a piece at a time: of the resource, and of what lies in it when `members` says so. A folder of a million entries is never held whole.
 */
export async function* propfindBody(subject: Subject, wanted: Wanted, members: boolean, breathe: () => Promise<void> | undefined): AsyncGenerator<Uint8Array> {
  let text = `${XML_HEAD}<D:multistatus xmlns:D="DAV:">\n${await describe(subject, wanted)}`;
  const { folder } = subject.found;
  if (members && folder !== undefined) {
    let batch = await subject.fs.list(folder.node);
    for (;;) {
      for (const { name, node } of batch.entries) {
        const path = [...subject.path, name];
        let found: Found | undefined;
        try {
          found = await follow(subject.fs, folder, name, node);
        } catch (error) {
          text += failedResponse(subject.base, path, error);
        }
        if (found !== undefined) {
          const told = describe({ ...subject, path, found }, wanted);
          text += typeof told === 'string' ? told : await told;
        }
        if (text.length >= PIECE) {
          yield encodeName(text);
          text = '';
        }
        const pause = breathe();
        if (pause) await pause;
      }
      if (batch.next === undefined) break;
      batch = await subject.fs.list(folder.node, batch.next);
    }
  }
  yield encodeName(`${text}</D:multistatus>\n`);
}

/** A DAV:response of one resource. At once, where only live properties are asked for. */
export function describe(subject: Subject, wanted: Wanted): string | Promise<string> {
  const names = wanted.what === 'some' ? wanted.names : wanted.what === 'all' ? [...USUAL_LIVE, ...wanted.also] : undefined;
  if (wanted.what === 'some' && names!.every(isLive)) return response(subject, names!, new Map());
  if (subject.fs.xattrs === undefined && names !== undefined) return response(subject, names, new Map());
  return withDead(subject, names, wanted.what !== 'some');
}

/** @param names absent: only the names of all that there are */
async function withDead(subject: Subject, names: readonly QName[] | undefined, all: boolean): Promise<string> {
  const { fs, found: { stat } } = subject;
  const kept = all ? await listDead(fs, stat.node) : names!.filter((name) => !isLive(name));
  const dead = new Map<QName, string>();
  for (const name of kept) {
    const element = await readDead(fs, stat.node, name);
    if (element !== undefined) dead.set(name, element);
  }
  if (names === undefined) {
    const present = ALL_LIVE.filter((name) => liveElement(name, subject) !== undefined);
    return wrap(subject, propstat([...present, ...dead.keys()].map((name) => tag(name)), 200));
  }
  // What is asked for by name, and what there is besides.
  return response(subject, [...names, ...(all ? [...dead.keys()].filter((name) => !names.some((each) => isNamed(each, name.ns, name.name))) : [])], dead);
}

function response(subject: Subject, names: readonly QName[], dead: ReadonlyMap<QName, string>): string {
  const present: string[] = [];
  const missing: string[] = [];
  for (const name of names) {
    const element = liveElement(name, subject) ?? dead.get(name) ?? valueOf(dead, name);
    // Of allprop, what a resource does not have is just not there.
    if (element !== undefined) present.push(element);
    else if (!USUAL_LIVE.includes(name)) missing.push(tag(name));
  }
  return wrap(subject, (present.length > 0 || missing.length === 0 ? propstat(present, 200) : '') + (missing.length > 0 ? propstat(missing, 404) : ''));
}

function valueOf(dead: ReadonlyMap<QName, string>, wanted: QName): string | undefined {
  for (const [name, element] of dead) if (isNamed(name, wanted.ns, wanted.name)) return element;
  return undefined;
}

/** One group of properties with its status. */
export function propstat(elements: readonly string[], status: number, more = ''): string {
  return dav('propstat', dav('prop', elements.join('')) + dav('status', statusLine(status)) + more);
}

function wrap({ base, path, found }: Subject, propstats: string): string {
  return `${dav('response', dav('href', escapeXml(hrefOf(base, path, found.folder !== undefined))) + propstats)}\n`;
}

/** A DAV:response for what could not be looked at or done: one damaged file does not hide the folder. */
export function failedResponse(base: string, path: Path, failure: unknown): string {
  const { status, message } = httpError(failure);
  return `${dav('response', dav('href', escapeXml(hrefOf(base, path, false))) + dav('status', statusLine(status)) + dav('responsedescription', escapeXml(message)))}\n`;
}

/** @throws HttpError 400; 403 for infinity, which nobody needs and which would walk the whole tree (RFC 4918, section 9.1) */
export function propfindDepth(header: string | undefined): 0 | 1 {
  const depth = header?.trim().toLowerCase() ?? 'infinity';
  if (depth === '0' || depth === '1') return depth === '0' ? 0 : 1;
  if (depth === 'infinity') throw new HttpError(403, 'Properties are told of one folder at a time', { condition: dav('propfind-finite-depth') });
  throw new HttpError(400, 'The Depth is none');
}
