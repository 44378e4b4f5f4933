import { lstatSync } from 'node:fs';
import { resolve } from 'node:path';
import { isDiskError, usage } from '../engines/core/errors.ts';
import type { NodeId, Stat } from '../engines/core/filesystem.ts';
import type { JobContext } from '../engines/core/job.ts';
import { displayName, encodeName, type Name } from '../engines/core/names.ts';
import { newTally } from '../host/jobs/extract/tally.ts';
import { copy } from '../host/jobs/put/copy.ts';
import { HostTree } from '../host/jobs/put/host-tree.ts';
import { removeBelow } from '../host/jobs/put/remove.ts';
import type { WritableFileSystem } from '../host/jobs/untar.ts';
import { resolvePath } from '../host/paths.ts';
import { UsageError } from './exit.ts';
import { parseBytes } from './verbs/hexdump.ts';

/** Where an operation works. */
export interface Edited {
  readonly fs: WritableFileSystem;
  readonly job: JobContext;
}

/** One operation of a script. Its words are without the operation's own name, and without options. */
interface Operation {
  /** Letters of options that it takes; a capital one takes a value. */
  readonly options?: string;
  readonly least: number;
  readonly most?: number;
  run(words: readonly Name[], options: ReadonlyMap<string, Name>, edited: Edited): Promise<void>;
}

/** A name, and the folder that it is in or is to be in. */
interface Spot {
  readonly folder: NodeId;
  readonly name: Name;
  readonly path: Name;
  /** What has the name. A symlink is itself, not what it leads to. */
  readonly there?: { readonly node: NodeId; readonly stat: Stat };
}

const NEW_FILE = 0o644;
const NEW_FOLDER = 0o755;
const LINK = 0o777;

/** The largest user or group number, and one that says "leave it" to chown(2). */
const MOST_ID = 0xffff_fffe;

export const OPERATIONS: Readonly<Record<string, Operation>> = {
  mkdir: { options: 'pM', least: 1, run: (paths, options, edited) => each(paths, (path) => mkdir(edited, path, options.has('p'), parseMode(options.get('M') ?? NEW_FOLDER.toString(8)))) },
  put: { least: 2, most: 2, run: ([local, path], _, edited) => put(edited, local!, path!) },
  write: {
    least: 3, most: 3,
    async run([path, at, text], _, { fs }) {
      const bytes = encodeName(text!);
      const node = await fileAt(fs, path!);
      const written = await fs.writer.write(node, parseBytes(at!), bytes);
      if (written < bytes.length) throw usage('ENOSPC', `There is room for ${written} of ${bytes.length} bytes`);
    },
  },
  truncate: { least: 2, most: 2, run: async ([path, size], _, { fs }) => fs.writer.truncate(await fileAt(fs, path!), parseBytes(size!)) },
  touch: {
    least: 1, most: 2,
    async run([path, when], _, { fs }) {
      const time = when === undefined ? BigInt(Date.now()) * 1_000_000n : parseTime(when);
      await fs.writer.change(await nodeOrNewFile(fs, path!), { mtime: time, atime: time });
    },
  },
  mv: { least: 2, most: 2, run: ([from, to], _, edited) => move(edited, from!, to!) },
  rm: { options: 'rf', least: 1, run: (paths, options, edited) => each(paths, (path) => remove(edited, path, options.has('r'), options.has('f'))) },
  rmdir: {
    least: 1,
    run: (paths, _, { fs }) => each(paths, async (path) => {
      const { folder, name } = await thereAt(fs, path);
      await fs.writer.rmdir(folder, name);
    }),
  },
  ln: {
    least: 2, most: 2,
    async run([target, path], _, { fs }) {
      const { there } = await thereAt(fs, target!);
      const { folder, name } = await freeAt(fs, path!);
      await fs.writer.link(folder, name, there.node);
    },
  },
  symlink: {
    least: 2, most: 2,
    async run([target, path], _, { fs }) {
      const { folder, name } = await freeAt(fs, path!);
      await fs.writer.symlink(folder, name, target!, { mode: LINK });
    },
  },
  chmod: {
    least: 2,
    run: ([mode, ...paths], _, { fs }) => each(paths, async (path) => fs.writer.change((await resolvePath(fs, path)).node, { mode: parseMode(mode!) })),
  },
  chown: {
    least: 2,
    run: ([owner, ...paths], _, { fs }) => each(paths, async (path) => fs.writer.change((await resolvePath(fs, path, { followLast: false })).node, parseOwner(owner!))),
  },
  setxattr: { least: 3, most: 3, run: async ([path, name, value], _, { fs }) => fs.writer.setXattr((await resolvePath(fs, path!, { followLast: false })).node, name!, parseValue(value!)) },
  rmxattr: { least: 2, most: 2, run: async ([path, name], _, { fs }) => fs.writer.removeXattr((await resolvePath(fs, path!, { followLast: false })).node, name!) },
};

/** Runs one operation. @throws UsageError for words that it does not take; DiskError */
export async function runOperation([name, ...rest]: readonly Name[], edited: Edited): Promise<void> {
  const operation = Object.hasOwn(OPERATIONS, name!) ? OPERATIONS[name!]! : undefined;
  if (operation === undefined) throw new UsageError(`there is no operation "${displayName(name!)}"; there are ${Object.keys(OPERATIONS).join(', ')}`);
  const { words, options } = takeOptions(rest, operation.options ?? '');
  if (words.length < operation.least || words.length > (operation.most ?? Infinity)) throw new UsageError(`"${name}" does not take ${words.length} words; see clutch edit --help`);
  await operation.run(words, options, edited);
}

/** Options stand first; "--" ends them. `-m` of mkdir takes the next word, as "M" says. */
function takeOptions(words: readonly Name[], letters: string): { readonly words: readonly Name[]; readonly options: ReadonlyMap<string, Name> } {
  const options = new Map<string, Name>();
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at]!;
    if (word === '--') {
      at++;
      break;
    }
    if (!/^-[a-z]+$/i.test(word)) break;
    for (const letter of word.slice(1)) {
      if (letters.includes(letter.toUpperCase())) options.set(letter.toUpperCase(), words[++at] ?? '');
      else if (letters.includes(letter)) options.set(letter, '');
      else throw new UsageError(`there is no option "-${displayName(letter)}"`);
    }
  }
  return { words: words.slice(at), options };
}

async function each(paths: readonly Name[], run: (path: Name) => Promise<void> | void): Promise<void> {
  for (const path of paths) await run(path);
}

/** The last name of a path, in its folder: symlinks on the way are followed, one at the end is not. @throws DiskError usage */
async function spotAt(fs: WritableFileSystem, path: Name): Promise<Spot> {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const name = parts.pop();
  if (name === undefined || name === '..') throw usage('EINVAL', `${displayName(path)} names nothing in a folder`);
  const above = await resolvePath(fs, `/${parts.join('/')}`);
  if (above.stat.type !== 'dir') throw usage('ENOTDIR', `/${displayName(parts.join('/'))} is not a directory`);
  const node = await fs.lookup(above.node, name);
  return { folder: above.node, name, path, ...(node === undefined ? {} : { there: { node, stat: await fs.stat(node) } }) };
}

async function thereAt(fs: WritableFileSystem, path: Name): Promise<Required<Spot>> {
  const spot = await spotAt(fs, path);
  if (spot.there === undefined) throw usage('ENOENT', `There is no ${displayName(path)}`);
  return { ...spot, there: spot.there };
}

async function freeAt(fs: WritableFileSystem, path: Name): Promise<Spot> {
  const spot = await spotAt(fs, path);
  if (spot.there !== undefined) throw usage('EEXIST', `There is a ${displayName(path)} already`);
  return spot;
}

/** What a path leads to, links followed; an empty file where there is nothing. */
async function nodeOrNewFile(fs: WritableFileSystem, path: Name): Promise<NodeId> {
  try {
    return (await resolvePath(fs, path)).node;
  } catch (error) {
    if (!isDiskError(error) || error.fault.kind !== 'usage' || error.fault.errno !== 'ENOENT') throw error;
    const { folder, name, there } = await spotAt(fs, path);
    // A link that leads nowhere.
    if (there !== undefined) throw error;
    return fs.writer.create(folder, name, { mode: NEW_FILE });
  }
}

async function fileAt(fs: WritableFileSystem, path: Name): Promise<NodeId> {
  const node = await nodeOrNewFile(fs, path);
  const { type } = await fs.stat(node);
  if (type !== 'file') throw usage(type === 'dir' ? 'EISDIR' : 'EINVAL', `${displayName(path)} is a ${type}, not a file`);
  return node;
}

async function mkdir({ fs }: Edited, path: Name, parents: boolean, mode: number): Promise<void> {
  if (!parents) {
    const { folder, name } = await freeAt(fs, path);
    await fs.writer.mkdir(folder, name, { mode });
    return;
  }
  const parts = path.split('/').filter((part) => part !== '');
  for (let count = 1; count <= parts.length; count++) {
    const { folder, name, there } = await spotAt(fs, parts.slice(0, count).join('/'));
    if (there === undefined) await fs.writer.mkdir(folder, name, { mode: count === parts.length ? mode : NEW_FOLDER });
    else if ((await resolvePath(fs, parts.slice(0, count).join('/'))).stat.type !== 'dir') throw usage('EEXIST', `There is a ${displayName(name)} already, which is no folder`);
  }
}

/** As cp(1) does: into a folder that is there, else under the new name. Folders are merged, files replaced. */
async function put({ fs, job }: Edited, local: Name, path: Name): Promise<void> {
  const from = resolve(local);
  if (lstatSync(from, { throwIfNoEntry: false }) === undefined) throw usage('ENOENT', `There is no ${displayName(from)} on this computer`);
  const tree = new HostTree([from]);
  try {
    const { node, name: own } = tree.entries[0]!;
    const into = await folderAt(fs, path);
    const { folder, name } = into === undefined ? await spotAt(fs, path) : { folder: into, name: own };
    let failure: Error | undefined;
    const strict: JobContext = { ...job, log: (note) => (note.level === 'error' ? (failure ??= new Error(`${note.path === undefined ? '' : `${displayName(note.path)}: `}${note.message}`)) : job.log(note)) };
    await copy({ fs: tree, entries: [{ folder: tree.root, node, name }], move: false }, { fs, folder }, { conflict: 'replace', folders: 'merge' }, strict, newTally());
    if (failure !== undefined) throw failure;
  } finally {
    tree.close();
  }
}

async function move({ fs }: Edited, from: Name, to: Name): Promise<void> {
  const source = await thereAt(fs, from);
  const into = await folderAt(fs, to);
  const target = into === undefined ? await spotAt(fs, to) : { folder: into, name: source.name };
  await fs.writer.rename(source.folder, source.name, target.folder, target.name, 'replace');
}

/** The folder that a path leads to; undefined where there is none. */
async function folderAt(fs: WritableFileSystem, path: Name): Promise<NodeId | undefined> {
  try {
    const { node, stat } = await resolvePath(fs, path);
    return stat.type === 'dir' ? node : undefined;
  } catch (error) {
    if (isDiskError(error) && error.fault.kind === 'usage' && !path.endsWith('/')) return undefined;
    throw error;
  }
}

async function remove({ fs, job }: Edited, path: Name, recursive: boolean, quiet: boolean): Promise<void> {
  const { folder, name, there } = await spotAt(fs, path);
  if (there === undefined) {
    if (quiet) return;
    throw usage('ENOENT', `There is no ${displayName(path)}`);
  }
  if (there.stat.type !== 'dir') await fs.writer.unlink(folder, name);
  else if (recursive) await removeBelow(fs, { folder, name, node: there.node }, job);
  else throw usage('EISDIR', `${displayName(path)} is a folder; rm -r deletes it with all in it`);
}

function parseMode(text: string): number {
  if (!/^[0-7]{1,5}$/.test(text) || Number.parseInt(text, 8) > 0o7777) throw new UsageError(`"${displayName(text)}" is no mode; write 0644 or 4755`);
  return Number.parseInt(text, 8);
}

function parseOwner(text: string): { readonly uid?: number; readonly gid?: number } {
  const [, user, group] = /^(\d*)(?::(\d*))?$/.exec(text) ?? [];
  const ids = { ...(user ? { uid: Number(user) } : {}), ...(group ? { gid: Number(group) } : {}) };
  if (Object.keys(ids).length === 0 || Object.values(ids).some((id) => id > MOST_ID)) throw new UsageError(`"${displayName(text)}" is no owner; write 1000:1000, 1000 or :1000`);
  return ids;
}

/** Nanoseconds since 1970. */
function parseTime(text: string): bigint {
  const [, sign, seconds, fraction = ''] = /^@(-?)(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  if (seconds !== undefined) {
    const value = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
    return sign === '-' ? -value : value;
  }
  const time = Date.parse(text);
  if (Number.isNaN(time) || !/^\d{4}-/.test(text)) throw new UsageError(`"${displayName(text)}" is no time; write @1700000000 or 2024-01-31T12:00:00Z`);
  return BigInt(time) * 1_000_000n;
}

function parseValue(text: Name): Uint8Array {
  const [, hex] = /^0x((?:[0-9a-f]{2})*)$/i.exec(text) ?? [];
  return hex === undefined ? encodeName(text) : Uint8Array.from(Buffer.from(hex, 'hex'));
}
