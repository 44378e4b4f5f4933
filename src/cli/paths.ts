import type { FileSystem } from '../engines/core/filesystem.ts';
import { decodeName, encodeName, type Name } from '../engines/core/names.ts';
import { findPath, type Resolved, resolvePath, type ResolveOptions } from '../host/paths.ts';

/** `\xNN` for a byte, `\u{N…}` for a character: how names are shown where they would otherwise confuse. */
const ESCAPE = /\\x([0-9a-f]{2})|\\u\{([0-9a-f]{1,6})\}/gi;

/**
 * Finds a path that was typed: as it stands, else as listings show it, with `\xNN` and `\u{N}` for what can't be typed.
 * @throws DiskError usage ENOENT, ENOTDIR, ELOOP
 */
export async function findTyped(fs: FileSystem, typed: string, options: ResolveOptions = {}): Promise<Resolved> {
  const spelled = unescapeName(typed);
  if (spelled !== typed) {
    const found = await findPath(fs, typed, options) ?? await findPath(fs, spelled, options);
    if (found) return found;
  }
  return resolvePath(fs, typed, options);
}

/** The name whose shown form this is. */
export function unescapeName(shown: string): Name {
  if (!shown.includes('\\')) return shown;
  const bytes: number[] = [];
  let at = 0;
  for (const match of shown.matchAll(ESCAPE)) {
    bytes.push(...encodeName(shown.slice(at, match.index)));
    const code = Number.parseInt(match[1] ?? match[2]!, 16);
    bytes.push(...(match[1] === undefined && code <= 0x10ffff ? encodeName(String.fromCodePoint(code)) : [code & 0xff]));
    at = match.index + match[0].length;
  }
  bytes.push(...encodeName(shown.slice(at)));
  return decodeName(Uint8Array.from(bytes));
}

/** A directory's path and a name in it. */
export function joinPath(folder: Name, name: Name): Name {
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}
