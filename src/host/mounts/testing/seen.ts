import { compareNames } from '../../../engines/core/names.ts';
import type { WalkEntry } from '../../../engines/testing/walk.ts';

/**
 * What of a tree is seen by WebDAV: files and folders, the same owner everywhere, whole seconds, links as what they lead to. For trees whose links
 * lead to no other links.
 */
export function seenByWebdav(entries: readonly WalkEntry[]): WalkEntry[] {
  const seen = new Map<string, WalkEntry>();
  const known = new Map(entries.map((entry) => [entry.path, entry]));
  const add = (entry: WalkEntry, path: string): void => {
    const isDirectory = entry.type === 'dir';
    const executable = isDirectory || (parseInt(entry.mode!, 8) & 0o111) !== 0;
    const second = BigInt(entry.mtime!) - ((BigInt(entry.mtime!) % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
    seen.set(path, { path, type: entry.type!, mode: executable ? '0755' : '0644', uid: 0, gid: 0, size: isDirectory ? 0 : entry.size!, nlink: 1, mtime: String(second), ...(isDirectory ? {} : { sha256: entry.sha256! }) });
  };
  for (const entry of entries) {
    if (entry.type === 'file' || entry.type === 'dir') add(entry, entry.path);
    if (entry.type !== 'symlink') continue;
    const target = resolved(entry.path, entry.target!);
    const found = known.get(target);
    // A folder that the link lies in would be a tree without end.
    if (found === undefined || !['file', 'dir'].includes(found.type!) || `${entry.path}/`.startsWith(target === '/' ? '/' : `${target}/`)) continue;
    add(found, entry.path);
    for (const inner of entries) if (inner.path.startsWith(`${target}/`) && (inner.type === 'file' || inner.type === 'dir')) add(inner, `${entry.path}${inner.path.slice(target.length)}`);
  }
  return [...seen.values()].toSorted((a, b) => compareNames(a.path, b.path));
}

function resolved(link: string, target: string): string {
  const parts = target.startsWith('/') ? [] : link.split('/').slice(1, -1);
  for (const part of target.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
