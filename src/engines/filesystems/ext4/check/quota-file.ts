import { OldQuotaRecord, QUOTA_BLOCK, QUOTA_DEPTH, QUOTA_MAGICS, QUOTA_ROOT, QuotaBlockHeader, QuotaHeader, QuotaRecord } from '../quota-layout.ts';

const FAN = QUOTA_BLOCK / 4;
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
  if (size < QuotaHeader.size || size > MOST_BYTES) return broken(`its size is ${size} bytes`);
  const header = QuotaHeader.at(read(0));
  if (header.dqh_magic !== QUOTA_MAGICS[type]) return broken(`its magic is 0x${header.dqh_magic.toString(16)}`);
  if (header.dqh_version > 1) return broken(`its version is ${header.dqh_version}`);
  const blocks = header.dqi_blocks;
  if (blocks > Math.ceil(size / QUOTA_BLOCK)) return broken(`it counts ${blocks} blocks in ${size} bytes`);
  if (header.dqi_free_blk >= blocks || header.dqi_free_entry >= blocks) return broken('its lists of free blocks begin outside of it');
  const large = header.dqh_version === 1;
  const seen = new Uint8Array(blocks);
  let damage: string | undefined;
  const leaf = (block: number): void => {
    const bytes = read(block);
    const step = large ? QuotaRecord.size : OldQuotaRecord.size;
    for (let at = QuotaBlockHeader.size; at + step <= QUOTA_BLOCK; at += step) {
      if (bytes.subarray(at, at + step).every((byte) => byte === 0)) continue;
      const entry = large ? fromDisk(bytes, at) : fromOldDisk(bytes, at);
      entries.set(entry.id, entry);
    }
  };
  const descend = (block: number, depth: number): void => {
    // Each block once: a tree that leads back to itself ends.
    if (seen[block] === 1) {
      if (depth < QUOTA_DEPTH) damage ??= `block ${block} is in its tree twice`;
      return;
    }
    seen[block] = 1;
    if (depth === QUOTA_DEPTH) return leaf(block);
    const bytes = read(block).slice();
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < FAN; i++) {
      const below = view.getUint32(i * 4, true);
      if (below === 0) continue;
      if (below >= blocks) damage ??= `block ${block} leads to block ${below} of ${blocks}`;
      else descend(below, depth + 1);
    }
  };
  if (blocks > QUOTA_ROOT) descend(QUOTA_ROOT, 0);
  return { entries, spaceGrace: header.dqi_bgrace, inodeGrace: header.dqi_igrace, ...(damage === undefined ? {} : { damage }) };
}

/** The bytes of a quota file of version 1. @param type 0 users, 1 groups, 2 projects */
export function writeQuotaFile(type: number, file: QuotaFile): Uint8Array {
  const used = [...file.entries.values()].filter((entry) => !isUnused(entry)).toSorted((a, b) => a.id - b.id);
  const blocks: Uint8Array[] = [new Uint8Array(QUOTA_BLOCK), new Uint8Array(QUOTA_BLOCK)];
  const fresh = (): number => blocks.push(new Uint8Array(QUOTA_BLOCK)) - 1;
  const room = Math.floor((QUOTA_BLOCK - QuotaBlockHeader.size) / QuotaRecord.size);
  let leaf = 0;
  let inLeaf = 0;
  for (const entry of used) {
    let node = QUOTA_ROOT;
    for (let depth = 0; depth < QUOTA_DEPTH - 1; depth++) node = child(blocks, node, index(entry.id, depth), fresh);
    if (leaf === 0 || inLeaf === room) {
      leaf = fresh();
      inLeaf = 0;
    }
    child(blocks, node, index(entry.id, QUOTA_DEPTH - 1), () => leaf);
    toDisk(entry, blocks[leaf]!, QuotaBlockHeader.size + inLeaf * QuotaRecord.size);
    inLeaf++;
    QuotaBlockHeader.at(blocks[leaf]!).dqdh_entries = inLeaf;
  }
  const header = QuotaHeader.at(blocks[0]!);
  header.dqh_magic = QUOTA_MAGICS[type]!;
  header.dqh_version = 1;
  header.dqi_bgrace = file.spaceGrace;
  header.dqi_igrace = file.inodeGrace;
  header.dqi_blocks = blocks.length;
  // All leaves but the last are full; it is the whole list of those with room.
  header.dqi_free_entry = inLeaf < room ? leaf : 0;
  const whole = new Uint8Array(blocks.length * QUOTA_BLOCK);
  for (const [number, bytes] of blocks.entries()) whole.set(bytes, number * QUOTA_BLOCK);
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
function isUnused(entry: QuotaEntry): boolean {
  return entry.space === 0n && entry.inodes === 0n && entry.spaceSoft === 0n && entry.spaceHard === 0n && entry.inodeSoft === 0n && entry.inodeHard === 0n;
}

function index(id: number, depth: number): number {
  return (id >>> ((QUOTA_DEPTH - depth - 1) * 8)) & 0xff;
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
  const raw = QuotaRecord.at(bytes, at);
  return {
    id: raw.dqb_id, inodes: raw.dqb_curinodes, space: raw.dqb_curspace, inodeHard: raw.dqb_ihardlimit, inodeSoft: raw.dqb_isoftlimit,
    spaceHard: raw.dqb_bhardlimit, spaceSoft: raw.dqb_bsoftlimit, spaceTime: raw.dqb_btime, inodeTime: raw.dqb_itime,
  };
}

function fromOldDisk(bytes: Uint8Array, at: number): QuotaEntry {
  const raw = OldQuotaRecord.at(bytes, at);
  return {
    id: raw.dqb_id, inodes: BigInt(raw.dqb_curinodes), space: raw.dqb_curspace, inodeHard: BigInt(raw.dqb_ihardlimit), inodeSoft: BigInt(raw.dqb_isoftlimit),
    spaceHard: BigInt(raw.dqb_bhardlimit), spaceSoft: BigInt(raw.dqb_bsoftlimit), spaceTime: raw.dqb_btime, inodeTime: raw.dqb_itime,
  };
}

function toDisk(entry: QuotaEntry, bytes: Uint8Array, at: number): void {
  const raw = QuotaRecord.at(bytes, at);
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
