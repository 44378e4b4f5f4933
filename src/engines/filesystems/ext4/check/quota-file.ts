import { struct, u16, u32, u64 } from '../../../core/layout/struct.ts';

/**
 * Quota files of format "vfsv1" (Documentation/filesystems/quota.rst; fs/quota/quota_tree.c, quotaio_v2.h): a header, then blocks of
 * 1 KiB that are a tree of four levels by the bytes of an id, highest first, whose lowest level leads to blocks of entries.
 */

const Header = struct('v2_disk_dqheader, v2_disk_dqinfo', 32, {
  dqh_magic: u32(0x0), dqh_version: u32(0x4),
  dqi_bgrace: u32(0x8), dqi_igrace: u32(0xc), dqi_flags: u32(0x10), dqi_blocks: u32(0x14), dqi_free_blk: u32(0x18), dqi_free_entry: u32(0x1c),
});

const BlockHeader = struct('qt_disk_dqdbheader', 16, { dqdh_next_free: u32(0x0), dqdh_prev_free: u32(0x4), dqdh_entries: u16(0x8) });

/** Version 1, 64-bit numbers. */
const Entry = struct('v2r1_disk_dqblk', 72, {
  dqb_id: u32(0x0), dqb_ihardlimit: u64(0x8), dqb_isoftlimit: u64(0x10), dqb_curinodes: u64(0x18), dqb_bhardlimit: u64(0x20),
  dqb_bsoftlimit: u64(0x28), dqb_curspace: u64(0x30), dqb_btime: u64(0x38), dqb_itime: u64(0x40),
});

/** Version 0, most numbers of 32 bits. */
const OldEntry = struct('v2r0_disk_dqblk', 48, {
  dqb_id: u32(0x0), dqb_ihardlimit: u32(0x4), dqb_isoftlimit: u32(0x8), dqb_curinodes: u32(0xc), dqb_bhardlimit: u32(0x10),
  dqb_bsoftlimit: u32(0x14), dqb_curspace: u64(0x18), dqb_btime: u64(0x20), dqb_itime: u64(0x28),
});

/** Users, groups, projects: what dqh_magic must be, in the order of their inodes in the superblock. */
const MAGICS = [0xd9c01f11, 0xd9c01927, 0xd9c03f14] as const;
const BLOCK = 1024;
const ROOT = 1;
const DEPTH = 4;
const FAN = BLOCK / 4;
/** Seconds that a soft limit may be passed: a week, where nothing else was set (MAX_DQ_TIME). */
const GRACE = 604_800;
/** Larger files are no quota files (quotaio_v2.c). */
const MOST_BYTES = 2 ** 31;

/** What one user, group or project may use, and uses. Space in bytes, its limits in KiB, times in seconds since 1970. */
export interface QuotaEntry {
  readonly id: number;
  inodes: bigint;
  space: bigint;
  inodeHard: bigint;
  inodeSoft: bigint;
  spaceHard: bigint;
  spaceSoft: bigint;
  /** When the soft limit becomes a hard one; 0 while it is kept. */
  spaceTime: bigint;
  inodeTime: bigint;
}

export interface QuotaFile {
  readonly entries: Map<number, QuotaEntry>;
  /** Seconds. */
  readonly spaceGrace: number;
  readonly inodeGrace: number;
}

/** An entry without use or limits. */
export function emptyQuota(id: number): QuotaEntry {
  return { id, inodes: 0n, space: 0n, inodeHard: 0n, inodeSoft: 0n, spaceHard: 0n, spaceSoft: 0n, spaceTime: 0n, inodeTime: 0n };
}

/**
 * Reads a quota file; else a sentence on what is wrong with it, with the entries that could be read.
 * @param type 0 users, 1 groups, 2 projects
 * @param size bytes
 * @param read 1 KiB of the file, block `block`; zeros for holes
 */
export function readQuotaFile(type: number, size: number, read: (block: number) => Uint8Array): QuotaFile & { readonly damage?: string } {
  const entries = new Map<number, QuotaEntry>();
  const broken = (damage: string): QuotaFile & { readonly damage: string } => ({ entries, spaceGrace: GRACE, inodeGrace: GRACE, damage });
  if (size < Header.size || size > MOST_BYTES) return broken(`its size is ${size} bytes`);
  const header = Header.at(read(0));
  if (header.dqh_magic !== MAGICS[type]) return broken(`its magic is 0x${header.dqh_magic.toString(16)}`);
  if (header.dqh_version > 1) return broken(`its version is ${header.dqh_version}`);
  const blocks = header.dqi_blocks;
  if (blocks > Math.ceil(size / BLOCK)) return broken(`it counts ${blocks} blocks in ${size} bytes`);
  if (header.dqi_free_blk >= blocks || header.dqi_free_entry >= blocks) return broken('its lists of free blocks begin outside of it');
  const large = header.dqh_version === 1;
  const seen = new Uint8Array(blocks);
  let damage: string | undefined;
  const leaf = (block: number): void => {
    const bytes = read(block);
    const step = large ? Entry.size : OldEntry.size;
    for (let at = BlockHeader.size; at + step <= BLOCK; at += step) {
      if (bytes.subarray(at, at + step).every((byte) => byte === 0)) continue;
      const entry = large ? fromDisk(bytes, at) : fromOldDisk(bytes, at);
      entries.set(entry.id, entry);
    }
  };
  const descend = (block: number, depth: number): void => {
    // Each block once: a tree that leads back to itself ends.
    if (seen[block] === 1) {
      if (depth < DEPTH) damage ??= `block ${block} is in its tree twice`;
      return;
    }
    seen[block] = 1;
    if (depth === DEPTH) return leaf(block);
    const bytes = read(block).slice();
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < FAN; i++) {
      const below = view.getUint32(i * 4, true);
      if (below === 0) continue;
      if (below >= blocks) damage ??= `block ${block} leads to block ${below} of ${blocks}`;
      else descend(below, depth + 1);
    }
  };
  if (blocks > ROOT) descend(ROOT, 0);
  return { entries, spaceGrace: header.dqi_bgrace, inodeGrace: header.dqi_igrace, ...(damage === undefined ? {} : { damage }) };
}

/** The bytes of a quota file of version 1. @param type 0 users, 1 groups, 2 projects */
export function writeQuotaFile(type: number, file: QuotaFile): Uint8Array {
  const used = [...file.entries.values()].filter((entry) => !isUnused(entry)).toSorted((a, b) => a.id - b.id);
  const blocks: Uint8Array[] = [new Uint8Array(BLOCK), new Uint8Array(BLOCK)];
  const fresh = (): number => blocks.push(new Uint8Array(BLOCK)) - 1;
  const room = Math.floor((BLOCK - BlockHeader.size) / Entry.size);
  let leaf = 0;
  let inLeaf = 0;
  for (const entry of used) {
    let node = ROOT;
    for (let depth = 0; depth < DEPTH - 1; depth++) node = child(blocks, node, index(entry.id, depth), fresh);
    if (leaf === 0 || inLeaf === room) {
      leaf = fresh();
      inLeaf = 0;
    }
    child(blocks, node, index(entry.id, DEPTH - 1), () => leaf);
    toDisk(entry, blocks[leaf]!, BlockHeader.size + inLeaf * Entry.size);
    inLeaf++;
    BlockHeader.at(blocks[leaf]!).dqdh_entries = inLeaf;
  }
  const header = Header.at(blocks[0]!);
  header.dqh_magic = MAGICS[type]!;
  header.dqh_version = 1;
  header.dqi_bgrace = file.spaceGrace;
  header.dqi_igrace = file.inodeGrace;
  header.dqi_blocks = blocks.length;
  // All leaves but the last are full; it is the whole list of those with room.
  header.dqi_free_entry = inLeaf < room ? leaf : 0;
  const whole = new Uint8Array(blocks.length * BLOCK);
  for (const [number, bytes] of blocks.entries()) whole.set(bytes, number * BLOCK);
  return whole;
}

/** Sets or clears the times from which soft limits are hard ones. @param now seconds since 1970 */
export function updateGrace(entry: QuotaEntry, file: { readonly spaceGrace: number; readonly inodeGrace: number }, now: number): void {
  const overSpace = entry.spaceSoft !== 0n && entry.space > entry.spaceSoft * 1024n;
  const overInodes = entry.inodeSoft !== 0n && entry.inodes > entry.inodeSoft;
  if (!overSpace) entry.spaceTime = 0n;
  else if (entry.spaceTime === 0n) entry.spaceTime = BigInt(now + file.spaceGrace);
  if (!overInodes) entry.inodeTime = 0n;
  else if (entry.inodeTime === 0n) entry.inodeTime = BigInt(now + file.inodeGrace);
}

/** No use and no limits: such entries are not stored. */
export function isUnused(entry: QuotaEntry): boolean {
  return entry.space === 0n && entry.inodes === 0n && entry.spaceSoft === 0n && entry.spaceHard === 0n && entry.inodeSoft === 0n && entry.inodeHard === 0n;
}

function index(id: number, depth: number): number {
  return (id >>> ((DEPTH - depth - 1) * 8)) & 0xff;
}

/** The block that `node` leads to at `at`; made where there is none. */
function child(blocks: readonly Uint8Array[], node: number, at: number, make: () => number): number {
  const bytes = blocks[node]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const there = view.getUint32(at * 4, true);
  if (there !== 0) return there;
  const made = make();
  view.setUint32(at * 4, made, true);
  return made;
}

function fromDisk(bytes: Uint8Array, at: number): QuotaEntry {
  const raw = Entry.at(bytes, at);
  return {
    id: raw.dqb_id, inodes: raw.dqb_curinodes, space: raw.dqb_curspace, inodeHard: raw.dqb_ihardlimit, inodeSoft: raw.dqb_isoftlimit,
    spaceHard: raw.dqb_bhardlimit, spaceSoft: raw.dqb_bsoftlimit, spaceTime: raw.dqb_btime, inodeTime: raw.dqb_itime,
  };
}

function fromOldDisk(bytes: Uint8Array, at: number): QuotaEntry {
  const raw = OldEntry.at(bytes, at);
  return {
    id: raw.dqb_id, inodes: BigInt(raw.dqb_curinodes), space: raw.dqb_curspace, inodeHard: BigInt(raw.dqb_ihardlimit), inodeSoft: BigInt(raw.dqb_isoftlimit),
    spaceHard: BigInt(raw.dqb_bhardlimit), spaceSoft: BigInt(raw.dqb_bsoftlimit), spaceTime: raw.dqb_btime, inodeTime: raw.dqb_itime,
  };
}

function toDisk(entry: QuotaEntry, bytes: Uint8Array, at: number): void {
  const raw = Entry.at(bytes, at);
  raw.dqb_id = entry.id;
  raw.dqb_curinodes = entry.inodes;
  raw.dqb_curspace = entry.space;
  raw.dqb_ihardlimit = entry.inodeHard;
  raw.dqb_isoftlimit = entry.inodeSoft;
  raw.dqb_bhardlimit = entry.spaceHard;
  raw.dqb_bsoftlimit = entry.spaceSoft;
  raw.dqb_btime = entry.spaceTime;
  raw.dqb_itime = entry.inodeTime;
}
