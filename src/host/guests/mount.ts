import { OverlayDevice } from '../../engines/core/bytes/overlay.ts';
import { DiskError, isDiskError, toDiskError } from '../../engines/core/errors.ts';
import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import type { ByteChannel } from '../../engines/core/channel.ts';
import type { FileSystem } from '../../engines/core/filesystem.ts';
import type { OpenContext, WriteAccess } from '../../engines/core/probe.ts';
import type { SetVolume } from './guest-set.ts';
import type { GuestEnd, GuestMachine, MountOptions } from './machine.ts';
import { type Guest, type GuestFilesystem, OWN } from './manifest.ts';
import type { MountedTree } from './nodes.ts';
import type { GuestSupport } from './support.ts';

/** Milliseconds without use after which the machine is stopped; the next use starts it again. */
const IDLE = 120_000;

/** Milliseconds in which a machine whose connection broke must be seen to have ended: the socket may close first. */
const END_WITHIN = 5000;

/** Times in a row that a machine may die before it is given up: an image may be made to kill the kernel that looks at it. */
const MOST_DEATHS = 3;

/** Lines that a script tells, and characters of each. */
const MOST_NOTES = 20;
const MOST_NOTE = 1000;

/**
 * Types whose driver writes for reading, too: it replays a journal and refuses a disk that doesn't let it (fs/reiserfs/journal.c), so that after a kill
 * nothing would open them; or it notes in a pool who imported it.
 */
const REPLAYING = new Set(['reiserfs', 'zfs']);

/** What is mounted: a filesystem of a disk, or a tree of the guest's own. */
export type MountWhat =
  | { readonly served: GuestFilesystem; readonly devices: readonly BlockDevice[]; readonly write?: WriteAccess; readonly volume?: SetVolume }
  | { readonly tree: Parameters<GuestMachine['serve']>[0]; readonly devices: readonly BlockDevice[]; readonly served?: GuestFilesystem; readonly volume?: undefined };

export interface MountHost {
  readonly support: GuestSupport;
  readonly guest: Guest;
  /** Told of each machine that was started. */
  started(machine: GuestMachine): void;
  /** Told when a machine died of itself. */
  died(end: GuestEnd): void;
  /** Milliseconds; tests wait less. */
  readonly idle?: number;
}

/** Mounts so far, of all guests: what keeps node numbers sees several of them. */
let epochs = 0;

/** How the tree is there now. */
type Mode = 'none' | 'read' | 'write';

/**
 * One filesystem in a guest: booted and mounted when it is used, for reading until the first write. At the end of a step of editing it is unmounted
 * (`settle`), so that the disk is whole and clean whenever nobody writes: what undo, Apply and Save-as find is a filesystem without a journal to replay, and
 * a guest that dies between two steps takes nothing with it. Without use the machine stops, and comes back by itself.
 */
export class GuestMount {
  readonly #host: MountHost;
  readonly #what: MountWhat;
  #machine: GuestMachine | undefined;
  #tree: MountedTree | undefined;
  #mode: Mode = 'none';
  #uses = 0;
  /** Transitions, one after another; uses wait for them. */
  #turn: Promise<unknown> = Promise.resolve();
  #changing = 0;
  #quiet: (() => void)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #deaths = 0;
  /** Holds of nodes: they keep the mount. */
  #held = 0;
  /** What was written since the last settling is gone with the machine that had it. */
  #lost: DiskError | undefined;
  /** The machine that wrote is gone: mounted for reading, where no journal is replayed, the disk would show what was there before things that were synced. */
  #unclean = false;
  #closed = false;
  #context: Pick<OpenContext, 'step'> & { readonly signal?: { readonly aborted: boolean } } = {};

  constructor(host: MountHost, what: MountWhat) {
    this.#host = host;
    this.#what = what;
  }

  /** The machine that runs now, if one does. */
  get machine(): GuestMachine | undefined {
    return this.#machine;
  }

  get writes(): boolean {
    return 'write' in this.#what && this.#what.write !== undefined;
  }

  /** Opens it the first time, so that what keeps it from being opened is told now. */
  async open(context: Pick<OpenContext, 'step'> & { readonly signal?: { readonly aborted: boolean } }, prove: boolean): Promise<FileSystem> {
    this.#context = context;
    try {
      return await this.use(prove, async ({ fs }) => fs);
    } catch (error) {
      await this.close().catch(() => {});
      throw error;
    } finally {
      this.#context = {};
    }
  }

  /**
   * Runs something over the tree, booted and mounted as it must be. @param write it writes
   * @throws what `run` throws; DiskError guest with the cause of death when the machine died
   */
  async use<T>(write: boolean, run: (tree: MountedTree) => T | Promise<T>): Promise<T> {
    if (this.#closed) throw new DiskError({ kind: 'guest', guest: this.#host.guest.manifest.name }, 'The guest was stopped');
    if (this.#lost !== undefined && write) throw this.#lost;
    clearTimeout(this.#timer);
    while (this.#changing > 0 || !this.#fits(write || this.#unclean)) {
      if (this.#changing > 0) await this.#turn.catch(() => {});
      else await this.#change(() => this.#mount(write || this.#unclean));
    }
    const tree = this.#tree!;
    const machine = this.#machine!;
    this.#uses++;
    try {
      const result = await run(tree);
      this.#deaths = 0;
      return result;
    } catch (error) {
      throw await this.#causeOf(error, machine, tree);
    } finally {
      this.#uses--;
      if (this.#uses === 0) {
        for (const wake of this.#quiet.splice(0)) wake();
        this.#rest();
      }
    }
  }

  /** What the script of ours that mounted it has to say to the person: it leaves a line each in /run/notes. */
  async notes(): Promise<readonly string[]> {
    const { served } = this.#what;
    if (served?.helper?.program.startsWith(OWN) !== true) return [];
    const notes: string[] = [];
    await this.#machine?.run('sh', ['-c', '[ ! -e /run/notes ] || cat /run/notes'], { onLine: (line) => { if (notes.length < MOST_NOTES) notes.push(line.slice(0, MOST_NOTE)); } });
    return notes;
  }

  /** Keeps it mounted as it is, until it is released as often: nodes without a name live no longer than the mount. */
  hold(count: 1 | -1): void {
    this.#held += count;
    if (this.#uses === 0) this.#rest();
  }

  /**
   * All that was written is on the disk, and the disk is as if it had been unmounted, which it was. Where writes go through at once it stays mounted.
   * @throws DiskError guest when the machine died with something that was not on the disk
   */
  async settle(): Promise<void> {
    await this.#change(async () => {
      const lost = this.#lost;
      this.#lost = undefined;
      if (lost !== undefined) throw lost;
      if (this.#mode !== 'write' || this.#machine === undefined || 'tree' in this.#what) return;
      const machine = this.#machine;
      try {
        // What waits in the connection first.
        await this.#tree?.fs.writer?.sync();
        await machine.sync();
        if (this.#held === 0 && !this.#direct) await this.#unmount();
      } catch (error) {
        const cause = await this.#causeOf(error, machine, this.#tree);
        this.#lost = undefined;
        throw cause;
      }
    });
  }

  /** Brings what was written to the disk and unmounts, for another mount that is to write to the same set. @throws DiskError busy while files are open */
  async letGo(): Promise<void> {
    if (this.#held > 0) throw new DiskError({ kind: 'busy', by: this.#host.guest.manifest.name }, 'Files of another volume of the same set are open for writing', 'Close them first.');
    await this.settle();
    this.#what.volume?.set.leave(this);
  }

  /** Unmounts and stops. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#change(() => this.#stop());
  }

  get #direct(): boolean {
    return 'write' in this.#what && this.#what.write?.durability === 'direct';
  }

  #fits(write: boolean): boolean {
    return this.#tree !== undefined && (!write || this.#mode === 'write' || !('write' in this.#what));
  }

  /** Runs a transition when nobody uses the tree, and one at a time. */
  #change<T>(run: () => Promise<T>): Promise<T> {
    this.#changing++;
    const turn = this.#turn.then(async () => {
      while (this.#uses > 0) await new Promise<void>((resolve) => { this.#quiet.push(resolve); });
      return run();
    }).finally(() => { this.#changing--; });
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #mount(write: boolean): Promise<void> {
    if (this.#fits(write)) return;
    if (this.#closed) throw new DiskError({ kind: 'guest', guest: this.#host.guest.manifest.name }, 'The guest was stopped');
    if (this.#tree !== undefined) await this.#unmount();
    const machine = this.#machine ?? (await this.#launch());
    if (write) await this.#what.volume?.set.enter(this);
    const step = this.#context.step?.({ text: 'tree' in this.#what ? `${this.#host.guest.manifest.title}: ${this.#what.tree}` : `${this.#host.guest.manifest.title}: mounting` });
    try {
      const fs = await this.#mountWith(machine, write);
      this.#tree = { fs, epoch: ++epochs };
      this.#mode = write ? 'write' : 'read';
      if (write) this.#unclean = false;
      step?.end('done');
    } catch (error) {
      if (write) this.#what.volume?.set.leave(this);
      const cause = await this.#causeOf(error, machine, undefined);
      step?.end('failed', cause.message);
      throw cause;
    }
  }

  async #mountWith(machine: GuestMachine, write: boolean): Promise<FileSystem> {
    const { support, guest } = this.#host;
    const what = this.#what;
    if ('tree' in what) {
      if (what.tree === 'overlay' && what.served !== undefined) (await machine.mount(what.served.type, what.served.readOptions[0] ?? 'ro', mountOptions(what.served))).close();
      return support.connect(await machine.serve(what.tree), { guest, machine, write: false });
    }
    const { served } = what;
    const volume = await what.volume?.set.attach(machine, what.volume.id);
    const tries = write ? [served.writeOptions ?? 'rw'] : served.readOptions.length > 0 ? served.readOptions : ['ro'];
    let first: unknown;
    for (const options of tries) {
      let channel: ByteChannel;
      try {
        channel = await machine.mount(served.type, [options, ...(volume === undefined ? others(what.devices) : [])].join(','), { ...mountOptions(served), ...(volume === undefined ? {} : { volume }) });
      } catch (error) {
        // The first refusal says most; a machine that died refuses nothing any more.
        first ??= error;
        if (!isDiskError(error) || await hasEnded(machine, 0)) break;
        continue;
      }
      return support.connect(channel, { guest, machine, write, served });
    }
    throw first;
  }

  async #launch(): Promise<GuestMachine> {
    const { support, guest, started } = this.#host;
    if (this.#deaths >= MOST_DEATHS) throw new DiskError({ kind: 'guest', guest: guest.manifest.name }, `${guest.manifest.title} died ${this.#deaths} times over this image`, 'The filesystem may be damaged: check it, or open it with another guest.');
    const { devices, served, volume } = this.#what;
    const tools = [...(served?.helper === undefined ? [] : [served.helper.package]), ...(volume?.set.tools ?? [])];
    // Linux lays flash only over disks that can be written to (drivers/mtd/devices/block2mtd.c): what it writes there while reading goes nowhere.
    // md marks its members when it is assembled.
    const scratched = !this.writes && served !== undefined && (served.device !== 'disk' || REPLAYING.has(served.type) || volume !== undefined);
    const readOnly = !this.writes && !scratched;
    const machine = await support.launch(guest, {
      disks: devices.map((device) => ({ device: scratched ? new OverlayDevice(device) : device, readOnly })), filesystems: [...(volume?.set.modules ?? []), ...(served === undefined ? [] : [served.type])], ...(tools.length === 0 ? {} : { tools }),
      ...(this.#context.step === undefined ? {} : { step: this.#context.step }), ...(this.#context.signal === undefined ? {} : { signal: this.#context.signal }),
    });
    this.#machine = machine;
    started(machine);
    void machine.ended.then((end) => this.#ended(machine, end));
    return machine;
  }

  async #unmount(): Promise<void> {
    const { fs } = this.#tree ?? {};
    this.#tree = undefined;
    this.#mode = 'none';
    const machine = this.#machine;
    await fs?.close();
    await machine?.unmount();
    if (machine !== undefined) await this.#what.volume?.set.detach(machine);
    this.#what.volume?.set.leave(this);
  }

  async #stop(): Promise<void> {
    const machine = this.#machine;
    const tree = this.#tree;
    this.#machine = undefined;
    this.#tree = undefined;
    const wrote = this.#mode === 'write';
    this.#mode = 'none';
    if (machine === undefined) return;
    try {
      await this.#stopMachine(machine, tree, wrote);
    } finally {
      this.#what.volume?.set.leave(this);
    }
  }

  async #stopMachine(machine: GuestMachine, tree: MountedTree | undefined, wrote: boolean): Promise<void> {
    try {
      // Before the connection goes: what is on its way in it is to arrive.
      if (wrote && !('tree' in this.#what)) {
        await tree?.fs.writer?.sync();
        await machine.sync();
      }
      await tree?.fs.close();
    } catch (error) {
      await machine.kill();
      if (wrote) throw error;
      return;
    }
    const { error } = await machine.stop();
    if (error !== undefined && wrote) throw error;
  }

  /** The machine has ended: of itself, unless it was told to. */
  #ended(machine: GuestMachine, end: GuestEnd): void {
    if (this.#machine !== machine) return;
    this.#machine = undefined;
    this.#tree = undefined;
    this.#deaths++;
    if (this.#mode === 'write') this.#unclean = true;
    if (this.#mode === 'write' && !this.#direct) this.#lost = this.#deathOf(end);
    this.#mode = 'none';
    this.#what.volume?.set.leave(this);
    this.#host.died(end);
  }

  /** Why something failed: what the machine died of, where it did. */
  async #causeOf(error: unknown, machine: GuestMachine, tree: MountedTree | undefined): Promise<DiskError> {
    const told = toDiskError(error);
    // Only what breaks the connection to a tree may come before the end of the machine is known.
    const end = await hasEnded(machine, told.kind === 'guest' && tree !== undefined ? END_WITHIN : 0);
    if (end === undefined) {
      // The connection alone broke: the tree is mounted anew.
      if (told.kind === 'guest' && tree !== undefined && this.#tree === tree && this.#mode !== 'write') this.#tree = undefined;
      return told;
    }
    this.#ended(machine, end);
    return end.error ?? this.#deathOf(end);
  }

  #deathOf(end: GuestEnd): DiskError {
    const { name, title } = this.#host.guest.manifest;
    return end.error ?? new DiskError({ kind: 'guest', guest: name }, `${title} ended: ${end.message}`, 'The image is as it was. It can be opened again.');
  }

  /** Nobody uses it: after a while the machine goes. */
  #rest(): void {
    clearTimeout(this.#timer);
    // What is in a tree of the guest's own is gone with it.
    if (this.#closed || this.#machine === undefined || this.#held > 0 || 'tree' in this.#what) return;
    this.#timer = setTimeout(() => {
      if (this.#uses > 0 || this.#changing > 0 || this.#held > 0) return;
      void this.#change(() => this.#stop()).catch((error: unknown) => { this.#lost ??= toDiskError(error); });
    }, this.#host.idle ?? IDLE);
    this.#timer.unref();
  }
}

/** The further disks of a set: a guest counts them in their order. */
function others(devices: readonly BlockDevice[]): string[] {
  return devices.slice(1).map((_, i) => `device=/dev/vd${String.fromCharCode(0x62 + i)}`);
}

function mountOptions({ device, helper }: GuestFilesystem): MountOptions {
  return { disk: 0, device, ...(helper === undefined ? {} : { helper: helper.program }) };
}

/** How it ended, if it does within `ms` milliseconds. */
async function hasEnded(machine: GuestMachine, ms: number): Promise<GuestEnd | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const waited = new Promise<undefined>((resolve) => { timer = setTimeout(() => resolve(undefined), ms); });
  try {
    return await Promise.race([machine.ended, waited]);
  } finally {
    clearTimeout(timer);
  }
}
