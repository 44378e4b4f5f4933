import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isDiskError } from '../core/errors.ts';
import { type FileSystem, type ListBatch, type NodeId, type Stat } from '../core/filesystem.ts';
import { readBytes } from '../core/bytes/device.ts';
import { compareWalks } from './compare.ts';
import { listAll, readAll, walk, type WalkEntry } from './walk.ts';

/** A filesystem to examine, and what is known to be in it. */
export interface Subject {
  readonly fs: FileSystem;
  /** As the reference walked it, hashes included. */
  readonly expected: readonly WalkEntry[];
  /** After the filesystem itself was closed. */
  dispose?(): Promise<void> | void;
}

/** Files above this many bytes are only sampled. */
const WHOLE = 4 * 1024 * 1024;

/** Folders and files of one subject that each rule is tried on, evenly chosen. */
const SAMPLE = 200;

/** What every FileSystem must keep, whoever made it: an engine, a guest, a mount. Declares a vitest suite. */
export function conformance(name: string, open: () => Promise<Subject>): void {
  describe(`conformance: ${name}`, () => {
    let subject: Subject;
    let fs: FileSystem;
    /** Path → node and stat, found by listing. */
    const found = new Map<string, { node: NodeId; stat: Stat }>();

    beforeAll(async () => {
      subject = await open();
      fs = subject.fs;
      await discover('', fs.root);
    });
    afterAll(async () => {
      await fs.close();
      await subject.dispose?.();
    });

    it('holds exactly the expected tree', async () => {
      expect(compareWalks(subject.expected, await walk(fs)).differences).toEqual([]);
    });

    it('finds by lookup what listing shows', async () => {
      for (const entry of sample(subject.expected, 2000)) {
        let node: NodeId | undefined = fs.root;
        for (const part of entry.path.split('/').filter((each) => each !== '')) node = await fs.lookup(node!, part);
        expect(node, entry.path).toBe(found.get(entry.path)!.node);
      }
    });

    it('names each type in listings as stat does, or not at all', async () => {
      for (const [, dir] of sample([...found].filter(isDir), SAMPLE)) {
        for (const entry of await listAll(fs, dir.node)) {
          expect(entry.name === '.' || entry.name === '..').toBe(false);
          if (entry.type !== undefined) expect(entry.type).toBe((await fs.stat(entry.node)).type);
        }
      }
    });

    it('goes on with a listing from every batch border', async () => {
      for (const [path, dir] of sample([...found].filter(isDir), SAMPLE)) {
        const batches: ListBatch[] = [await fs.list(dir.node)];
        for (let next = batches[0]!.next; next !== undefined; next = batches.at(-1)!.next) batches.push(await fs.list(dir.node, next));
        const names = batches.flatMap((batch) => batch.entries.map((entry) => entry.name));
        expect(new Set(names).size, path).toBe(names.length);
        // Backwards, so that no order of use is silently relied on.
        for (let i = batches.length - 1; i >= 0; i--) {
          const cursor = i === 0 ? undefined : batches[i - 1]!.next;
          expect(await fs.list(dir.node, cursor), `${path} batch ${i}`).toEqual(batches[i]);
        }
      }
    });

    it('does not find names that are not there', async () => {
      for (const [path, dir] of sample([...found].filter(isDir), 50)) {
        for (const missing of ['no such name', 'q'.repeat(255), '\udcf0\udcfe']) expect(await fs.lookup(dir.node, missing), `${path}/${missing}`).toBeUndefined();
      }
    });

    it('takes wrong requests as the caller\'s mistakes', async () => {
      for (const [path, { node, stat }] of sample([...found], SAMPLE)) {
        if (stat.type !== 'dir') {
          await expectUsage('ENOTDIR', () => fs.lookup(node, 'x'), path);
          await expectUsage('ENOTDIR', () => fs.list(node), path);
        } else {
          await expectUsage('EISDIR', () => fs.read(node, 0, new Uint8Array(1)), path);
        }
        if (stat.type !== 'symlink') await expectUsage('EINVAL', () => fs.readlink(node), path);
      }
    });

    it('ends in a DiskError for nodes that are not there', async () => {
      for (const node of [-1, 0.5, Number.NaN, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
        for (const call of [() => fs.stat(node), () => fs.list(node), () => fs.lookup(node, 'x'), () => fs.read(node, 0, new Uint8Array(1)), () => fs.readlink(node)]) await expectDiskError(call);
      }
    });

    it('reads the same bytes at every offset and length', async () => {
      const random = generator(1);
      for (const [path, { node, stat }] of sample([...found].filter(isFile), SAMPLE)) {
        if (stat.size > WHOLE) continue;
        const whole = await readAll(fs, node);
        expect(whole.length, path).toBe(stat.size);
        for (let i = 0; i < 24; i++) {
          const at = i < 4 ? Math.max(0, stat.size - i) : Math.floor(random() * (stat.size + 1));
          const length = Math.floor(random() ** 3 * 70_000);
          // What lies behind the answer's end must stay as it was.
          const into = new Uint8Array(length).fill(0xa5);
          const count = await fs.read(node, at, into);
          expect(count, `${path} at ${at}`).toBe(Math.min(length, stat.size - at));
          expect(Buffer.compare(into.subarray(0, count), whole.subarray(at, at + count)), `${path} at ${at}, ${length} bytes`).toBe(0);
          expect(into.subarray(count).every((byte) => byte === 0xa5), `${path} past its end`).toBe(true);
        }
      }
    });

    it('reads nothing at and past the end', async () => {
      for (const [path, { node, stat }] of sample([...found].filter(isFile), SAMPLE)) {
        for (const at of [stat.size, stat.size + 1, stat.size + 1_000_000, 2 ** 45]) expect(await fs.read(node, at, new Uint8Array(10)), path).toBe(0);
        expect(await fs.read(node, 0, new Uint8Array(0)), path).toBe(0);
      }
    });

    it('gives a value for each attribute it lists, and none for others', async () => {
      for (const [path, { node }] of sample([...found], 1000)) {
        for (const attribute of (await fs.xattrs?.list(node)) ?? []) expect(await fs.xattrs!.get(node, attribute), `${path} ${attribute}`).toBeInstanceOf(Uint8Array);
        expect(await fs.xattrs?.get(node, 'user.no such attribute'), path).toBeUndefined();
      }
    });

    it('maps every byte that is not zero', async () => {
      for (const [path, { node, stat }] of sample([...found].filter(isFile), SAMPLE)) {
        if (fs.extents === undefined || stat.size > WHOLE) continue;
        const whole = await readAll(fs, node);
        const rest = whole.slice();
        let last = 0;
        for (const run of await fs.extents.map(node)) {
          expect(run.logical, `${path}: runs in order`).toBeGreaterThanOrEqual(last);
          expect(run.length, path).toBeGreaterThan(0);
          last = run.logical + run.length;
          const mapped = whole.subarray(run.logical, last);
          if (run.unwritten) expect(mapped.every((byte) => byte === 0), `${path}: unwritten at ${run.logical}`).toBe(true);
          else if (run.physical !== undefined) expect(Buffer.compare(readBytes(fs.extents.device, run.physical, mapped.length), mapped), `${path}: run at ${run.logical}`).toBe(0);
          rest.fill(0, run.logical, last);
        }
        expect(rest.every((byte) => byte === 0), `${path}: data outside its runs`).toBe(true);
      }
    });

    it('describes every node in words, the same each time', async () => {
      if (fs.describe === undefined) return;
      for (const [path, { node }] of sample([...found], SAMPLE)) {
        const sections = await fs.describe(node);
        const titles = sections.map(({ title }) => title);
        expect(new Set(titles).size, path).toBe(titles.length);
        for (const { title, facts } of sections) {
          expect(facts.length, `${path}: ${title}`).toBeGreaterThan(0);
          // Shown as they are: no control characters, nothing that was not there, no value that fills a page.
          // oxlint-disable-next-line no-control-regex
          for (const text of [title, ...facts.flat()]) expect(text, path).toMatch(/^(?!.*(?:undefined|NaN))[^\u0000-\u001f\u007f]{1,1000}$/);
        }
        expect(await fs.describe(node), path).toEqual(sections);
      }
      await expectDiskError(() => fs.describe!(-1));
    });

    it('gives hard links one node, as often as nlink says', () => {
      const links = new Map<NodeId, number>();
      for (const { node } of found.values()) links.set(node, (links.get(node) ?? 0) + 1);
      for (const [path, { node, stat }] of [...found].filter((each) => !isDir(each))) expect(links.get(node), path).toBe(stat.nlink);
    });

    it('answers the same when asked in between other questions', async () => {
      const [first, second] = sample([...found].filter(isDir), 2);
      if (second === undefined) return;
      const alone = [await listAll(fs, first![1].node), await listAll(fs, second[1].node)];
      expect(await Promise.all([listAll(fs, first![1].node), listAll(fs, second[1].node)])).toEqual(alone);
    });

    it('ends in a DiskError once it is closed', async () => {
      const other = await open();
      await other.fs.close();
      await expectDiskError(() => other.fs.stat(other.fs.root));
      await expectDiskError(() => other.fs.list(other.fs.root));
      await other.dispose?.();
    });

    async function discover(path: string, node: NodeId): Promise<void> {
      const stat = await fs.stat(node);
      found.set(path === '' ? '/' : path, { node, stat });
      if (stat.type === 'dir') for (const entry of await listAll(fs, node)) await discover(`${path}/${entry.name}`, entry.node);
    }
  });
}

type Found = [string, { node: NodeId; stat: Stat }];

function isDir([, { stat }]: Found): boolean {
  return stat.type === 'dir';
}

function isFile([, { stat }]: Found): boolean {
  return stat.type === 'file' && !stat.flags.includes('encrypted');
}

/** At most `most` of them, evenly spread. */
function sample<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all];
  return Array.from({ length: most }, (_, i) => all[Math.floor((i * all.length) / most)]!);
}

async function expectUsage(errno: string, call: () => unknown, what: string): Promise<void> {
  const error = await failure(call);
  expect(isDiskError(error) ? error.fault : error, what).toMatchObject({ kind: 'usage', errno });
}

async function expectDiskError(call: () => unknown): Promise<void> {
  const error = await failure(call);
  expect(isDiskError(error), String(error)).toBe(true);
}

async function failure(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Seeded numbers in [0, 1): mulberry32. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
