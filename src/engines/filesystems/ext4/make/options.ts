import { type DiskError, unsupported, usage } from '../../../core/errors.ts';
import { encodeName } from '../../../core/names.ts';
import type { MakeOptions } from '../../../core/probe.ts';
import { COMPAT, Features, INCOMPAT, RO_COMPAT } from '../features.ts';

/** What mke2fs gives each variant (mke2fs.conf of e2fsprogs 1.47). */
const BASE = ['sparse_super', 'large_file', 'filetype', 'resize_inode', 'dir_index', 'ext_attr'];
const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  ext2: BASE,
  ext3: [...BASE, 'has_journal'],
  ext4: [...BASE, 'has_journal', 'extent', 'huge_file', 'flex_bg', 'metadata_csum', '64bit', 'dir_nlink', 'extra_isize'],
};

/** What a new filesystem may be asked to have. Others are made by those who use them (encrypt, verity), or not by us. */
const OFFERED = new Set([
  'has_journal', 'ext_attr', 'resize_inode', 'dir_index', 'sparse_super2', 'filetype', 'extent', '64bit', 'flex_bg', 'metadata_csum_seed', 'large_dir', 'inline_data', 'ea_inode',
  'sparse_super', 'large_file', 'huge_file', 'uninit_bg', 'dir_nlink', 'extra_isize', 'metadata_csum', 'bigalloc',
]);

/** Names of options, with what each is. */
export const OPTION_NAMES: Readonly<Record<string, string>> = {
  'features': 'features as mke2fs -O names them, with ^ to leave one out: "^has_journal,inline_data"',
  'block-size': 'bytes a block: 1024 to 65536',
  'cluster-size': 'bytes a cluster (bigalloc)',
  'inode-size': 'bytes an inode: 128 to the block size',
  'bytes-per-inode': 'one inode for so many bytes',
  'inodes': 'inodes in all, at least',
  'reserved': 'percent of the blocks that only root may use',
  'journal-size': 'MiB of journal',
  'flex-groups': 'groups whose tables lie together (flex_bg)',
  'hash-seed': 'seed of directory hashes, a UUID',
  'root-owner': 'owner of the root directory, as UID:GID',
};

/** Options read and checked one by one; how they fit together, the geometry decides. Sizes in bytes. */
export interface Wanted {
  readonly features: Features;
  readonly blockSize: number | undefined;
  readonly clusterSize: number | undefined;
  readonly inodeSize: number;
  readonly bytesPerInode: number | undefined;
  readonly inodes: number | undefined;
  readonly reservedPercent: number;
  readonly journalBytes: number | undefined;
  readonly flexGroups: number;
  readonly uuid: Uint8Array;
  readonly hashSeed: Uint8Array;
  readonly label: Uint8Array;
  readonly rootOwner: { readonly uid: number; readonly gid: number };
}

/** @throws DiskError usage, unsupported */
export function readOptions({ variant, label = '', uuid, options, write }: MakeOptions): Wanted {
  for (const name of Object.keys(options)) {
    if (!(name in OPTION_NAMES)) throw wrong(`There is no option ${name}; there are ${Object.keys(OPTION_NAMES).join(', ')}`);
  }
  const number = (name: string, least: number, most: number, power = false): number | undefined => {
    const text = options[name];
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!/^\d+(\.\d+)?$/.test(text) || value < least || value > most || (power && Math.log2(value) % 1 !== 0)) throw wrong(`${name} is ${power ? 'a power of two ' : ''}from ${least} to ${most}, not "${text}"`);
    return value;
  };
  const features = readFeatures(variant, options['features'] ?? '');
  const [uid, gid] = readOwner(options['root-owner'] ?? '0:0');
  const named = encodeName(label);
  if (named.length > 16 || named.includes(0)) throw wrong(`The label "${label}" is longer than 16 bytes`);
  const journal = number('journal-size', 1, 10_240);
  return {
    features, blockSize: number('block-size', 1024, 65_536, true), clusterSize: number('cluster-size', 2048, 512 * 1024 * 1024, true),
    inodeSize: number('inode-size', 128, 65_536, true) ?? 256, bytesPerInode: number('bytes-per-inode', 1024, 64 * 1024 * 1024), inodes: number('inodes', 1, 0xffffffff),
    reservedPercent: number('reserved', 0, 50) ?? 5, journalBytes: journal === undefined ? undefined : Math.floor(journal * 1024 * 1024), flexGroups: number('flex-groups', 1, 2 ** 20, true) ?? 16,
    uuid: uuid === undefined ? randomUuid(write) : readUuid(uuid), hashSeed: options['hash-seed'] === undefined ? randomUuid(write) : readUuid(options['hash-seed']),
    label: named, rootOwner: { uid, gid },
  };
}

function readFeatures(variant: string, text: string): Features {
  const base = VARIANTS[variant];
  if (base === undefined) throw wrong(`There is no ${variant}; there are ${Object.keys(VARIANTS).join(', ')}`);
  const chosen = new Set<string>(base);
  for (const part of text.split(',').filter((each) => each !== '')) {
    const name = part.replace(/^\^/, '');
    if (name === 'none') chosen.clear();
    else if (!OFFERED.has(name)) throw unsupported(name, `A filesystem with ${name} can't be made: ${whyNot(name)}`);
    else if (part.startsWith('^')) chosen.delete(name);
    else chosen.add(name);
  }
  // One takes the other's place (mke2fs does the same).
  if (chosen.has('metadata_csum')) chosen.delete('uninit_bg');
  if (chosen.has('sparse_super2')) {
    chosen.delete('sparse_super');
    chosen.delete('resize_inode');
  }
  const needs: readonly (readonly [string, string])[] = [
    ['64bit', 'extent'], ['bigalloc', 'extent'], ['metadata_csum_seed', 'metadata_csum'], ['resize_inode', 'sparse_super'], ['inline_data', 'ext_attr'], ['large_dir', 'dir_index'], ['ea_inode', 'ext_attr'],
  ];
  for (const [one, other] of needs) {
    if (chosen.has(one) && !chosen.has(other)) throw wrong(`${one} needs ${other}`);
  }
  return new Features(word(COMPAT, chosen), word(INCOMPAT, chosen), word(RO_COMPAT, chosen));
}

function word(table: typeof COMPAT, chosen: ReadonlySet<string>): number {
  let bits = 0;
  for (const [bit, { name }] of table) {
    if (chosen.has(name)) bits |= 1 << bit;
  }
  return bits >>> 0;
}

function whyNot(name: string): string {
  const known = [...COMPAT.values(), ...INCOMPAT.values(), ...RO_COMPAT.values()].some((feature) => feature.name === name);
  return known ? 'it is not offered yet' : 'it is not known';
}

function readOwner(text: string): [number, number] {
  const match = /^(\d{1,10}):(\d{1,10})$/.exec(text);
  const [uid, gid] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || uid > 0xfffffffe || gid > 0xfffffffe) throw wrong(`root-owner is UID:GID, not "${text}"`);
  return [uid, gid];
}

function readUuid(text: string): Uint8Array {
  const hex = text.replaceAll('-', '');
  if (!/^[0-9a-f]{32}$/i.test(hex)) throw wrong(`"${text}" is no UUID`);
  return Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16));
}

/** RFC 9562, version 4. */
function randomUuid(write: MakeOptions['write']): Uint8Array {
  const bytes = new Uint8Array(16);
  write.random(bytes);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes;
}

export function wrong(message: string): DiskError {
  return usage('EINVAL', message);
}
