import { displayName } from '../core/names.ts';
import type { WalkEntry } from './walk.ts';

/** What comparing two walks showed. */
export interface Comparison {
  /** Where we are wrong: lines for people, at most `LIMIT` of them. Empty = equal. */
  readonly differences: readonly string[];
  /** Where the reference failed and we gave data: no proof against us, but worth knowing. */
  readonly tolerated: readonly string[];
  /** Entries that are the same in every respect. */
  readonly equal: number;
}

const LIMIT = 40;
const KEYS = ['type', 'mode', 'uid', 'gid', 'nlink', 'mtime', 'target', 'sha256'] as const;

/**
 * Entry by entry. Both in error is equal; the reference in error and data from us is tolerated; the other way round is a difference.
 * @param known paths that another reference finds: entries of ours among them are tolerated where the first reference has none
 */
export function compareWalks(reference: readonly WalkEntry[], ours: readonly WalkEntry[], known: () => ReadonlySet<string> = () => new Set()): Comparison {
  const differences: string[] = [];
  const tolerated: string[] = [];
  const theirs = byPath(reference);
  const mine = byPath(ours);
  // What is below an entry that the reference could not read, it could not list.
  const unread = reference.filter((entry) => entry.error !== undefined).map((entry) => (entry.path === '/' ? '/' : `${entry.path}/`));
  let equal = 0;
  for (const [path, their] of theirs) {
    const our = mine.get(path);
    if (our === undefined) {
      if (their.error === undefined || their.type !== undefined) say(differences, `missing: ${displayName(path)} (${their.type ?? 'unreadable'})`);
      continue;
    }
    const lines = differencesOf(their, our);
    if (lines.length === 0) equal++;
    // Without the key, the kernel spells a link's ciphertext out as if it were a path; we say that it is locked.
    const locked = their.type === 'symlink' && our.error?.kind === 'locked';
    for (const line of lines) say(their.error === undefined && !locked ? differences : tolerated, `${displayName(path)}: ${line}`);
  }
  for (const [path, our] of mine) {
    if (theirs.has(path)) continue;
    const proven = unread.some((folder) => path.startsWith(folder)) || our.error !== undefined && our.type === undefined || known().has(path);
    say(proven ? tolerated : differences, `only ours: ${displayName(path)} (${our.type ?? our.error?.message})`);
  }
  return { differences, tolerated, equal };
}

function say(list: string[], line: string): void {
  if (list.length < LIMIT) list.push(line);
}

/** Lines for what differs between one entry as the reference and as we see it. */
function differencesOf(their: WalkEntry, our: WalkEntry): string[] {
  if (our.error !== undefined) return their.error === undefined ? [`we fail: ${our.error.kind}: ${our.error.message}`] : [];
  if (their.error !== undefined && their.type === undefined) return [`the reference fails: ${their.error.message}`];
  const lines: string[] = [];
  for (const key of KEYS) {
    // Left out by the reference: the hash of a huge file, a time that the reference's own recovery set.
    if ((key === 'sha256' || key === 'mtime') && their[key] === undefined) continue;
    if (their[key] !== our[key]) lines.push(`${key} is ${shown(our[key])}, the reference has ${shown(their[key])}`);
  }
  if (['file', 'dir', 'symlink'].includes(their.type ?? '') && their.size !== our.size) lines.push(`size is ${our.size}, the reference has ${their.size}`);
  for (const name of new Set([...Object.keys(their.xattrs ?? {}), ...Object.keys(our.xattrs ?? {})])) {
    const [a, b] = [their.xattrs?.[name], our.xattrs?.[name]];
    if (a !== b) lines.push(`xattr ${displayName(name)} is ${shown(b?.slice(0, 80))}, the reference has ${shown(a?.slice(0, 80))}`);
  }
  return lines;
}

function shown(value: string | number | undefined): string {
  return value === undefined ? 'absent' : displayName(String(value));
}

/** A damaged folder may hold a name twice; opening it by name finds the first. */
function byPath(entries: readonly WalkEntry[]): Map<string, WalkEntry> {
  const map = new Map<string, WalkEntry>();
  for (const entry of entries) if (!map.has(entry.path)) map.set(entry.path, entry);
  return map;
}
