import { MemoryDevice } from '../../core/bytes/memory.ts';
import { OverlayDevice } from '../../core/bytes/overlay.ts';
import { isDiskError } from '../../core/errors.ts';
import type { FileSystem, NodeId } from '../../core/filesystem.ts';
import type { WriteAccess } from '../../core/probe.ts';
import type { Writer } from '../../core/writer.ts';
import { ext4 } from '../../filesystems/ext4/index.ts';
import { testContext } from '../context.ts';
import { runOwn } from '../fsck/compare.ts';
import type { Judge } from './check.ts';
import type { Random } from './random.ts';
import { Broken, busy, type Outcome, TIME_LIMIT, TooSlow } from './walk.ts';

/** Operations of one image, and names that they choose from: what goes beyond would lower the rate. */
const MOST = { operations: 24, directories: 40, names: 150 };

/** Offsets and lengths, in bytes, at which something ends or begins. */
const SIZES = [0, 1, 59, 60, 100, 1023, 1024, 1025, 5000, 12_288, 70_000, 300_000, 2 ** 31 - 1, 2 ** 31, 2 ** 32 + 5, 2 ** 44, 2 ** 53 - 1];
const LENGTHS = [1, 10, 160, 1024, 4096, 5000, 70_000, 400_000];

/** Numbers of nodes that no name should lead to: reserved ones, and such as are none. */
const STRANGE = [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 2 ** 31, 2 ** 32 - 1, 2 ** 32, -1];

const NOW = 1_800_000_000_000_000_000n;

/** Operations that may have done a first part when they fail, or have written a value into blocks that are free again. */
const IN_PARTS = new Set(['write', 'truncate', 'allocate', 'setXattr']);

type Writable = FileSystem & { readonly writer: Writer };

interface Named {
  readonly dir: NodeId;
  readonly name: string;
  readonly node: NodeId;
}

/**
 * Opens an image for writing and changes it at random. Never throws. An operation ends in a result or a DiskError; one that failed has written
 * nothing; an image that our check found clean before is clean afterwards.
 */
export async function exerciseChanges(image: Uint8Array, choose: Random, judge?: Judge): Promise<Outcome> {
  const started = busy();
  const count = { nodes: 0, errors: 0 };
  const counts: Record<string, number> = {};
  let layers = 0;
  let failure: Error | undefined;
  let ms = 0;
  try {
    const device = new Watched(image);
    const fs = await opened(device, accessOf(choose));
    count.errors += fs === undefined ? 1 : 0;
    if (fs !== undefined) {
      layers = 1;
      const session = new Session(fs, device, choose, count);
      await session.run();
      ms = busy() - started;
      const was = await runOwn(image, false, NOW);
      if (was.result.state === 'clean' && was.findings.length === 0) {
        counts['clean before'] = 1;
        const after = device.bytes();
        const { result, findings } = await runOwn(after, false, NOW);
        if (result.state !== 'clean') throw new Broken(`what was clean is ${result.state} after ${session.log.join('; ')}: ${findings[0]?.code}: ${findings[0]?.message}`);
        if (judge?.(image) === '') {
          counts['judged'] = 1;
          const words = judge(after);
          if (words !== undefined && words !== '') throw new Broken(`the reference finds damage after ${session.log.join('; ')}: ${words}`);
        }
      }
    }
  } catch (error) {
    failure = error instanceof Error ? error : new Broken(String(error));
  }
  ms ||= busy() - started;
  if (failure === undefined && ms > TIME_LIMIT) failure = new TooSlow(`it took ${Math.round(ms)} ms`);
  return { failure, ms, layers, ...count, counts };
}

function accessOf(choose: Random): WriteAccess {
  return {
    durability: choose.oneIn(2) ? 'direct' : 'staged',
    // The clock of a machine may be wrong; one that goes before the check's is a finding of the check.
    now: () => choose.pick([NOW, NOW, NOW, 0n, -5_000_000_000n]),
    random: (into) => { for (let i = 0; i < into.length; i++) into[i] = choose.below(256); },
    redo: { begin() {}, end() {} },
  };
}

async function opened(device: Watched, write: WriteAccess): Promise<Writable | undefined> {
  try {
    return await ext4.open(device, { ...testContext(), write }) as Writable;
  } catch (error) {
    answer(error);
    return undefined;
  }
}

/** A DiskError is an answer; anything else is a fault of ours. */
function answer(error: unknown): void {
  if (!isDiskError(error)) throw error;
  const cause: unknown = error.cause;
  if (cause !== undefined && !isDiskError(cause)) throw cause;
}

/** A copy of the image that counts what is written to it. */
class Watched extends OverlayDevice {
  writes = 0;

  constructor(image: Uint8Array) {
    super(new MemoryDevice(image));
  }

  override write(at: number, from: Uint8Array): void {
    this.writes++;
    super.write(at, from);
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.size);
    this.read(0, bytes);
    return bytes;
  }
}

class Session {
  readonly log: string[] = [];
  readonly #fs: Writable;
  readonly #device: Watched;
  readonly #choose: Random;
  readonly #count: { nodes: number; errors: number };
  readonly #directories: NodeId[] = [];
  readonly #names: Named[] = [];
  readonly #held: NodeId[] = [];
  #made = 0;

  constructor(fs: Writable, device: Watched, choose: Random, count: { nodes: number; errors: number }) {
    this.#fs = fs;
    this.#device = device;
    this.#choose = choose;
    this.#count = count;
  }

  async run(): Promise<void> {
    await this.#gather();
    const operations = 1 + this.#choose.below(MOST.operations);
    let usable = true;
    for (let i = 0; i < operations && usable; i++) usable = await this.#step();
    await this.#try(() => this.#fs.close());
  }

  async #gather(): Promise<void> {
    this.#directories.push(this.#fs.root);
    const seen = new Set<NodeId>(this.#directories);
    for (const dir of this.#directories) {
      const batch = await this.#try(() => this.#fs.list(dir));
      for (const { name, node, type } of batch?.entries ?? []) {
        if (this.#names.length >= MOST.names) return;
        // Only a person may give this name to something else; e2fsck wants it to be a folder.
        if (name !== 'lost+found') this.#names.push({ dir, name, node });
        if (type === 'dir' && !seen.has(node) && this.#directories.length < MOST.directories) this.#directories.push(node);
        seen.add(node);
      }
    }
  }

  /** @returns whether more can be done */
  async #step(): Promise<boolean> {
    // With nothing that waits to be written, what an operation writes is its own.
    const alone = this.#choose.oneIn(2);
    if (alone && await this.#try(() => { this.#fs.writer.sync(); return true; }) === undefined) return false;
    const [what, run] = this.#operation();
    this.log.push(what);
    this.#count.nodes++;
    const before = this.#device.writes;
    const done = await this.#try(async () => { await run(); return true; });
    if (done !== undefined || !alone) return true;
    this.log.push('refused');
    if (IN_PARTS.has(what.split(' ')[0]!)) return true;
    if (await this.#try(() => { this.#fs.writer.sync(); return true; }) === undefined) return false;
    if (this.#device.writes !== before) throw new Broken(`a refused operation left ${this.#device.writes - before} writes: ${what}`);
    return true;
  }

  #operation(): [string, () => unknown] {
    const { writer } = this.#fs;
    const choose = this.#choose;
    const dir = this.#directory();
    const there = this.#named();
    const node = choose.oneIn(8) ? choose.pick(STRANGE) : there.node;
    const name = choose.oneIn(20) ? 'n'.repeat(255) : `new-${this.#made++}`;
    const given = { mode: choose.below(0o10000), uid: choose.pick([0, 1000, 70_000]), gid: 0 };
    const made = (id: NodeId): void => { this.#names.push({ dir, name, node: id }); };
    const at = choose.pick(SIZES);
    const length = choose.pick(LENGTHS);
    switch (choose.below(18)) {
      case 0: return [`create ${dir} ${name}`, () => made(writer.create(dir, name, given) as NodeId)];
      case 1: return [`mkdir ${dir} ${name}`, () => {
        const id = writer.mkdir(dir, name, given) as NodeId;
        made(id);
        this.#directories.push(id);
      }];
      case 2: return [`symlink ${dir} ${name} ${length}`, () => made(writer.symlink(dir, name, 't'.repeat(Math.min(length, 4095)), given) as NodeId)];
      case 3: return [`mknod ${dir} ${name}`, () => made(writer.mknod(dir, name, 'char', given, { major: 5, minor: 300 }) as NodeId)];
      case 4: return [`link ${dir} ${name} ${node}`, () => writer.link(dir, name, node)];
      case 5: case 6: return [`unlink ${there.dir} ${there.name}`, () => writer.unlink(there.dir, there.name)];
      case 7: return [`rmdir ${there.dir} ${there.name}`, () => writer.rmdir(there.dir, there.name)];
      case 8: case 9: {
        const to = choose.oneIn(2) ? this.#named() : { dir, name };
        const mode = choose.pick(['replace', 'keep', 'exchange'] as const);
        return [`rename ${there.dir} ${there.name} ${to.dir} ${to.name} ${mode}`, () => writer.rename(there.dir, there.name, to.dir, to.name, mode)];
      }
      case 10: case 11: return [`write ${node} ${at} ${length}`, () => writer.write(node, at, new Uint8Array(length).fill(0x57))];
      case 12: return [`truncate ${node} ${at}`, () => writer.truncate(node, at)];
      case 13: {
        const how = choose.pick(['reserve', 'punch'] as const);
        const bytes = choose.oneIn(3) ? choose.pick(SIZES) : length;
        return [`allocate ${node} ${at} ${bytes} ${how}`, () => writer.allocate!(node, at, bytes, how)];
      }
      case 14: {
        const changes = { mode: given.mode, ...(choose.oneIn(2) ? { uid: given.uid, gid: 5 } : {}), mtime: choose.pick([0n, -1n, -(2n ** 40n), NOW, 2n ** 70n]), ...(choose.oneIn(3) ? { flags: choose.pick([[], ['immutable'], ['append'], ['extents']]) } : {}) };
        return [`change ${node}`, () => writer.change(node, changes)];
      }
      case 15: return [`setXattr ${node} ${length}`, () => writer.setXattr(node, `user.${choose.pick(['a', 'b', 'name1', 'large', 'x'.repeat(250)])}`, new Uint8Array(length).fill(0x58))];
      case 16: return [`removeXattr ${node}`, () => writer.removeXattr(node, `user.${choose.pick(['a', 'name1', 'large'])}`)];
      default: {
        if (this.#held.length === 0 || choose.oneIn(2)) return [`hold ${node}`, () => { writer.hold(node); this.#held.push(node); }];
        const held = this.#held.pop()!;
        return [`release ${held}`, () => writer.release(held)];
      }
    }
  }

  #directory(): NodeId {
    if (this.#choose.oneIn(12)) return this.#choose.pick(STRANGE);
    return this.#choose.oneIn(3) ? this.#fs.root : this.#choose.pick(this.#directories);
  }

  #named(): Named {
    return this.#names.length === 0 || this.#choose.oneIn(15) ? { dir: this.#fs.root, name: 'no-such-name', node: this.#choose.pick(STRANGE) } : this.#choose.pick(this.#names);
  }

  async #try<T>(call: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      answer(error);
      this.#count.errors++;
      return undefined;
    }
  }
}
