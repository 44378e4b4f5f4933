import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { streamChannel } from '../../../host/channels.ts';
import { type ByteChannel, channelPair } from '../../core/channel.ts';
import { isDiskError } from '../../core/errors.ts';
import type { FileSystem, NodeId } from '../../core/filesystem.ts';
import type { Writer } from '../../core/writer.ts';
import { compareWalks } from '../../testing/compare.ts';
import { missingDiod, startDiod } from '../../testing/diod.ts';
import { type Random, random } from '../../testing/fuzz/random.ts';
import { WritableMemoryFileSystem } from '../../testing/memory-writer.ts';
import { skip } from '../../testing/oracle/check.ts';
import { askReference } from '../../testing/oracle/truth.ts';
import { readAll, walk, type WalkEntry } from '../../testing/walk.ts';
import { connect9p, open9pFileSystem, serve9p } from './index.ts';

const NAMES = ['a', 'b', 'c', 'd', 'dir', 'file', 'ä', '\udcff\udc80', 'x'.repeat(20)];

type Side = FileSystem & { readonly writer: Writer };

/** A node by both sides' numbers. */
interface Twin {
  readonly model: NodeId;
  readonly remote: NodeId;
}

/**
 * Random changes, done to a tree in memory and by way of 9P: directories move with what is open and known below them, files are replaced,
 * removed while they are held, and their names come back for others.
 */
class Run {
  readonly log: string[] = [];
  readonly #model: Side;
  readonly #remote: Side;
  readonly #random: Random;
  readonly #held: Twin[] = [];
  done = 0;

  constructor(model: Side, remote: Side, choose: Random) {
    this.#model = model;
    this.#remote = remote;
    this.#random = choose;
  }

  async step(): Promise<void> {
    const { below, pick, oneIn } = this.#random;
    const [one, two] = [await this.#place(), await this.#place()];
    const [name, other] = [pick(NAMES), pick(NAMES)];
    const given = { mode: below(0o10000) & ~0o1000 | 0o400, uid: below(3), gid: below(3) };
    const mode = oneIn(4) ? 'keep' : 'replace';
    const what = below(100);
    if (what < 18) await this.#both(`create ${name}`, (side, of) => side.writer.create(of(one), name, given));
    else if (what < 32) await this.#both(`mkdir ${name}`, (side, of) => side.writer.mkdir(of(one), name, given));
    else if (what < 36) await this.#both(`symlink ${name}`, (side, of) => side.writer.symlink(of(one), name, other, { mode: 0o777 }));
    else if (what < 54) await this.#both(`rename ${name} ${other}`, (side, of) => side.writer.rename(of(one), name, of(two), other, mode), true);
    else if (what < 60) await this.#both(`unlink ${name}`, (side, of) => side.writer.unlink(of(one), name));
    else if (what < 64) await this.#both(`rmdir ${name}`, (side, of) => side.writer.rmdir(of(one), name));
    else {
      const twin = oneIn(4) && this.#held.length > 0 ? pick(this.#held) : await this.#find(one, name);
      if (twin === undefined) return;
      const [at, bytes, size] = [below(200_000), Uint8Array.from({ length: below(oneIn(4) ? 150_000 : 2000) }, (_, i) => i * 13 + what), below(250_000)];
      const named = (await this.#model.stat(twin.model)).nlink > 0;
      if (what < 76) await this.#both('write', (side, of) => side.writer.write(of(twin), at, bytes));
      else if (what < 80 && named) await this.#both('truncate', (side, of) => side.writer.truncate(of(twin), size));
      else if (what < 85 && named) await this.#both('link', (side, of) => side.writer.link(of(two), other, of(twin)));
      else if (what < 89 && named && (await this.#model.stat(twin.model)).type !== 'symlink') await this.#both('change', (side, of) => side.writer.change(of(twin), { mode: given.mode, mtime: BigInt(size) * 1_000_003n }));
      else if (what < 92 && named) await this.#both('xattr', (side, of) => side.writer.setXattr(of(twin), 'trusted.tag', bytes.subarray(0, 900).length === 0 ? Uint8Array.of(1) : bytes.subarray(0, 900)));
      else if (what < 95) {
        await this.#both('hold', (side, of) => side.writer.hold(of(twin)));
        this.#held.push(twin);
      } else if (this.#held.length > 0 && oneIn(2)) {
        const [released] = this.#held.splice(below(this.#held.length), 1);
        await this.#both('release', (side, of) => side.writer.release(of(released!)));
      } else {
        const [mine, theirs] = [await seenOf(this.#model, twin.model), await seenOf(this.#remote, twin.remote)];
        if (mine !== theirs) throw new Error(`A node should be ${mine} and is ${theirs}\n${this.log.slice(-20).join('\n')}`);
      }
    }
  }

  async finish(): Promise<void> {
    for (const twin of this.#held.splice(0)) await this.#both('release', (side, of) => side.writer.release(of(twin)));
    await this.#remote.writer.sync();
  }

  /** @param loose servers that rename in their own order of checks may refuse for another reason */
  async #both(text: string, call: (side: Side, of: (twin: Twin) => NodeId) => unknown, loose = false): Promise<void> {
    const [mine, theirs] = [await attempt(() => call(this.#model, ({ model }) => model)), await attempt(() => call(this.#remote, ({ remote }) => remote))];
    this.log.push(`${text}: ${mine ?? 'done'}`);
    if (mine === undefined) this.done++;
    if ((mine === undefined) !== (theirs === undefined) || !loose && mine !== theirs) throw new Error(`${text} should be ${mine ?? 'done'} and is ${theirs ?? 'done'}\n${this.log.slice(-20).join('\n')}`);
  }

  /** A random directory. */
  async #place(): Promise<Twin> {
    let twin: Twin = { model: this.#model.root, remote: this.#remote.root };
    while (!this.#random.oneIn(3)) {
      const next = await this.#find(twin, this.#random.pick(NAMES));
      if (next === undefined || (await this.#model.stat(next.model)).type !== 'dir') continue;
      twin = next;
    }
    return twin;
  }

  async #find(dir: Twin, name: string): Promise<Twin | undefined> {
    const [model, remote] = [await this.#model.lookup(dir.model, name), await this.#remote.lookup(dir.remote, name)];
    if ((model === undefined) !== (remote === undefined)) throw new Error(`${name} is ${remote === undefined ? 'not ' : ''}found\n${this.log.slice(-20).join('\n')}`);
    return model === undefined ? undefined : { model, remote: remote! };
  }
}

/** The errno that it ends in; undefined when it is done. */
async function attempt(call: () => unknown): Promise<string | undefined> {
  try {
    await call();
  } catch (error) {
    if (isDiskError(error) && error.fault.kind === 'usage') return error.fault.errno;
    throw error;
  }
  return undefined;
}

/** A node in one line, with the hash of its contents. */
async function seenOf(fs: FileSystem, node: NodeId): Promise<string> {
  const { type, size, mode, uid, nlink } = await fs.stat(node);
  if (type === 'dir') return `dir ${mode} ${uid}`;
  return `${type} ${size} ${mode} ${uid} ${nlink} ${type === 'file' ? createHash('sha256').update(await readAll(fs, node)).digest('hex') : ''}`;
}

/** A walk without what the two sides have each in its own way: times by two clocks, and sizes of directories. */
async function common(fs: FileSystem): Promise<WalkEntry[]> {
  return (await walk(fs)).map(inCommon);
}

function inCommon(entry: WalkEntry): WalkEntry {
  const { path, type, mode, uid, gid, nlink, target, xattrs, sha256, size, error } = entry;
  const known = { path, type, mode, uid, gid, nlink, target, xattrs, sha256, error, ...(type === 'dir' ? {} : { size }) };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)) as unknown as WalkEntry;
}

async function tryModel(channel: ByteChannel, aname: string, seed: number): Promise<WritableMemoryFileSystem> {
  const model = new WritableMemoryFileSystem();
  const remote = await open9pFileSystem(await connect9p(channel, { aname, msize: 16_384 }), { format: 'model', label: '', uuid: '', details: [], write: true }) as Side;
  await remote.writer.change(remote.root, { mode: 0o755 });
  const run = new Run(model, remote, random(seed, 1));
  for (let i = 0; i < 500; i++) await run.step();
  await run.finish();
  expect(run.done).toBeGreaterThan(150);
  expect(compareWalks(await common(model), await common(remote)).differences).toEqual([]);
  await remote.close();
  return model;
}

describe('random changes by way of 9P', () => {
  it.each([1, 2, 3])('over our own server, seed %i', async (seed) => {
    const [ours, theirs] = channelPair();
    const served = new WritableMemoryFileSystem();
    serve9p(theirs, served);
    const model = await tryModel(ours, '', seed);
    expect((await walk(served)).map(({ path }) => path)).toEqual((await walk(model)).map(({ path }) => path));
  });

  const missing = missingDiod();
  it.for([4, 5, 6])('over diod, which knows files by their paths, seed %i', async (seed, context) => {
    if (missing !== undefined) skip(context, missing);
    const folder = mkdtempSync(join(tmpdir(), 'clutch-diod-'));
    const diod = startDiod(folder);
    const model = await tryModel(streamChannel(diod.socket), folder, seed);
    const truth = askReference(folder, { oracle: 'folder', digest: '' });
    if ('refused' in truth) throw new Error(truth.refused);
    expect(compareWalks(truth.entries.map(inCommon), await common(model)).differences).toEqual([]);
    await diod.stop();
    rmSync(folder, { recursive: true });
  });
});
