import { MemoryDevice } from '../../core/bytes/memory.ts';
import { type DeviceEvent, RecordingDevice } from '../../core/bytes/recording.ts';
import { isDiskError } from '../../core/errors.ts';
import type { FileSystem, NodeId } from '../../core/filesystem.ts';
import type { RedoLog, WriteAccess } from '../../core/probe.ts';
import type { Writer } from '../../core/writer.ts';
import { ext4 } from '../../filesystems/ext4/index.ts';
import { testContext } from '../context.ts';
import type { Random } from '../fuzz/random.ts';
import { type Snapshot, snapshot } from './snapshot.ts';

/** A moment of a workload: after one operation. */
export interface Moment {
  /** Events of the device before it. */
  readonly at: number;
  readonly what: string;
  readonly tree: Snapshot;
  /** All before it is durable. */
  readonly synced: boolean;
  /** Inodes whose contents the operation wrote. */
  readonly wrote: readonly NodeId[];
}

export interface Recording {
  /** What the device held before. */
  readonly image: Uint8Array;
  readonly events: readonly DeviceEvent[];
  /** The first is the tree as it was before anything happened. */
  readonly moments: readonly Moment[];
  /** What the host's redo log held between these events, where the filesystem has no journal. */
  readonly redo: readonly { readonly from: number; to: number; readonly writes: readonly { readonly at: number; readonly bytes: Uint8Array }[] }[];
  /** Operations that failed for want of space. */
  readonly full: number;
}

/** Opens an image for direct changes. @param redo for filesystems without a journal */
export async function openDirect(device: MemoryDevice | RecordingDevice, seconds: number, redo?: RedoLog): Promise<FileSystem> {
  let clock = BigInt(seconds) * 1_000_000_000n;
  // Every moment is another one, so that every change shows.
  const write: WriteAccess = { durability: 'direct', now: () => clock += 1_000_000_000n, random: (into) => { into.fill(11); }, ...(redo === undefined ? {} : { redo }) };
  return ext4.open(device, { ...testContext(), write });
}

/** Runs `count` random operations over an image in direct mode, and records what the device sees. The filesystem is closed at the end. */
export async function record(image: Uint8Array, count: number, dice: Random): Promise<Recording> {
  const device = new RecordingDevice(new MemoryDevice(image.slice()));
  const moments: Moment[] = [];
  const redo: { from: number; to: number; writes: { at: number; bytes: Uint8Array }[] }[] = [];
  const log: RedoLog = {
    begin: (writes) => { redo.push({ from: device.events.length, to: Infinity, writes: writes.map(({ at, bytes }) => ({ at, bytes: bytes.slice() })) }); },
    end: () => { redo.at(-1)!.to = device.events.length; },
  };
  const fs = await openDirect(device, 1_700_000_000, log);
  const mix = new Mix(fs, dice);
  const moment = async (what: string, synced: boolean, wrote: readonly NodeId[]): Promise<void> => {
    const at = device.events.length;
    moments.push({ at, what, tree: await snapshot(fs), synced, wrote });
  };
  await moment('nothing', true, []);
  let full = 0;
  for (let i = 0; i < count; i++) {
    const done = await mix.step();
    if (done.full) full++;
    await moment(done.what, false, done.wrote);
    if (!dice.oneIn(5)) continue;
    await fs.writer!.sync();
    await moment('sync', true, []);
  }
  await fs.close();
  const last = moments.at(-1)!;
  moments.push({ ...last, at: device.events.length, what: 'close', synced: true, wrote: [] });
  return { image, events: device.events, moments, redo, full };
}

interface Done {
  readonly what: string;
  readonly wrote: readonly NodeId[];
  readonly full: boolean;
}

/** A mix of everything that a writer can do, over a small tree. */
class Mix {
  readonly #fs: FileSystem;
  readonly #writer: Writer;
  readonly #dice: Random;
  #number = 0;
  /** Deleted, and open still: orphans. */
  readonly #held: NodeId[] = [];

  constructor(fs: FileSystem, dice: Random) {
    this.#fs = fs;
    this.#writer = fs.writer!;
    this.#dice = dice;
  }

  async step(): Promise<Done> {
    const wrote: NodeId[] = [];
    const what = this.#dice.pick(KINDS);
    try {
      await this.#do(what, wrote);
      return { what, wrote, full: false };
    } catch (error) {
      // What random operations run into: no space, a name that is there, a folder that is not empty, what the format has not.
      if (!isDiskError(error) || error.fault.kind !== 'usage') throw error;
      return { what: `${what}: ${error.fault.errno}`, wrote, full: error.fault.errno === 'ENOSPC' };
    }
  }

  async #do(what: Kind, wrote: NodeId[]): Promise<void> {
    const dice = this.#dice;
    const writer = this.#writer;
    const dirs = await this.#nodes('dir');
    const dir = dice.pick(dirs).node;
    const name = `${this.#number++}-${'n'.repeat(dice.pick([1, 8, 40, 200]))}`;
    const node = { mode: 0o644 };
    const file = async (): Promise<{ node: NodeId; dir: NodeId; name: string }> => {
      const files = await this.#nodes('file');
      if (files.length > 0) return dice.pick(files);
      return { node: await writer.create(dir, name, node), dir, name };
    };
    if (what === 'create') await writer.create(dir, name, node);
    else if (what === 'mkdir') await writer.mkdir(dir, name, { mode: 0o755 });
    else if (what === 'symlink') await writer.symlink(dir, name, 't'.repeat(dice.pick([5, 59, 60, 300])), node);
    else if (what === 'mknod') await writer.mknod(dir, name, 'char', node, { major: dice.below(300), minor: dice.below(300) });
    else if (what === 'many') for (let i = 0; i < 25; i++) await writer.create(dir, `${name}${i}`, node);
    else if (what === 'fill') {
      const made = await writer.create(dir, name, node);
      wrote.push(made);
      await writer.write(made, 0, this.#bytes(dice.below(60_000)));
    } else if (what === 'large') {
      const target = (await file()).node;
      wrote.push(target);
      await writer.write(target, dice.below(5000), this.#bytes(dice.below(500_000)));
    } else if (what === 'delete-open') {
      const victim = await file();
      await writer.hold(victim.node);
      this.#held.push(victim.node);
      await writer.unlink(victim.dir, victim.name);
    } else if (what === 'release') {
      const held = this.#held.shift();
      if (held !== undefined) await writer.release(held);
    } else if (what === 'link') await writer.link(dir, name, (await file()).node);
    else if (what === 'unlink') {
      const victim = await file();
      await writer.unlink(victim.dir, victim.name);
    } else if (what === 'rmdir') {
      const victim = dice.pick(dirs);
      if (victim.node !== this.#fs.root) await writer.rmdir(victim.dir, victim.name);
    } else if (what === 'rename' || what === 'replace' || what === 'exchange') {
      const from = await file();
      const to = what === 'rename' ? { dir, name } : await file();
      await writer.rename(from.dir, from.name, to.dir, to.name, what === 'exchange' ? 'exchange' : 'replace');
    } else if (what === 'append' || what === 'overwrite' || what === 'hole') {
      const target = (await file()).node;
      const { size } = await this.#fs.stat(target);
      wrote.push(target);
      await writer.write(target, what === 'append' ? size : what === 'hole' ? size + dice.below(40_000) : dice.below(size + 1), this.#bytes(dice.below(12_000)));
    } else if (what === 'truncate') {
      const target = (await file()).node;
      // The rest of the last block is zeroed in place.
      wrote.push(target);
      await writer.truncate(target, dice.below(40_000));
    } else if (what === 'reserve' || what === 'punch') {
      const target = (await file()).node;
      wrote.push(target);
      await writer.allocate?.(target, dice.below(30_000), 1 + dice.below(20_000), what);
    } else if (what === 'change') await writer.change((await file()).node, { mode: dice.below(0o1000), uid: dice.below(70_000), mtime: BigInt(dice.below(2 ** 31)) * 1_000_000_000n });
    else if (what === 'xattr') await writer.setXattr((await file()).node, `user.${dice.below(6)}`, this.#bytes(dice.pick([3, 40, 500, 900])));
    else await writer.removeXattr((await file()).node, `user.${dice.below(6)}`);
  }

  #bytes(length: number): Uint8Array {
    // Some of them look like blocks of the journal.
    const bytes = new Uint8Array(length).fill(1 + this.#dice.below(255));
    if (length >= 4 && this.#dice.oneIn(3)) for (let at = 0; at + 4 <= length; at += 1024) bytes.set([0xc0, 0x3b, 0x39, 0x98], at);
    return bytes;
  }

  /** Where nodes of a type are: each with the folder and the name that lead to it. */
  async #nodes(type: 'dir' | 'file'): Promise<{ node: NodeId; dir: NodeId; name: string }[]> {
    const found: { node: NodeId; dir: NodeId; name: string }[] = type === 'dir' ? [{ node: this.#fs.root, dir: this.#fs.root, name: '' }] : [];
    const visit = async (dir: NodeId): Promise<void> => {
      for (let batch = await this.#fs.list(dir); ; batch = await this.#fs.list(dir, batch.next)) {
        for (const { name, node } of batch.entries) {
          const stat = await this.#fs.stat(node);
          if (name === 'lost+found') continue;
          if (stat.type === type) found.push({ node, dir, name });
          if (stat.type === 'dir') await visit(node);
        }
        if (batch.next === undefined) return;
      }
    };
    await visit(this.#fs.root);
    return found;
  }
}

const KINDS = [
  'create', 'mkdir', 'symlink', 'mknod', 'many', 'fill', 'fill', 'link', 'unlink', 'unlink', 'unlink', 'rmdir', 'rename', 'replace', 'exchange', 'append', 'append', 'overwrite', 'hole',
  'large', 'delete-open', 'delete-open', 'release', 'truncate', 'reserve', 'punch', 'change', 'xattr', 'xattr', 'remove-xattr',
] as const;
type Kind = (typeof KINDS)[number];
