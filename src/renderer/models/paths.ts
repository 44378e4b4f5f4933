/** Characters of a path's end that are kept when it does not fit: enough for the folder that the file lies in. */
const TAIL = 28;

/**
 * A path in two parts, of which the first may be cut off when there is no room: people know files by the disk that they lie on and by the
 * folder that they lie in, both ends. The cut is at a separator where there is one near.
 */
export function splitPath(path: string): { readonly head: string; readonly tail: string } {
  if (path.length <= TAIL) return { head: '', tail: path };
  const rest = path.slice(-TAIL);
  const separator = rest.search(/[/\\]/);
  const at = path.length - TAIL + Math.max(0, separator);
  // Never half a surrogate pair.
  const from = /[\udc00-\udfff]/.test(path[at]!) ? at + 1 : at;
  return { head: path.slice(0, from), tail: path.slice(from) };
}

/** The folder that a file lies in, without a separator at the end but for a root's. */
export function folderOfPath(path: string): string {
  const at = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'));
  return at <= 0 ? path.slice(0, at + 1) : path.slice(0, at);
}
