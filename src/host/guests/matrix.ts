import { nameOf } from '../../engines/core/offers.ts';
import type { RegistryEntry } from '../../engines/core/probe.ts';
import type { Matrix, MatrixCell, MatrixProof } from '../../shared/contract/guests.ts';
import { MOUNT_SYSTEMS, type MountWay } from '../../shared/contract/mounts.ts';
import type { Guest } from './manifest.ts';

/** One thing that a test has shown: `tested.json` is a list of them, written by the tests themselves. */
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
  /** Where it is a tree of a guest's own. */
  readonly tree?: Guest['manifest']['trees'][number];
  /** Ids that engines and manifests have for it, where it is not its own: ext2 is opened by what opens ext4. */
  readonly as?: readonly string[];
}

/** Said of trees of a guest's own; the first goes without saying. */
const OWN_TREE = 'a tree of its own';
const FLEETING = 'To be looked at: what would be written there ends with the guest.';

const row = (format: string, as?: readonly string[], title = nameOf(format)): MatrixRow => ({ format, title, ...(as === undefined ? {} : { as }) });
const treeRow = (tree: Guest['manifest']['trees'][number], title: string): MatrixRow => ({ format: tree, title, tree });

/** The rows: the filesystems that people ask for first, then what else kernels mount. */
export const ROWS: readonly MatrixRow[] = [
  row('ext2', ['ext4'], 'ext2'), row('ext3', ['ext4'], 'ext3'), row('ext4', undefined, 'ext4'), row('fat', undefined, 'FAT12/16/32'), row('exfat'), row('ntfs'),
  row('ufs1', ['ufs'], 'UFS1'), row('ufs2', ['ufs'], 'UFS2'), row('zfs', undefined, 'ZFS'), row('openzfs', undefined, 'OpenZFS'), row('btrfs'), row('xfs'), row('reiserfs'), row('f2fs'), row('jfs'), row('iso9660', undefined, 'ISO 9660'), row('udf', undefined, 'UDF'),
  row('hfs'), row('hfsplus'), row('apfs'), row('chfs'), row('lfs'), row('minix'), row('squashfs'),
  treeRow('overlay', 'OverlayFS'), treeRow('tmpfs', 'tmpfs'), treeRow('devfs', 'devfs'), treeRow('procfs', 'procfs'),
  ...['affs', 'adfs', 'befs', 'bfs', 'efs', 'erofs', 'hpfs', 'jffs2', 'nilfs2', 'omfs', 'qnx4', 'qnx6', 'romfs', 'sysv', 'v7'].map((format) => row(format)),
  row('ubifs', ['ubifs', 'ubi']), row('vxfs'), row('bcachefs'), row('gfs2'), row('ocfs2'), row('cramfs'),
];

/**
 * Which filesystem opens with what: made from the registry, the manifests and what tests have shown, and never typed by hand.
 * @param missing why a guest can't be used now; empty when it can
 */
export function makeMatrix(registry: readonly RegistryEntry[], natives: readonly NativeSupport[], guests: readonly Guest[], missing: (guest: Guest) => string, proofs: readonly Proof[]): Matrix {
  const named = new Set(ROWS.flatMap(({ format, as = [] }) => [format, ...as]));
  const others = [...new Set([...registry.filter(({ kind, serves }) => kind === 'filesystem' && serves === undefined).map(({ id }) => id), ...guests.flatMap(({ manifest }) => manifest.filesystems.map(({ format }) => format))])].filter((format) => !named.has(format)).toSorted();
  const rows = [...ROWS, ...others.map((format) => row(format))];
  const proofsOf = (opener: string, { format }: MatrixRow): MatrixProof[] => proofs.filter((proof) => proof.opener === opener && proof.format === format).map(({ date, what }) => ({ date, what })).toSorted((a, b) => (a.date < b.date ? 1 : a.date > b.date ? -1 : 0));
  return {
    columns: [{ id: 'native', title: 'Clutch', missing: '' }, ...guests.map((guest) => ({ id: `guest:${guest.manifest.name}`, title: guest.manifest.title, missing: missing(guest) }))],
    rows: rows.map((each) => ({
      format: each.format, title: each.title,
      cells: [nativeCell(each, natives, proofsOf('native', each)), ...guests.map((guest) => guestCell(each, guest, proofsOf(guest.manifest.name, each)))],
    })),
  };
}

function nativeCell({ format, as = [format] }: MatrixRow, natives: readonly NativeSupport[], proofs: readonly MatrixProof[]): MatrixCell {
  const found = natives.find((each) => as.includes(each.format));
  return found === undefined ? { support: 'none', reason: '', proofs } : { support: found.access, reason: found.reason, proofs };
}

function guestCell({ format, tree, as = [format] }: MatrixRow, { manifest, state }: Guest, proofs: readonly MatrixProof[]): MatrixCell {
  if (tree !== undefined) {
    if (!manifest.trees.includes(tree)) return { support: 'none', reason: '', proofs };
    return unless(state, { support: 'read-only', reason: tree === 'tmpfs' || tree === 'overlay' ? FLEETING : OWN_TREE, proofs });
  }
  const served = manifest.filesystems.find((each) => as.includes(each.format));
  if (served === undefined) return { support: 'none', reason: '', proofs };
  return unless(state, { support: served.access, reason: served.reason ?? '', proofs });
}

/** What a guest that is not built would do. */
function unless(state: Guest['state'], cell: MatrixCell & { readonly support: 'read-write' | 'read-only' | 'known-bad' }): MatrixCell {
  return state !== 'missing' || cell.support === 'known-bad' ? cell : { ...cell, support: 'unbuilt', would: cell.support };
}

/** The guests that come with Clutch as if all of them were built: what the page in `docs/` says, the same on every computer. */
export function shippedMatrix(registry: readonly RegistryEntry[], natives: readonly NativeSupport[], guests: readonly Guest[], proofs: readonly Proof[]): Matrix {
  return makeMatrix(registry, natives, guests.filter(({ origin }) => origin === 'shipped').map((guest) => ({ ...guest, state: 'built' })), () => '', proofs);
}

const SYMBOLS = { 'read-write': 'rw', 'read-only': 'ro', 'known-bad': 'bad', unbuilt: '–', none: '' } as const;

/** A cell in a word or two. */
export function cellText({ support, would, proofs }: MatrixCell): string {
  const word = support === 'unbuilt' ? (would === 'read-write' ? 'rw' : 'ro') : SYMBOLS[support];
  return word === '' ? '' : `${word}${proofs.length > 0 ? ' ✓' : ''}`;
}

/** What neither an engine nor a guest opens. */
export function unserved(rows: Matrix['rows']): string[] {
  return rows.filter(({ cells }) => cells.every(({ support }) => support === 'none')).map(({ title }) => title);
}

/** The ways to mount, a row each, under a row of heads: "–" where a way is not for a system, else what it was tried with there. */
export function mountTable(ways: readonly MountWay[]): string[][] {
  return [['', ...MOUNT_SYSTEMS], ...ways.map(({ title, systems }) => [title, ...MOUNT_SYSTEMS.map((system) => (systems[system] === undefined ? '–' : systems[system] === '' ? 'not tried' : `tried: ${systems[system]}`))])];
}

/** The page in `docs/`: what guests do once they are built, so that it is the same on every computer. */
export function matrixMarkdown({ columns, rows }: Matrix, providers: readonly MountWay[]): string {
  const [head, ...ways] = mountTable(providers).map((cells) => `| ${cells.join(' | ')} |`);
  const lines = [
    '# What opens with what', '',
    'Made by `clutch matrix --markdown` from the engines, the manifests in `guests/` and `src/host/guests/tested.json`, where tests write what they have shown.', '',
    '**rw** read and written · **ro** read only · **bad** known to be no good · ✓ shown by a test, with the date below. A guest must be built first (`clutch guests build`).', '',
    `| | ${columns.map(({ title }) => title).join(' | ')} |`, `|---|${columns.map(() => '---').join('|')}|`,
    ...rows.map(({ title, cells }) => `| ${title} | ${cells.map(cellText).join(' | ')} |`), '',
    ...(unserved(rows).length === 0 ? [] : [`Nothing here opens ${unserved(rows).join(', ')}.`, '']),
    '## What makes it a folder or a drive', '',
    'The first that can be used is taken (`clutch mount`, or *Mount* in the window). *Not tried*: written by its documentation, and tested against what plays it, as far as that goes.', '',
    head!, `|---|${MOUNT_SYSTEMS.map(() => '---').join('|')}|`, ...ways, '',
    '## Reasons', '',
    ...rows.flatMap(({ title, cells }) => cells.flatMap(({ reason }, i) => (reason === '' || reason === OWN_TREE ? [] : [`- ${title}, ${columns[i]!.title}: ${reason}`]))), '',
    '## Shown by tests', '',
    ...rows.flatMap(({ title, cells }) => cells.flatMap(({ proofs }, i) => proofs.map(({ date, what }) => `- ${title}, ${columns[i]!.title}: ${what} (${date})`))), '',
  ];
  return lines.join('\n');
}
