import { type BlockDevice, checkRange } from '../../engines/core/bytes/device.ts';
import { OverlayDevice } from '../../engines/core/bytes/overlay.ts';
import { unsupported } from '../../engines/core/errors.ts';
import { GUEST } from '../../engines/core/offers.ts';
import type { OpenContext, OpenedTable, RegistryEntry, TableFormat, Volume } from '../../engines/core/probe.ts';
import { type AssembledVolume, assemble, type Assembly, endOf, peek, type Peek, PIECE } from './assembly.ts';
import { GuestSet, type SetVolume } from './guest-set.ts';
import type { GuestLayers } from './layers.ts';
import type { Guest } from './manifest.ts';
import type { GuestSupport } from './support.ts';

/** What of a set's volumes is known: kept while the image is unlocked, for what filesystems write changes nothing of how a set is made. */
export interface SetLook {
  readonly assembly: Assembly;
  readonly peeks: ReadonlyMap<string, Peek>;
}

/** What assembling needs of the guest's format. */
export interface Assembler {
  readonly guest: Guest;
  readonly support: GuestSupport;
  readonly layers: GuestLayers;
  /** Why it can't be started; empty when it can. */
  readonly missing: string;
  /** What opens the filesystem in a volume. */
  entry(volume: SetVolume, readOnly: string | undefined): RegistryEntry;
}

/** Sets of disks as a table whose volumes the guest's kernel makes. */
export function assemblerFormat(assembler: Assembler): TableFormat {
  const { name, title } = assembler.guest.manifest;
  return { id: `${GUEST}${name}`, kind: 'table', name: title, probe: () => undefined, open: (device, context) => open(assembler, device, context) };
}

/** @throws DiskError guest, unsupported when there is no volume */
async function open(assembler: Assembler, device: BlockDevice, context: OpenContext): Promise<OpenedTable> {
  const { guest: { manifest: { name, title } }, missing, layers } = assembler;
  if (missing !== '') throw unsupported(`guest ${name}`, `${title} can't be started: ${missing}`);
  const members = context.members ?? [];
  const layer = layers.at(context.layer ?? '0');
  layer.enter(name, context.as ?? 'set', false);
  const set = new GuestSet(assembler.guest, [device, ...members]);
  if (layer.look === undefined || context.write === undefined) layer.look = await look(assembler, set, context);
  const { assembly, peeks } = layer.look;
  const own = assembly.volumes.filter(({ disks }) => disks.has(0));
  if (own.length === 0) throw unsupported(context.as ?? 'set', `${title} found no volume on it${assembly.said.length === 0 ? '' : `: ${assembly.said.slice(-3).join('; ')}`}`, 'A disk of the set may be missing: open all images of the set together.');
  const disks = new Set(own.flatMap((volume) => [...volume.disks]));
  const readOnly = own.map((volume) => volume.readOnly).find((reason) => reason !== undefined);
  return {
    label: '', uuid: '', sectorSize: 512, reason: readOnly === undefined ? `assembled by ${title}, a guest` : `assembled by ${title}, a guest; ${readOnly}`,
    details: [['Assembled by', `${title} (guest ${name})`], ['Disks', `${disks.size}`]],
    volumes: own.map((volume, i) => volumeOf(volume, i + 1, peeks.get(volume.id), assembler, set)),
    parts: members.filter((_, i) => disks.has(i + 1)),
  };
}

function volumeOf({ id, kind, name, title, uuid, size, readOnly, missing }: AssembledVolume, number: number, peeked: Peek | undefined, assembler: Assembler, set: GuestSet): Volume {
  return {
    number, kind: 'partition', offset: 0, size, type: title, typeId: kind, label: name, uuid, flags: readOnly === undefined ? [] : ['read-only'],
    assembled: { device: new PeekDevice(size, peeked, set.devices.every(({ write }) => write !== undefined)), openers: [assembler.entry({ set, id }, readOnly)], ...(missing === undefined ? {} : { error: unsupported(kind, missing, 'A disk of the set may be missing: open all images of the set together.') }) },
  };
}

/** Assembles the set in a machine, and looks at what came up. What it writes goes nowhere. */
async function look({ guest, support, layers }: Assembler, set: GuestSet, context: OpenContext): Promise<SetLook> {
  const { title } = guest.manifest;
  const machine = await support.launch(guest, { disks: set.devices.map((device) => ({ device: new OverlayDevice(device), readOnly: false })), filesystems: set.modules, tools: set.tools, signal: context.job.signal, ...(context.step === undefined ? {} : { step: context.step }) });
  layers.at(context.layer ?? '0').started(machine);
  const step = context.step?.({ text: `${title}: assembling` });
  try {
    const assembly = await assemble(machine);
    const peeks = await peek(machine, assembly.volumes.filter(({ block }) => block !== ''));
    step?.end('done');
    return { assembly, peeks };
  } catch (error) {
    step?.end('failed', error instanceof Error ? error.message : undefined);
    throw error;
  } finally {
    await machine.stop();
  }
}

/** What is known of an assembled volume's bytes. */
class PeekDevice implements BlockDevice {
  readonly size: number;
  readonly blockSize = 512;
  /** There when filesystems in it may be written to, which the guest does: nothing else can. */
  readonly write?: () => never;
  readonly #peek: Peek;

  constructor(size: number, peeked: Peek = { front: new Uint8Array(0), end: new Uint8Array(0) }, writable = false) {
    this.size = size;
    this.#peek = peeked;
    if (writable) this.write = () => { throw unsupported('bytes', 'The bytes of a volume that a guest assembles are written by the guest alone'); };
  }

  read(at: number, into: Uint8Array): void {
    checkRange(this, at, into.length);
    const { front, end } = this.#peek;
    const inEnd = at - endOf(this.size);
    if (at + into.length <= front.length) into.set(front.subarray(at, at + into.length));
    else if (inEnd >= 0 && inEnd + into.length <= end.length) into.set(end.subarray(inEnd, inEnd + into.length));
    else throw unsupported('bytes', `Only the first ${front.length / PIECE * 64} KiB and the last of a volume that a guest assembles are shown`);
  }

  close(): void {}
}
