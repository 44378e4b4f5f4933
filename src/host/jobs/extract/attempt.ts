import type { Name } from '../../../engines/core/names.ts';

/** What an extraction that was made before has left to do. */
export interface Attempt {
  /** Paths as `onFailed` told them: only they are extracted, with all below them. */
  readonly only?: ReadonlySet<Name> | undefined;
  /** What stands in the target with the same type, size and time is there already, and nobody is asked about it. */
  readonly resumed?: boolean | undefined;
}

/** Tells whether something at a path is among what is wanted: named itself, below what is named, or on the way to it. */
export function wanted(only: ReadonlySet<Name> | undefined): (path: Name) => boolean {
  if (only === undefined || only.has('/')) return () => true;
  const onTheWay = new Set<Name>();
  for (const path of only) for (let at = folderOf(path); at !== '' && !onTheWay.has(at); at = folderOf(at)) onTheWay.add(at);
  return (path) => {
    if (onTheWay.has(path)) return true;
    for (let at = path; at !== ''; at = folderOf(at)) if (only.has(at)) return true;
    return false;
  };
}

/** "" for what stands at the top. */
function folderOf(path: Name): Name {
  return path.slice(0, path.lastIndexOf('/'));
}
