import { corrupt, unsupported } from '../../../core/errors.ts';
import type { WriteAccess } from '../../../core/probe.ts';
import type { View } from '../../../core/layout/struct.ts';
import { QUOTA_BLOCK, QUOTA_DEPTH, QUOTA_MAGICS, QUOTA_ROOT, QuotaBlockHeader, QuotaHeader, QuotaRecord } from '../quota-layout.ts';
import type { Superblock } from '../superblock.ts';
import type { Transaction } from './transaction.ts';
import type { Contents, Inodes, Owner } from './volume.ts';

/** Entries a block. */
const ROOM = Math.floor((QUOTA_BLOCK - QuotaBlockHeader.size) / QuotaRecord.size);
const NAMES = ['user', 'group', 'project'] as const;

/** What owners use, kept as quotacheck would find it. */
export interface Usage {
  /** Adds to what an owner uses. @param bytes of blocks @param inodes number of inodes; both may be negative */
  add(owner: Owner, bytes: number, inodes: number): void;
}

/** Of a filesystem without quota files. */
export const unlimited: Usage = { add: () => {} };

/** What quota files are kept with. */
export interface QuotaContext {
  readonly superblock: Superblock;
  readonly transaction: Transaction;
  readonly inodes: Inodes;
  readonly contents: Contents;
  readonly access: WriteAccess;
}

/**
 * The quota files of a filesystem with the feature quota: what every user, group and project uses, counted as e2fsck counts it. Limits are not
 * enforced, as they are not for root.
 */
export class QuotaFiles implements Usage {
  readonly #context: QuotaContext;
  /** By kind: what the running operation adds, by id. It goes into the files when the operation ends. */
  readonly #added: readonly Map<number, { bytes: number; inodes: number }>[];
  readonly #files: readonly (QuotaTree | undefined)[];

  /** @throws DiskError unsupported, corrupt */
  constructor(context: QuotaContext) {
    this.#context = context;
    const { s_usr_quota_inum: user, s_grp_quota_inum: group, s_prj_quota_inum: project } = context.superblock.raw;
    this.#added = [new Map(), new Map(), new Map()];
    this.#files = [user, group, context.superblock.features.project ? project : 0].map((node, kind) => (node === 0 ? undefined : new QuotaTree(context, node, kind)));
  }

  add(owner: Owner, bytes: number, inodes: number): void {
    const { transaction } = this.#context;
    if (bytes === 0 && inodes === 0) return;
    [owner.uid, owner.gid, owner.project].forEach((id, kind) => {
      if (this.#files[kind] === undefined) return;
      const added = this.#added[kind]!;
      const sum = added.get(id) ?? { bytes: 0, inodes: 0 };
      added.set(id, { bytes: sum.bytes + bytes, inodes: sum.inodes + inodes });
      transaction.onUndo(() => { added.set(id, sum); });
    });
    transaction.atEnd('quota', () => { this.#flush(); });
  }

  #flush(): void {
    this.#added.forEach((added, kind) => {
      for (const [id, { bytes, inodes }] of added) {
        if (bytes !== 0 || inodes !== 0) this.#files[kind]!.add(id, bytes, inodes);
      }
      const before = [...added];
      // Whatever is undone after this is undone before it as well: the sums come back first, and then go.
      this.#context.transaction.onUndo(() => { for (const [id, sum] of before) added.set(id, sum); });
      added.clear();
    });
  }
}

/** One quota file while it is changed. Entries are never taken out: one that uses nothing counts as none. */
class QuotaTree {
  readonly #context: QuotaContext;
  readonly #node: number;
  readonly #kind: number;
  /** Where entries stand that were looked for: filesystem block, and byte in it. */
  readonly #places = new Map<number, { readonly block: number; readonly at: number }>();

  constructor(context: QuotaContext, node: number, kind: number) {
    this.#context = context;
    this.#node = node;
    this.#kind = kind;
    const { bytes, at } = this.#block(0, false);
    const header = QuotaHeader.at(bytes, at);
    if (header.dqh_magic !== QUOTA_MAGICS[kind]) throw this.#damaged('its magic number is wrong');
    if (header.dqh_version !== 1) throw unsupported('quota', `The ${NAMES[kind]} quota file is of version ${header.dqh_version}, which can't be kept`);
    if (header.dqi_blocks < 2 || header.dqi_blocks * QUOTA_BLOCK > context.inodes.get(node).size) throw this.#damaged(`it counts ${header.dqi_blocks} blocks`);
  }

  add(id: number, bytes: number, inodes: number): void {
    const { block, at } = this.#places.get(id) ?? this.#find(id) ?? this.#insert(id);
    const record = QuotaRecord.at(this.#context.transaction.editOfFile(block, this.#structure), at);
    const { access } = this.#context;
    record.dqb_curspace = plus(record.dqb_curspace, bytes);
    record.dqb_curinodes = plus(record.dqb_curinodes, inodes);
    const header = this.#header(false);
    const grace = (time: bigint, isOver: boolean, seconds: number): bigint => (isOver ? (time === 0n ? access.now() / 1_000_000_000n + BigInt(seconds) : time) : 0n);
    record.dqb_btime = grace(record.dqb_btime, record.dqb_bsoftlimit !== 0n && record.dqb_curspace > record.dqb_bsoftlimit * 1024n, header.dqi_bgrace);
    record.dqb_itime = grace(record.dqb_itime, record.dqb_isoftlimit !== 0n && record.dqb_curinodes > record.dqb_isoftlimit, header.dqi_igrace);
    // An entry of zeros would be a free one (v2r1_mem2diskdqb).
    if (isZero(record)) record.dqb_itime = 1n;
  }

  get #structure(): string { return `${NAMES[this.#kind]} quota file`; }

  #damaged(message: string): Error {
    return corrupt(this.#structure, message);
  }

  #header(edit: boolean): View<typeof QuotaHeader> {
    const { bytes, at } = this.#block(0, edit);
    return QuotaHeader.at(bytes, at);
  }

  /** A block of the file: 1 KiB at `at` of the bytes of a filesystem block. */
  #block(number: number, edit: boolean): { readonly bytes: Uint8Array; readonly at: number; readonly block: number } {
    const { transaction, contents, superblock } = this.#context;
    const place = number * QUOTA_BLOCK;
    const { physical, unwritten } = contents.mapping(this.#node).find(Math.floor(place / superblock.blockSize));
    if (physical === undefined || unwritten) throw this.#damaged(`its block ${number} is missing`);
    return { bytes: edit ? transaction.editOfFile(physical, this.#structure) : transaction.get(physical, this.#structure), at: place % superblock.blockSize, block: physical };
  }

  /** A block of numbers in the tree, or the 1 KiB of a block of entries. */
  #view(number: number, edit: boolean): DataView {
    if (number < QUOTA_ROOT || number >= this.#header(false).dqi_blocks) throw this.#damaged(`it names block ${number}`);
    const { bytes, at } = this.#block(number, edit);
    return new DataView(bytes.buffer, bytes.byteOffset + at, QUOTA_BLOCK);
  }

  #find(id: number): { readonly block: number; readonly at: number } | undefined {
    let number = QUOTA_ROOT;
    for (let depth = 0; depth < QUOTA_DEPTH; depth++) {
      number = this.#view(number, false).getUint32(indexOf(id, depth) * 4, true);
      if (number === 0) return undefined;
    }
    const view = this.#view(number, false);
    for (let i = 0; i < ROOM; i++) {
      const record = QuotaRecord.over(view, QuotaBlockHeader.size + i * QuotaRecord.size);
      // The one of id 0 is told from a free one by what it holds.
      if (record.dqb_id === id && !isZero(record)) return this.#place(id, number, i);
    }
    throw this.#damaged(`its tree leads to no entry of id ${id}`);
  }

  #place(id: number, number: number, i: number): { readonly block: number; readonly at: number } {
    const { block, at } = this.#block(number, false);
    const place = { block, at: at + QuotaBlockHeader.size + i * QuotaRecord.size };
    this.#places.set(id, place);
    this.#context.transaction.onUndo(() => { this.#places.delete(id); });
    return place;
  }

  /** Puts an empty entry into a block with room, and the way to it into the tree. @throws DiskError usage ENOSPC */
  #insert(id: number): { readonly block: number; readonly at: number } {
    const { number, i } = this.#takeEntry();
    QuotaRecord.over(this.#view(number, true), QuotaBlockHeader.size + i * QuotaRecord.size).dqb_id = id;
    let node = QUOTA_ROOT;
    for (let depth = 0; depth < QUOTA_DEPTH; depth++) {
      const index = indexOf(id, depth) * 4;
      let below = this.#view(node, false).getUint32(index, true);
      if (below === 0) {
        below = depth === QUOTA_DEPTH - 1 ? number : this.#takeBlock();
        this.#view(node, true).setUint32(index, below, true);
      }
      node = below;
    }
    return this.#place(id, number, i);
  }

  /** A free entry. A block that is full leaves the list of those that have room. */
  #takeEntry(): { readonly number: number; readonly i: number } {
    let number = this.#header(false).dqi_free_entry;
    if (number === 0) {
      number = this.#takeBlock();
      this.#header(true).dqi_free_entry = number;
    }
    const view = this.#view(number, true);
    const header = QuotaBlockHeader.over(view, 0);
    header.dqdh_entries++;
    if (header.dqdh_entries >= ROOM) {
      const { dqdh_next_free: next, dqdh_prev_free: previous } = header;
      if (next !== 0) QuotaBlockHeader.over(this.#view(next, true), 0).dqdh_prev_free = previous;
      if (previous !== 0) QuotaBlockHeader.over(this.#view(previous, true), 0).dqdh_next_free = next;
      else this.#header(true).dqi_free_entry = next;
      header.dqdh_next_free = 0;
      header.dqdh_prev_free = 0;
    }
    for (let i = 0; i < ROOM; i++) {
      if (isZero(QuotaRecord.over(view, QuotaBlockHeader.size + i * QuotaRecord.size))) return { number, i };
    }
    throw this.#damaged(`block ${number} has no room, but is in the list of those that have`);
  }

  /** A block of zeros: of those that are free, or at the end of the file. */
  #takeBlock(): number {
    const { contents, transaction, inodes, superblock } = this.#context;
    const header = this.#header(true);
    if (header.dqi_free_blk !== 0) {
      const number = header.dqi_free_blk;
      const view = this.#view(number, true);
      this.#header(true).dqi_free_blk = QuotaBlockHeader.over(view, 0).dqdh_next_free;
      new Uint8Array(view.buffer, view.byteOffset, QUOTA_BLOCK).fill(0);
      return number;
    }
    const number = header.dqi_blocks;
    const end = (number + 1) * QUOTA_BLOCK;
    const logical = Math.floor((number * QUOTA_BLOCK) / superblock.blockSize);
    if (contents.mapping(this.#node).find(logical).physical === undefined) {
      transaction.fresh(contents.allocate(this.#node, logical, 1, 'metadata').block, this.#structure);
    }
    if (inodes.get(this.#node).size < end) contents.setSize(this.#node, end);
    this.#header(true).dqi_blocks = number + 1;
    const view = this.#view(number, true);
    new Uint8Array(view.buffer, view.byteOffset, QUOTA_BLOCK).fill(0);
    return number;
  }
}

/** Place in a block of the tree that an id goes through, from the highest byte on. */
function indexOf(id: number, depth: number): number {
  return (id >>> ((QUOTA_DEPTH - depth - 1) * 8)) & 0xff;
}

/** A file that said less than is used can't go below zero (dquot_decr_space). */
function plus(used: bigint, more: number): bigint {
  const sum = used + BigInt(more);
  return sum > 0n ? sum : 0n;
}

function isZero({ $view: view, $at: at }: View<typeof QuotaRecord>): boolean {
  for (let i = 0; i < QuotaRecord.size; i += 4) if (view.getUint32(at + i, true) !== 0) return false;
  return true;
}
