import { nameOf } from '../../engines/core/offers.ts';
import type { RegistryEntry } from '../../engines/core/probe.ts';
import type { Matrix, MatrixCell, MatrixProof } from '../../shared/contract/guests.ts';
import type { Guest } from './manifest.ts';

/** One thing that a test has shown: `docs/guests-tested.json` is a list of them, written by the tests themselves. */
export interface Proof extends MatrixProof {
  /** "native", or a guest's name. */
  readonly opener: string;
  /** The filesystem's id in core/signatures. */
  readonly format: string;
}

/** How far an engine of ours goes with a format. */
export interface NativeSupport {
  readonly format: string;
  readonly access: 'read-write' | 'read-only';
  readonly reason: string;
}

/** A row: what people call the filesystem, and the ids that it goes by. */
export interface MatrixRow {
  readonly format: string;
  readonly title: string;
  /** Where it is no id of core/signatures: a tree of a guest's own. */
  readonly tree?: Guest['manifest']['trees'][number];
  /** The name that a manifest gives a variant: UFS1 and UFS2 are one format, and not equally well served. */
  readonly variants?: readonly string[];
  /** Rows that are one format to the engines, told apart by the variant's name. */
  readonly native?: string;
}

/** The rows: the filesystems that people ask for first, then what else kernels mount. */
export const ROWS: readonly MatrixRow[] = [
  { format: 'ext2', title: 'ext2', native: 'ext4' }, { format: 'ext3', title: 'ext3', native: 'ext4' }, { format: 'ext4', title: 'ext4' },
  ...['fat', 'exfat', 'ntfs', 'ufs1', 'ufs2', 'zfs', 'btrfs', 'xfs', 'reiserfs', 'f2fs', 'jfs', 'iso9660', 'udf', 'hfs', 'hfsplus', 'apfs', 'chfs', 'lfs', 'minix', 'squashfs'].map((format) => ({ format, title: nameOf(format) })),
  { format: 'overlay', title: 'OverlayFS', tree: 'overlay' }, { format: 'tmpfs', title: 'tmpfs', tree: 'tmpfs' }, { format: 'devfs', title: 'devfs', tree: 'devfs' }, { format: 'procfs', title: 'procfs', tree: 'procfs' },
  ...['affs', 'adfs', 'befs', 'bfs', 'efs', 'erofs', 'hpfs', 'jffs2', 'nilfs2', 'omfs', 'qnx4', 'qnx6', 'romfs', 'sysv', 'v7', 'ubifs', 'vxfs', 'bcachefs', 'gfs2', 'ocfs2', 'cramfs'].map((format) => ({ format, title: nameOf(format) })),
];

/**
 * Which filesystem opens with what: made from the registry, the manifests and what tests have shown, and never typed by hand.
 * @param missing why a guest can't be used now; empty when it can
 */
export function makeMatrix(registry: readonly RegistryEntry[], natives: readonly NativeSupport[], guests: readonly Guest[], missing: (guest: Guest) => string, proofs: readonly Proof[]): Matrix {
  const named = new Set(ROWS.map(({ format }) => format));
  const others = [...new Set([...registry.filter(({ kind, serves }) => kind === 'filesystem' && serves === undefined).map(({ id }) => id), ...guests.flatMap(({ manifest }) => manifest.filesystems.map(({ format }) => format))])].filter((format) => !named.has(format)).toSorted();
  const rows = [...ROWS, ...others.map((format): MatrixRow => ({ format, title: nameOf(format) }))];
  const proofsOf = (opener: string, { format }: MatrixRow): MatrixProof[] => proofs.filter((proof) => proof.opener === opener && proof.format === format).map(({ date, what }) => ({ date, what })).toSorted((a, b) => (a.date < b.date ? 1 : a.date > b.date ? -1 : 0));
  return {
    columns: [{ id: 'native', title: 'Clutch', missing: '' }, ...guests.map((guest) => ({ id: `guest:${guest.manifest.name}`, title: guest.manifest.title, missing: missing(guest) }))],
    rows: rows.map((row) => ({
      format: row.format, title: row.title,
      cells: [nativeCell(row, natives, proofsOf('native', row)), ...guests.map((guest) => guestCell(row, guest, proofsOf(guest.manifest.name, row)))],
    })),
  };
}

function nativeCell({ format, native }: MatrixRow, natives: readonly NativeSupport[], proofs: readonly MatrixProof[]): MatrixCell {
  const found = natives.find((each) => each.format === (native ?? format));
  return found === undefined ? { support: 'none', reason: '', proofs } : { support: found.access, reason: found.reason, proofs };
}

function guestCell({ format, tree, native }: MatrixRow, { manifest, state }: Guest, proofs: readonly MatrixProof[]): MatrixCell {
  if (tree !== undefined) {
    if (!manifest.trees.includes(tree)) return { support: 'none', reason: '', proofs };
    return unless(state, { support: tree === 'tmpfs' || tree === 'overlay' ? 'read-write' : 'read-only', reason: 'a tree of its own', proofs });
  }
  const served = manifest.filesystems.find((each) => each.format === format) ?? manifest.filesystems.find((each) => each.format === native);
  if (served === undefined) return { support: 'none', reason: '', proofs };
  return unless(state, { support: served.access, reason: served.reason ?? '', proofs });
}

/** What a guest that is not built would do. */
function unless(state: Guest['state'], cell: MatrixCell & { readonly support: 'read-write' | 'read-only' | 'known-bad' }): MatrixCell {
  return state !== 'missing' || cell.support === 'known-bad' ? cell : { ...cell, support: 'unbuilt', would: cell.support };
}

const SYMBOLS = { 'read-write': 'rw', 'read-only': 'ro', 'known-bad': 'bad', unbuilt: '–', none: '' } as const;

/** A cell in a word or two. */
export function cellText({ support, would, proofs }: MatrixCell): string {
  const word = support === 'unbuilt' ? (would === 'read-write' ? 'rw' : 'ro') : SYMBOLS[support];
  return word === '' ? '' : `${word}${proofs.length > 0 ? ' ✓' : ''}`;
}

/** The page in `docs/`: what guests do once they are built, so that it is the same on every computer. */
export function matrixMarkdown({ columns, rows }: Matrix): string {
  const lines = [
    '# What opens with what', '',
    'Made by `clutch matrix --markdown` from the engines, the manifests in `guests/` and `docs/guests-tested.json`, where tests write what they have shown.', '',
    '**rw** read and written · **ro** read only · **bad** known to be no good · ✓ shown by a test, with the date below. A guest must be built first (`clutch guests build`).', '',
    `| | ${columns.map(({ title }) => title).join(' | ')} |`, `|---|${columns.map(() => '---').join('|')}|`,
    ...rows.map(({ title, cells }) => `| ${title} | ${cells.map(cellText).join(' | ')} |`), '',
    '## Reasons', '',
    ...rows.flatMap(({ title, cells }) => cells.flatMap(({ reason }, i) => (reason === '' || reason === 'a tree of its own' ? [] : [`- ${title}, ${columns[i]!.title}: ${reason}`]))), '',
    '## Shown by tests', '',
    ...rows.flatMap(({ title, cells }) => cells.flatMap(({ proofs }, i) => proofs.map(({ date, what }) => `- ${title}, ${columns[i]!.title}: ${what} (${date})`))), '',
  ];
  return lines.join('\n');
}
