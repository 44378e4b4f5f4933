import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cursor, FileSystem, NodeId } from '../../../engines/core/filesystem.ts';
import { FOREIGN_FILES, type ForeignRecipe } from '../../../engines/testing/recipes/foreign.ts';
import { hasTool, HERE } from '../../../engines/testing/recipes/build.ts';
import { type ImageSession, openImage } from '../../session.ts';
import type { GuestFilesystem } from '../manifest.ts';
import type { GuestSupport } from '../support.ts';

/** What an image must show when it is opened: size and sha256 by path. */
export type Expected = Readonly<Record<string, { readonly size: number; readonly sha256: string }>>;

/** What is written: a file of many blocks, and one in a new folder. */
const WRITTEN: Readonly<Record<string, string>> = { '/NEW.TXT': Array.from({ length: 3000 }, (_, i) => `line ${i}\n`).join(''), '/NEWDIR/NEW2.TXT': 'second\n' };
/** Filesystems without folders. */
const FLAT = new Set(['bfs']);

/** What the recipe put in. */
export function expectedOf({ holds, expects }: Pick<ForeignRecipe, 'holds' | 'expects'>): Expected {
  if (expects !== undefined) return expects;
  const held = Object.entries(FOREIGN_FILES).filter(([path]) => holds === 'tree' || holds === 'files' || (holds === 'root' && path.lastIndexOf('/') === 0) || (holds === 'few' && (path === '/HELLO.TXT' || path === '/DIR/INNER.TXT')));
  return digests(Object.fromEntries(held));
}

function digests(files: Readonly<Record<string, string>>): Expected {
  return Object.fromEntries(Object.entries(files).map(([path, text]) => [path, { size: Buffer.byteLength(text), sha256: createHash('sha256').update(text).digest('hex') }]));
}

/** What a run through one guest or engine showed. */
export interface Shown {
  readonly read: boolean;
  /** Written, and read back by another boot; `judged` where the filesystem's own checker found nothing afterwards. */
  readonly written: boolean;
  readonly judged: boolean;
}

export interface ProveOptions {
  readonly guests: GuestSupport | 'none';
  /** The id of what opens it: "guest:linux-6.12", or an engine's. */
  readonly opener: string;
  readonly served: Pick<GuestFilesystem, 'format' | 'access'>;
  readonly expected: Expected;
  /** Says of the image at $1 whether it is sound. */
  readonly judge?: string;
  readonly scratch: string;
}

/**
 * Opens a copy of the image with one guest or engine and compares; where that writes, it writes, applies, lets the reference judge, and reads back by
 * another boot.
 * @throws Error what was not as it must be; DiskError what kept the guest from it
 */
export async function prove(image: string, { guests, opener, served, expected, judge, scratch }: ProveOptions): Promise<Shown> {
  const copy = join(scratch, 'image');
  copyFileSync(image, copy);
  const before = digest(copy);
  const how = { guests, open: false };
  const session = await openImage(copy, how);
  try {
    await session.reopen('0', { format: opener });
    compare(await filesOf(session), expected);
    if (served.access !== 'read-write') {
      await session.close();
      same(before, digest(copy), 'the image changed though it was only read');
      return { read: true, written: false, judged: false };
    }
    await session.editing.unlock();
    for (const [path, text] of Object.entries(WRITTEN)) {
      if (FLAT.has(served.format) && path.lastIndexOf('/') > 0) continue;
      await session.editing.operation({ text: `Put ${path}`, layer: '0' }, () => put(session.select().filesystem, path, text));
    }
    same(before, digest(copy), 'the image changed before Apply');
    await session.editing.apply();
    await session.editing.lock();
    await session.close();
  } catch (error) {
    await session.close({ discard: true }).catch(() => {});
    throw error;
  }
  if (before === digest(copy)) throw new Error('the image did not change by Apply');
  const judged = judge !== undefined && hasTool(judge.split(' ')[0]!);
  if (judged) {
    const done = spawnSync('sh', ['-c', judge, 'sh', copy], { encoding: 'utf8', env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C', HERE } });
    if (done.status !== 0) throw new Error(`${judge} says of what was written (exit ${done.status}):\n${done.stdout}${done.stderr}`.slice(0, 4000));
  }
  const again = await openImage(copy, how);
  try {
    await again.reopen('0', { format: opener });
    const written = Object.fromEntries(Object.entries(WRITTEN).filter(([path]) => !FLAT.has(served.format) || path.lastIndexOf('/') === 0));
    compare(await filesOf(again), { ...expected, ...digests(written) });
  } finally {
    await again.close({ discard: true });
  }
  rmSync(copy);
  return { read: true, written: true, judged };
}

export async function put(fs: FileSystem, path: string, text: string): Promise<void> {
  const names = path.slice(1).split('/');
  const writer = fs.writer;
  if (writer === undefined) throw new Error(`${path} can't be written: ${fs.info.access.reason}`);
  let dir = fs.root;
  for (const name of names.slice(0, -1)) dir = (await fs.lookup(dir, name)) ?? (await writer.mkdir(dir, name, { mode: 0o755 }));
  const node = await writer.create(dir, names.at(-1)!, { mode: 0o644 });
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await writer.write(node, at, bytes.subarray(at));
}

function same(a: string, b: string, message: string): void {
  if (a !== b) throw new Error(message);
}

const digest = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Every plain file by path. What filesystems have of their own (lost+found, .nilfs) may be there besides. */
export async function filesOf(session: ImageSession): Promise<Expected> {
  const { filesystem } = session.select();
  const found: Record<string, { size: number; sha256: string }> = {};
  await walk(filesystem, filesystem.root, '', found, 0);
  return found;
}

async function walk(fs: FileSystem, dir: NodeId, path: string, found: Record<string, { size: number; sha256: string }>, depth: number): Promise<void> {
  if (depth > 20) return;
  let cursor: Cursor | undefined;
  do {
    const batch = await fs.list(dir, cursor);
    for (const { name, node } of batch.entries) {
      const stat = await fs.stat(node);
      if (stat.type === 'dir') await walk(fs, node, `${path}/${name}`, found, depth + 1);
      else if (stat.type === 'file') {
        const bytes = new Uint8Array(stat.size);
        for (let at = 0; at < bytes.length;) {
          const got = await fs.read(node, at, bytes.subarray(at));
          if (got === 0) throw new Error(`${path}/${name} ends at byte ${at} of ${stat.size}`);
          at += got;
        }
        found[`${path}/${name}`] = { size: stat.size, sha256: createHash('sha256').update(bytes).digest('hex') };
      }
    }
    cursor = batch.next;
  } while (cursor !== undefined);
}

/** Whether all that is expected was found. @throws Error what was not */
export function compare(found: Expected, expected: Expected): void {
  // Some keep names in their own case.
  const byName = new Map(Object.entries(found).map(([path, each]) => [path.toUpperCase(), each]));
  for (const [path, { size, sha256 }] of Object.entries(expected)) {
    const each = byName.get(path);
    if (each === undefined) throw new Error(`${path} is missing; there are ${[...byName.keys()].join(', ') || 'no files'}`);
    if (each.size !== size || each.sha256 !== sha256) throw new Error(`${path} has ${each.size} bytes of sha256 ${each.sha256}; ${size} bytes of ${sha256} were written`);
  }
}

/** What was shown, in sentences for the support matrix. @param opener "native", or a guest's name */
export function said({ written, judged }: Shown, { name, holds, judge, judgedBy, tools, maker = tools[0] === 'python3' ? 'a maker of ours' : tools[0] }: ForeignRecipe, opener: string): string[] {
  const image = `an image of ${maker}${name === 'xfs-v4' ? ' in version 4' : ''}`;
  return [
    ...(holds === 'nothing' ? [] : [`${image} is read: names, sizes and contents as its maker put them in`]),
    ...(written ? [`${image} is written to, and read back by ${opener === 'native' ? 'another opening' : 'another boot'}${judged ? `; ${judgedBy ?? judge!.split(' ')[0]} finds nothing` : ''}`] : []),
  ];
}

/** Adds what was shown to the list that the support matrix is made from, where CLUTCH_RECORD_PROOFS asks for it. */
export function record(opener: string, format: string, what: string): void {
  if (process.env['CLUTCH_RECORD_PROOFS'] === undefined) return;
  const file = join(import.meta.dirname, '../tested.json');
  const kept = (JSON.parse(readFileSync(file, 'utf8')) as { opener: string; format: string; what: string }[]).filter((each) => each.opener !== opener || each.format !== format || each.what !== what);
  const all = [...kept, { opener, format, date: new Date().toISOString().slice(0, 10), what }].toSorted((a, b) => (`${a.opener}/${a.format}/${a.what}` < `${b.opener}/${b.format}/${b.what}` ? -1 : 1));
  writeFileSync(file, `${JSON.stringify(all, undefined, 2)}\n`);
}
