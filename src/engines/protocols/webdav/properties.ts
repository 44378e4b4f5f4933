import type { FileSystem } from '../../core/filesystem.ts';
import { displayName } from '../../core/names.ts';
import { httpDate, isoDate } from './dates.ts';
import type { Etags } from './etags.ts';
import type { Found } from './places.ts';
import { type Locks, lockDiscovery } from './locks.ts';
import type { Path } from './paths.ts';
import { dav, escapeXml, NS, type QName, tag } from './xml.ts';

/** What a live property is computed from. */
export interface Subject {
  readonly fs: FileSystem;
  readonly path: Path;
  readonly found: Found;
  readonly base: string;
  readonly locks: Locks;
  readonly etags: Etags;
  /** Shown for the root, which has no name. */
  readonly title: string;
}

interface Live extends QName {
  /** Left out of allprop: costly, or of another specification (RFC 4918, section 9.1). */
  readonly onRequest?: true;
  /** What is inside the element, as XML; undefined where the resource has no such property. */
  value(subject: Subject): string | undefined;
}

const isFile = ({ found }: Subject): boolean => found.folder === undefined;

/** What the server knows of each resource by itself: RFC 4918, section 15; RFC 4331; Apache's "executable", which davfs2 and cadaver set. */
const LIVE: readonly Live[] = [
  // The oldest thing that is known, where the format does not keep it.
  { ns: NS.dav, name: 'creationdate', value: ({ found: { stat } }) => isoDate(stat.btime ?? stat.mtime) },
  { ns: NS.dav, name: 'displayname', value: ({ path, title }) => escapeXml(displayName(path.at(-1) ?? title)) },
  { ns: NS.dav, name: 'getcontentlength', value: (subject) => (isFile(subject) ? String(subject.found.stat.size) : undefined) },
  { ns: NS.dav, name: 'getetag', value: (subject) => escapeXml(subject.etags.of(subject.found.stat)) },
  { ns: NS.dav, name: 'getlastmodified', value: ({ found: { stat } }) => httpDate(stat.mtime) },
  { ns: NS.dav, name: 'resourcetype', value: (subject) => (isFile(subject) ? '' : dav('collection')) },
  { ns: NS.dav, name: 'supportedlock', value: ({ fs }) => (fs.writer === undefined ? '' : SUPPORTED_LOCK) },
  { ns: NS.dav, name: 'lockdiscovery', value: ({ path, locks, base }) => (locks.size === 0 ? '' : lockDiscovery(locks.covering(path), base)) },
  { ns: NS.apache, name: 'executable', onRequest: true, value: (subject) => (isFile(subject) ? ((subject.found.stat.mode & 0o111) === 0 ? 'F' : 'T') : undefined) },
  { ns: NS.dav, name: 'quota-available-bytes', onRequest: true, value: (subject) => (isFile(subject) ? undefined : String(subject.fs.writer === undefined ? 0 : subject.fs.info.free)) },
  { ns: NS.dav, name: 'quota-used-bytes', onRequest: true, value: (subject) => (isFile(subject) ? undefined : String(Math.max(0, subject.fs.info.size - subject.fs.info.free))) },
];

const SUPPORTED_LOCK = ['exclusive', 'shared'].map((scope) => dav('lockentry', dav('lockscope', dav(scope)) + dav('locktype', dav('write')))).join('');

const BY_NAME = new Map(LIVE.map((live) => [`${live.ns}\n${live.name}`, live]));

/** Those of allprop, and of propname. */
export const USUAL_LIVE: readonly QName[] = LIVE.filter(({ onRequest }) => !onRequest);
export const ALL_LIVE: readonly QName[] = LIVE;

/** Whether the server itself says what a property is. */
export function isLive(name: QName): boolean {
  return BY_NAME.has(`${name.ns}\n${name.name}`);
}

/** A live property's element; undefined where there is none of that name. */
export function liveElement(name: QName, subject: Subject): string | undefined {
  const value = BY_NAME.get(`${name.ns}\n${name.name}`)?.value(subject);
  return value === undefined ? undefined : tag(name, value);
}
