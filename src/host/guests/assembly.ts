import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { DiskError } from '../../engines/core/errors.ts';
import type { GuestMachine } from './machine.ts';
import { assembleScript, peekScript, releaseScript } from './set-scripts.ts';

/** Bytes of a piece in which volumes are looked at, and pieces at the front and at the end: all signatures of filesystems but few lie there. */
export const PIECE = 64 * 1024;
const FRONT = 5;
const END = 2;

/** Volumes of one set that are told; a group may have thousands of snapshots. */
const MOST_VOLUMES = 256;

/** Lines that a guest may print, and characters in all of them: base64 has 76 in a line. */
const MOST_LINES = 100_000;
const MOST_TEXT = 16 << 20;

/** Block devices, groups and rows of volumes that are looked at, and words of the tools that are kept. A computer has a few dozen. */
const MOST_KNOWN = 4096;

/** Block devices below one another: a volume on a mirror on a partition has three. */
const MOST_STACKED = 32;

/** A volume that a guest's kernel made of disks. */
export interface AssembledVolume {
  /** Stays the same however often it is assembled: a UUID, of a partition with its number. */
  readonly id: string;
  /** The block device, this time: "dm-0". Empty where it did not come up. */
  readonly block: string;
  readonly kind: 'lvm' | 'md';
  /** "data". */
  readonly name: string;
  /** "Logical volume of group vg (linear)", "RAID5 of 3 disks". */
  readonly title: string;
  readonly uuid: string;
  /** Bytes. */
  readonly size: number;
  /** The places of the disks that it lies on, those of its group included. */
  readonly disks: ReadonlySet<number>;
  /** Why nothing may be written to it; absent where it may. */
  readonly readOnly?: string;
  /** Why it did not come up. */
  readonly missing?: string;
}

/** What came of the disks of one machine. */
export interface Assembly {
  readonly volumes: readonly AssembledVolume[];
  /** The words of the tools. */
  readonly said: readonly string[];
  /** Whether something in it notes on the disks that it is in use, and must be told when it no longer is. */
  readonly arrays: boolean;
}

/** The first and last bytes of a volume. */
export interface Peek {
  readonly front: Uint8Array;
  readonly end: Uint8Array;
}

/** Puts the sets together that a machine's disks hold. @throws DiskError guest */
export async function assemble(machine: GuestMachine): Promise<Assembly> {
  const { lines } = await runScript(machine, assembleScript());
  return parseAssembly(lines);
}

/** Takes them apart, so that the disks are whole and clean. @throws DiskError guest when something is in use */
export async function release(machine: GuestMachine): Promise<void> {
  const { status, lines } = await runScript(machine, releaseScript());
  const said = lines.filter((line) => line.startsWith('said ')).map((line) => line.slice(5));
  if (status !== 0) throw new DiskError({ kind: 'guest', guest: machine.guest.manifest.name }, `An array could not be stopped: ${said.at(-1) ?? 'it is in use'}`);
  await machine.sync();
}

/** Reads as much of volumes as tells what is in them. @throws DiskError guest */
export async function peek(machine: GuestMachine, volumes: readonly AssembledVolume[]): Promise<ReadonlyMap<string, Peek>> {
  const { lines } = await runScript(machine, peekScript(FRONT, END, volumes.map(({ block, size }) => [block, endOf(size) / PIECE])));
  const texts = new Map<string, string[]>();
  let text: string[] | undefined;
  for (const line of lines) {
    if (line.startsWith('peek ')) texts.set(line.slice(5), (text = []));
    else text?.push(line);
  }
  const found = new Map<string, Peek>();
  for (const { id, block, size } of volumes) {
    const bytes = await unpacked(texts.get(block) ?? []);
    const front = Math.min(FRONT * PIECE, size);
    const end = Math.min(END * PIECE, size - endOf(size));
    // What is not whole tells nothing: the volume is there all the same.
    if (bytes !== undefined && bytes.length === front + end) found.set(id, { front: bytes.subarray(0, front), end: bytes.subarray(front) });
  }
  return found;
}

/** Where the last pieces of a volume begin. */
export function endOf(size: number): number {
  return Math.max(0, Math.ceil(size / PIECE) - END) * PIECE;
}

async function unpacked(text: readonly string[]): Promise<Uint8Array | undefined> {
  try {
    return await promisify(gunzip)(Buffer.from(text.join(''), 'base64'), { maxOutputLength: (FRONT + END) * PIECE });
  } catch {
    return undefined;
  }
}

async function runScript(machine: GuestMachine, [program, args]: readonly [string, readonly string[]]): Promise<{ readonly status: number; readonly lines: readonly string[] }> {
  const lines: string[] = [];
  let length = 0;
  const { status } = await machine.run(program, args, {
    onLine(line) {
      length += line.length;
      if (lines.length < MOST_LINES && length <= MOST_TEXT) lines.push(line);
    },
  });
  return { status, lines };
}

/** A block device of the guest. */
interface Block {
  size: number;
  serial: string;
  uuid: string;
  readonly slaves: string[];
  readonly holders: string[];
  readonly partitions: (readonly [name: string, sectors: number])[];
  readonly md: Map<string, string>;
}

/** What the script printed, as volumes. A guest may print anything: what fits nothing means nothing. */
export function parseAssembly(lines: readonly string[]): Assembly {
  const blocks = new Map<string, Block>();
  const said: string[] = [];
  const groups = new Map<string, string>();
  const logical: string[][] = [];
  for (const line of lines) {
    const [kind = '', name = '', ...rest] = line.split(' ');
    const text = rest.join(' ');
    if (kind === 'said') {
      if (said.length < MOST_KNOWN) said.push(line.slice(5));
    } else if (kind === 'block') takeBlock(blockOf(blocks, name), text);
    else if (kind === 'md') takePair(blockOf(blocks, name).md, text);
    else if (kind === 'pv') takeGroup(groups, line.slice(3));
    else if (kind === 'lv' && logical.length < MOST_KNOWN) logical.push(line.slice(3).split('|'));
  }
  const joined = joinedDisks(blocks, groups);
  const volumes: AssembledVolume[] = [];
  for (const found of [arrayVolumes(blocks, joined), logicalVolumes(blocks, logical, joined, groups, said)]) {
    for (const volume of found) {
      if (volumes.length === MOST_VOLUMES) break;
      volumes.push(volume);
    }
  }
  return { volumes, said, arrays: [...blocks.values()].some(({ md }) => md.size > 0) };
}

function blockOf(blocks: Map<string, Block>, name: string): Block {
  let block = blocks.get(name);
  if (block === undefined) {
    block = { size: 0, serial: '', uuid: '', slaves: [], holders: [], partitions: [], md: new Map() };
    if (blocks.size < MOST_KNOWN) blocks.set(name, block);
  }
  return block;
}

function takeBlock(block: Block, text: string): void {
  const equals = text.indexOf('=');
  const [key, value] = [text.slice(0, equals), text.slice(equals + 1)];
  if (key === 'size') block.size = bytesOf(value);
  else if (key === 'serial') block.serial = value;
  else if (key === 'uuid') block.uuid = value;
  else if (key === 'slave') block.slaves.push(value);
  else if (key === 'holder') block.holders.push(value);
  else if (key === 'partition') block.partitions.push([value.split(' ')[0]!, bytesOf(value.split(' ')[1] ?? '')]);
}

function takePair(pairs: Map<string, string>, text: string): void {
  const equals = text.indexOf('=');
  if (equals > 0 && !pairs.has(text.slice(0, equals))) pairs.set(text.slice(0, equals), text.slice(equals + 1));
}

/** Sectors of 512 bytes, as sysfs counts. */
function bytesOf(sectors: string): number {
  const bytes = Number(sectors) * 512;
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : 0;
}

/** "/dev/vda|GROUP" */
function takeGroup(groups: Map<string, string>, text: string): void {
  const [device = '', group = ''] = text.split('|');
  if (device.startsWith('/dev/') && group.trim() !== '') {
    if (groups.size < MOST_KNOWN) groups.set(device.slice(5), group.trim());
  }
}

/** Disks by block device, with all that anything in common joins: an array, a group. */
function joinedDisks(blocks: ReadonlyMap<string, Block>, groups: ReadonlyMap<string, string>): (name: string) => ReadonlySet<number> {
  const own = (name: string, seen: Set<string>, depth = 0): number[] => {
    if (seen.has(name) || depth === MOST_STACKED) return [];
    seen.add(name);
    const block = blocks.get(name);
    const disk = /^disk(\d{1,4})$/.exec(block?.serial ?? '');
    return [...(disk === null ? [] : [Number(disk[1])]), ...(block?.slaves ?? []).flatMap((each) => own(each, seen, depth + 1))];
  };
  const sets: Set<number>[] = [];
  const join = (disks: readonly number[]): void => {
    const touched = sets.filter((set) => disks.some((disk) => set.has(disk)));
    const whole = new Set([...disks, ...touched.flatMap((set) => [...set])]);
    for (const set of touched) sets.splice(sets.indexOf(set), 1);
    sets.push(whole);
  };
  for (const name of blocks.keys()) join(own(name, new Set()));
  const members = new Map<string, number[]>();
  for (const [device, group] of groups) members.set(group, [...members.get(group) ?? [], ...own(device, new Set())]);
  for (const disks of members.values()) join(disks);
  return (name) => {
    const disks = own(name, new Set());
    return sets.find((set) => disks.some((disk) => set.has(disk))) ?? new Set();
  };
}

/** Arrays that nothing else is made of, and the partitions of those that have some. */
function* arrayVolumes(blocks: ReadonlyMap<string, Block>, joined: (name: string) => ReadonlySet<number>): Iterable<AssembledVolume> {
  for (const [block, { md, size, holders, partitions }] of blocks) {
    const level = md.get('level') ?? md.get('MD_LEVEL');
    if (level === undefined || holders.length > 0) continue;
    const uuid = md.get('MD_UUID') ?? block;
    // "host:name", or where it was made by another host's name the name alone (mdadm(8), --name).
    const name = (md.get('MD_NAME') ?? md.get('MD_DEVNAME') ?? block).replace(/^[^:]*:/, '');
    const count = md.get('raid_disks') ?? '?';
    const degraded = Number(md.get('degraded') ?? 0);
    const why = degraded > 0 ? `${degraded} of its ${count} disks ${degraded === 1 ? 'is' : 'are'} missing: the array is degraded` : inSync(md) ? undefined : 'Its disks were not in sync when it was used last: the array would be synchronized first';
    const common = { kind: 'md', disks: joined(block), ...(why === undefined ? {} : { readOnly: why }) } as const;
    const title = `${level.toUpperCase()} of ${count} disks${degraded > 0 ? ', degraded' : ''}`;
    if (size === 0) {
      yield { ...common, id: uuid, block: '', name, uuid, size, title, missing: 'The array did not start: too many of its disks are missing' };
    } else if (partitions.length === 0) {
      yield { ...common, id: uuid, block, name, uuid, size, title };
    } else {
      for (const [part, bytes] of partitions) yield { ...common, id: `${uuid} ${part.slice(block.length)}`, block: part, name: `${name}${part.slice(block.length)}`, uuid: '', size: bytes, title: `Partition of ${title}` };
    }
  }
}

/** Linux has "none" for where a resync would begin when there is nothing to do (drivers/md/md.c, resync_start_show); arrays without redundancy have no such file. */
function inSync(md: ReadonlyMap<string, string>): boolean {
  const start = md.get('resync_start');
  return start === undefined || start === 'none';
}

function bare(uuid: string): string {
  return uuid.replaceAll('-', '');
}

/** What LVM tells of its volumes: group's UUID and name, name, UUID, bytes, layout, role, how many disks the group lacks. */
function* logicalVolumes(blocks: ReadonlyMap<string, Block>, rows: readonly (readonly string[])[], joined: (name: string) => ReadonlySet<number>, groups: ReadonlyMap<string, string>, said: readonly string[]): Iterable<AssembledVolume> {
  // Device-mapper's name for a volume is LVM's two UUIDs without their dashes (lib/activate/dev_manager.c).
  const byUuid = new Map([...blocks].map((entry) => [entry[1].uuid, entry]));
  for (const [group = '', groupName = '', name = '', uuid = '', bytes = '', layout = '', role = '', lacking = '0'] of rows) {
    const [block, found] = byUuid.get(`LVM-${bare(group)}${bare(uuid)}`) ?? [];
    const size = found?.size ?? Number(bytes);
    if (name === '' || !Number.isSafeInteger(size) || size <= 0 || /\bpool\b/.test(layout)) continue;
    const readOnly = lacking !== '0' ? `${lacking} of the disks of its group ${groupName} ${lacking === '1' ? 'is' : 'are'} missing` : /thin|cache|vdo|writecache|integrity/.test(layout) ? `Volumes of the kind "${layout}" keep books that other volumes share` : /snapshot|origin/.test(role) ? 'It has snapshots, or is one: what is written to one changes the other' : undefined;
    const disks = block === undefined ? new Set([...groups].filter(([, each]) => each === group).flatMap(([device]) => [...joined(device)])) : joined(block);
    const because = said.findLast((line) => line.includes(name)) ?? said.at(-1);
    yield {
      id: uuid, block: block ?? '', kind: 'lvm', name, uuid, size, disks, title: `Logical volume of ${groupName} (${layout})`,
      ...(readOnly === undefined ? {} : { readOnly }), ...(block === undefined ? { missing: `The volume did not come up${because === undefined ? '' : `: ${because}`}` } : {}),
    };
  }
}
