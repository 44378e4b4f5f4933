import type { FileSystem, Maybe } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { decodeName, displayName, type Name } from '../../engines/core/names.ts';
import { resolvePath } from '../paths.ts';
import { nodeJob } from '../session.ts';
import { PreviewReader } from './preview-reader.ts';

/** Names of the users and groups of one filesystem, escaped for showing. undefined where it knows none. */
export interface Identities {
  user(id: number): string | undefined;
  group(id: number): string | undefined;
}

/** Bytes of passwd and of group that are read; what comes after is left out. */
const MAX_BYTES = 1024 * 1024;

/** Lines of each that are looked at. */
const MAX_LINES = 100_000;

/** Bytes of a line that are looked at; its first three fields are all that counts. */
const MAX_LINE = 16 * 1024;

/** Lines between two looks at the clock. */
const STRIDE = 64;

/** Characters of a name that are shown. useradd takes 32. */
const MAX_NAME = 64;

const known = new WeakMap<FileSystem, Maybe<Identities>>();

/**
 * Who is who in a filesystem, by its own /etc/passwd and /etc/group: never by this computer's, whose number 1000 is somebody else. Read
 * once for each open filesystem; a file that is missing, locked or damaged has no names, and is no error: numbers are shown then.
 */
export function identitiesOf(fs: FileSystem): Maybe<Identities> {
  const found = known.get(fs);
  if (found !== undefined) return found;
  const loading = load(fs).then((identities) => {
    known.set(fs, identities);
    return identities;
  });
  known.set(fs, loading);
  return loading;
}

/** They are read again the next time: the filesystem was changed. */
export function forgetIdentities(fs: FileSystem): void {
  known.delete(fs);
}

async function load(fs: FileSystem): Promise<Identities> {
  const users = await namesIn(fs, '/etc/passwd');
  const groups = await namesIn(fs, '/etc/group');
  return { user: (id) => users.get(id), group: (id) => groups.get(id) };
}

/** Both files are lines of "name:password:number:…" (passwd(5), group(5)). Symlinks on the way are followed inside the filesystem only. */
async function namesIn(fs: FileSystem, path: Name): Promise<Map<number, string>> {
  try {
    const job = nodeJob();
    const { node, stat } = await resolvePath(fs, path, { job });
    if (stat.type !== 'file') return new Map();
    return await parseNames(await new PreviewReader(fs, node, stat.size, job).read(0, MAX_BYTES), job, stat.size > MAX_BYTES);
  } catch {
    // Names are an extra: whatever keeps them from being read is told where the file itself is opened.
    return new Map();
  }
}

/** @param cut the last line may be half of one */
export async function parseNames(bytes: Uint8Array, job: JobContext, cut = false): Promise<Map<number, string>> {
  const names = new Map<number, string>();
  for (let at = 0, count = 0; at < bytes.length && count < MAX_LINES; count++) {
    const newline = bytes.indexOf(0x0a, at);
    if (newline < 0 && cut) break;
    const end = newline < 0 ? bytes.length : newline;
    addName(names, decodeName(bytes, at, Math.min(end, at + MAX_LINE)));
    at = end + 1;
    // A crafted file is a hundred thousand lines of names that must be escaped.
    const pause = count % STRIDE === 0 ? job.breathe() : undefined;
    if (pause) await pause;
  }
  return names;
}

function addName(names: Map<number, string>, line: string): void {
  const [name, , number] = line.split(':', 3);
  // A name of digits could pose as another's number; "+" and "-" begin the directives of NIS.
  if (name === undefined || number === undefined || !/^\d{1,10}$/.test(number) || !/^(?![+-]|\d+$)./s.test(name)) return;
  const id = Number(number);
  // The first line with a number wins, as in getpwuid(3).
  if (id <= 0xffffffff && !names.has(id)) names.set(id, shownName(name));
}

function shownName(name: Name): string {
  const shown = displayName(name.slice(0, MAX_NAME));
  return name.length > MAX_NAME || shown.length > MAX_NAME ? `${shown.slice(0, MAX_NAME - 1)}…` : shown;
}
