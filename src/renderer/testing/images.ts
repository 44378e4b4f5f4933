import type { ImageInfo, LayerRow } from '../../shared/contract/rows.ts';

const GIB = 2 ** 30;
const MIB = 2 ** 20;

const FEATURES: NonNullable<NonNullable<LayerRow['filesystem']>['featureDetails']> = [
  { name: 'has_journal', group: 'compat', support: 'supported', what: 'a journal; read as a map where recovery is needed' }, { name: 'ext_attr', group: 'compat', support: 'supported', what: 'extended attributes' },
  { name: 'dir_index', group: 'compat', support: 'supported', what: 'hashed directories' }, { name: 'filetype', group: 'incompat', support: 'supported', what: 'directory entries say the type' },
  { name: 'extent', group: 'incompat', support: 'supported', what: 'files mapped by extents' }, { name: '64bit', group: 'incompat', support: 'supported', what: 'more than 2^32 blocks; 64-byte descriptors' },
  { name: 'metadata_csum', group: 'ro-compat', support: 'supported', what: 'CRC-32C over all metadata' }, { name: 'shared_blocks', group: 'ro-compat', support: 'read-only', what: 'files share blocks that are then equal' },
];

function layer(patch: Partial<LayerRow> & Pick<LayerRow, 'path' | 'kind' | 'format' | 'title'>): LayerRow {
  return { label: '', uuid: '', offset: 0, size: GIB, evidence: [], alternatives: [], guesses: [], openers: [], details: [], notes: [], ...patch };
}

export function ext4(path: string, patch: Partial<LayerRow> = {}, state: NonNullable<LayerRow['filesystem']>['state'] = 'clean'): LayerRow {
  return layer({
    path, kind: 'filesystem', format: 'ext4', title: 'ext4', label: 'rootfs', uuid: '6a1f4c1e-9b7d-4a52-8f06-1d2c3b4a5e6f', size: GIB,
    evidence: ['magic 0xEF53 at 0x438', 'the superblock checksum matches', 'the backup superblock in group 1 agrees'],
    alternatives: [{ format: 'ext4', name: 'ext2/3/4', confidence: 98, evidence: ['magic 0xEF53 at 0x438'] }],
    openers: [{ id: 'native:ext4', name: 'Clutch’s own ext2/3/4', access: 'read-only', reason: 'writing comes later' }],
    details: [['Last mounted on', '/'], ['Revision', '1 (dynamic)']],
    filesystem: { root: 2, free: 412 * MIB, blockSize: 4096, state, features: FEATURES.map(({ name }) => name), featureDetails: FEATURES, inodes: { total: 65_536, free: 51_202 }, access: { write: true, reason: 'Every feature that it uses can be written' }, checkable: true },
    ...patch,
  });
}

function volume(path: string, kind: string, title: string, label: string, offset: number, size: number, number?: number, typeId = ''): LayerRow {
  return layer({ path, kind: 'volume', format: kind, title, label, offset, size, volume: { ...(number === undefined ? {} : { number }), kind, typeId, flags: number === 1 ? ['required'] : [] } });
}

function image(name: string, summary: string, layers: LayerRow[], size = layers[0]!.size): ImageInfo {
  return { name, path: `/home/ada/images/${name}`, size, layers, summary };
}

/** A volume whose number says where in the path it stands. */
const part = (table: string, number: number, label: string, from: number, size: number, title = 'Linux filesystem'): LayerRow => volume(`${table}/${number}`, 'partition', title, label, from * MIB, size * MIB, number, '0x83');

/** A volume that waits for a guest. */
function xfs(path: string, patch: Partial<LayerRow> = {}): LayerRow {
  return layer({
    path, kind: 'filesystem', format: 'xfs', title: 'XFS', label: 'archive', uuid: '1f0c3b52-77aa-4a0e-9d5c-0b6a3de4a911', size: GIB, evidence: ['“XFSB” at 0x0', 'version 5'], waiting: true,
    guesses: [{ id: 'xfs', name: 'XFS', kind: 'filesystem', confidence: 90, evidence: ['“XFSB” at 0x0'] }],
    openers: [
      { id: 'guest:linux-6.12', name: 'Linux 6.12', access: 'read-write', reason: 'its kernel’s own driver, takes about 3 s', seconds: 3 },
      { id: 'guest:linux-7.2', name: 'Linux 7.2', access: 'read-write', reason: 'its kernel’s own driver, takes about 4 s', seconds: 4 },
      { id: 'guest:linux-5.10', name: 'Linux 5.10', access: 'refused', reason: 'It is not built; “clutch guests build linux-5.10” builds it.' },
    ],
    ...patch,
  });
}

/** The table of images that were opened together. @param size MiB of each */
function images(names: readonly string[], size: number): LayerRow[] {
  return [layer({ path: '0', kind: 'table', format: 'set', title: `${names.length} images`, size: names.length * size * MIB, evidence: [`${names.length} images were opened together`] }), ...names.map((name, i) => volume(`0/${i + 1}`, 'partition', 'Image', name, i * size * MIB, size * MIB, i + 1, 'set'))];
}

/** An array that a guest makes. @param size MiB of a disk @param disks how many it has, and how many are missing */
function array(path: string, size: number, [disks = 0, missing = 0]: readonly number[]): LayerRow[] {
  const reason = `${missing} of its ${disks} disks is missing: the array is degraded`;
  const title = `RAID5 of ${disks} disks${missing > 0 ? ', degraded' : ''}`;
  const opener = { id: 'guest:linux-6.12', name: 'Linux 6.12' };
  const inner = ext4(`${path}/1/0`, { label: 'photos', size: size * (disks - 1) * MIB, openers: [{ ...opener, access: missing > 0 ? 'read-only' : 'read-write', reason: missing > 0 ? `Linux 6.12, a guest: ${reason}` : 'Linux 6.12, a guest' }] });
  return [
    layer({ path, kind: 'table', format: 'md', title: 'Linux RAID', size: size * MIB, evidence: ['FC 4E 2B A9 at 0x1000'], openers: [{ ...opener, access: 'read-only', reason: `assembled by Linux 6.12, a guest${missing > 0 ? `; ${reason}` : ''}` }], details: [['Assembled by', 'Linux 6.12 (guest linux-6.12)'], ['Disks', String(disks - missing)]] }),
    { ...volume(`${path}/1`, 'partition', title, 'five', 0, size * (disks - 1) * MIB, 1, 'md'), volume: { number: 1, kind: 'partition', typeId: 'md', flags: missing > 0 ? ['read-only'] : [] } },
    missing > 0 ? { ...inner, filesystem: { ...inner.filesystem!, access: { write: false, reason: `Linux 6.12, a guest: ${reason}` } } } : inner,
  ];
}

/** The further disks of what is shown at a path. */
const partsOf = (partOf: string, paths: readonly string[], size: number): LayerRow[] => paths.map((path) => layer({ path, kind: 'unknown', format: 'md', title: 'Linux RAID', size: size * MIB, evidence: ['FC 4E 2B A9 at 0x1000'], partOf, openers: [{ id: 'guest:linux-6.12', name: 'Linux 6.12', access: 'read-write', reason: 'its volumes are assembled by the guest' }] }));

/** The fake images by file name. */
export const IMAGES: Readonly<Record<string, ImageInfo>> = {
  'root.ext4': image('root.ext4', 'ext4 (clean)', [ext4('0')]),
  'dirty.ext4': image('dirty.ext4', 'ext4 (needs recovery)', [
    ext4('0', { notes: [
      { severity: 'warning', message: 'The journal holds 12 transactions that were not written back; the tree shown is the one after recovery', place: { structure: 'journal, inode 8', at: 34_603_008 } },
      { severity: 'error', message: 'The primary superblock’s checksum does not match; the backup in block 32768 is used', place: { structure: 'superblock', at: 1024, length: 1024 } },
    ] }, 'needs-recovery'),
  ]),
  'locked.img': image('locked.img', 'GPT › Vault (locked)', [
    layer({ path: '0', kind: 'table', format: 'gpt', title: 'GPT', size: GIB, evidence: ['“EFI PART” at 0x200'] }),
    volume('0/1', 'partition', 'Linux filesystem', 'private', MIB, 1022 * MIB, 1),
    layer({
      path: '0/1/0', kind: 'container', format: 'vault', title: 'Vault', label: 'private', size: 1022 * MIB, evidence: ['“VAULT” at 0x0'],
      openers: [{ id: 'native:vault', name: 'Clutch’s own Vault', access: 'refused', reason: 'vault is locked' }],
      error: { fault: { kind: 'locked', what: 'vault' }, message: 'vault is locked', advice: 'Unlock it with its password.' },
    }),
  ]),
  'nested.img': image('nested.img', 'MBR › 3 filesystems', [
    layer({ path: '0', kind: 'table', format: 'mbr', title: 'MBR', size: GIB, evidence: ['boot signature 55 AA at 510'] }),
    volume('0/1000', 'metadata', 'Partition table', '', 0, MIB),
    part('0', 1, 'boot', 1, 63), ext4('0/1/0', { label: 'boot', size: 63 * MIB }),
    volume('0/2', 'extended', 'Extended', '', 64 * MIB, 600 * MIB, 2, '0x05'),
    part('0', 5, 'holiday', 65, 200), ext4('0/5/0', { label: 'holiday', size: 200 * MIB }),
    volume('0/1001', 'free', 'Unallocated', '', 265 * MIB, 100 * MIB),
    part('0', 6, 'music', 366, 298), ext4('0/6/0', { label: 'music', size: 298 * MIB }, 'needs-recovery'),
    part('0', 3, 'virtual', 664, 300),
    layer({ path: '0/3/0', kind: 'table', format: 'gpt', title: 'GPT', size: 300 * MIB, evidence: ['“EFI PART” at 0x200'] }),
    volume('0/3/0/1000', 'metadata', 'Partition table', '', 0, MIB),
    volume('0/3/0/1', 'partition', 'Linux filesystem', 'inner', MIB, 120 * MIB, 1), ext4('0/3/0/1/0', { label: 'inner', size: 120 * MIB }),
    volume('0/3/0/1001', 'free', 'Unallocated', '', 121 * MIB, 179 * MIB),
    volume('0/1002', 'free', 'Unallocated', '', 964 * MIB, 60 * MIB),
  ]),
  'hostile-table.img': image('hostile-table.img', 'MBR › 2 × Unknown …', [
    layer({ path: '0', kind: 'table', format: 'mbr', title: 'MBR', size: 64 * MIB, evidence: ['boot signature 55 AA at 510'] }),
    part('0', 1, '\\u{202e}evil\\x07', 0, 64),
    part('0', 2, 'x'.repeat(5000), 1, 63),
    part('0', 3, 'beyond', 2 ** 30, 2 ** 20),
    ...Array.from({ length: 60 }, (_, i) => part('0', i + 5, '', (i % 30) * 2, 2)),
  ], 64 * MIB),
  'disk.img.gz': image('disk.img.gz', 'gzip › GPT › 2 filesystems', [
    layer({ path: '0', kind: 'container', format: 'gzip', title: 'gzip', size: 812 * MIB, evidence: ['magic 1F 8B at 0x0'], details: [['Original name', 'disk.img'], ['Unpacked', '32 GiB']] }),
    layer({ path: '0/0', kind: 'table', format: 'gpt', title: 'GPT', uuid: '0fc63daf-8483-4772-8e79-3d69d8477de4', size: 32 * GIB, evidence: ['“EFI PART” at 0x200', 'both header checksums match'], details: [['Sector size', '512'], ['Entries', '128 of 128 bytes']], notes: [{ severity: 'note', message: 'Partition 3 does not begin at a multiple of 1 MiB', place: { structure: 'GPT entry 3', at: 1280 } }] }),
    volume('0/0/1000', 'metadata', 'Partition table', '', 0, MIB),
    volume('0/0/1', 'partition', 'EFI System', 'ESP', MIB, 512 * MIB, 1, 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b'),
    layer({ path: '0/0/1/0', kind: 'filesystem', format: 'fat', title: 'FAT32', label: 'EFI', size: 512 * MIB, error: { fault: { kind: 'unsupported', feature: 'FAT32' }, message: 'FAT32 is recognised, but there is no engine for it yet', advice: 'Extract the partition as it is, or open it with another program.' }, evidence: ['“FAT32   ” at 0x52'] }),
    volume('0/0/2', 'partition', 'Linux filesystem', 'system', 513 * MIB, 20 * GIB, 2, '0fc63daf-8483-4772-8e79-3d69d8477de4'),
    ext4('0/0/2/0', { size: 20 * GIB }),
    volume('0/0/1001', 'free', 'Unallocated', '', 21_001 * MIB, 6 * GIB),
    volume('0/0/3', 'partition', 'Linux filesystem', '', 27_145 * MIB, 4 * GIB, 3, '0fc63daf-8483-4772-8e79-3d69d8477de4'),
    ext4('0/0/3/0', { label: 'home', size: 4 * GIB, notes: [{ severity: 'error', message: 'The block bitmap of group 3 has a wrong checksum', place: { structure: 'block bitmap of group 3', at: 12_288 } }] }, 'errors'),
    volume('0/0/4', 'partition', 'Linux swap', 'swap', 31_241 * MIB, 8 * MIB, 4, '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f'),
    layer({ path: '0/0/4/0', kind: 'unknown', format: 'unknown', title: 'Unknown', size: 8 * MIB, evidence: ['no known format matched'] }),
    volume('0/0/5', 'partition', 'Linux reserved', '', 31_249 * MIB, 1519 * MIB, 5, '8da63339-0007-60c0-c436-083ac8230908'),
    layer({ path: '0/0/5/0', kind: 'unknown', format: 'empty', title: 'Empty', size: 1519 * MIB, evidence: ['the first 65536 bytes are zero'] }),
  ], 812 * MIB),
  'windows.img': image('windows.img', 'NTFS', [
    layer({
      path: '0', kind: 'unknown', format: 'unknown', title: 'NTFS', size: 64 * MIB, evidence: ['“NTFS” at 0x3'],
      guesses: [{ id: 'ntfs', name: 'NTFS', kind: 'filesystem', confidence: 90, evidence: ['“NTFS” at 0x3'] }, { id: 'pe', name: 'Windows or DOS program', kind: 'file', confidence: 25, evidence: ['“MZ” at 0x0'] }],
    }),
  ]),
  'xfs.img': image('xfs.img', 'XFS', [xfs('0')]),
  'slow-xfs.img': image('slow-xfs.img', 'XFS', [xfs('0')]),
  'refused-xfs.img': image('refused-xfs.img', 'XFS', [xfs('0')]),
  'broken-xfs.img': image('broken-xfs.img', 'XFS', [xfs('0')]),
  'looks-xfs.img': image('looks-xfs.img', 'XFS', [xfs('0')]),
  'sysv.img': image('sysv.img', 'System V', [xfs('0', { format: 'sysv', title: 'System V', label: 'home', evidence: ['magic FD187E20 at 0x3F8'], openers: [{ id: 'guest:linux-5.10', name: 'Linux 5.10', access: 'refused', reason: 'It is not built; “clutch guests build linux-5.10” builds it.' }] })]),
  'minix.img': image('minix.img', 'Minix, big-endian', [xfs('0', { format: 'minix', title: 'Minix, big-endian', label: '', openers: [{ id: 'guest:linux-6.12', name: 'Linux 6.12', access: 'refused', reason: 'A write test damaged its root' }] })]),
  'unsupported.ext4': image('unsupported.ext4', 'ext4 (unsupported)', [
    layer({
      path: '0', kind: 'filesystem', format: 'ext4', title: 'ext4', label: 'odd', size: 64 * MIB, evidence: ['magic 0xEF53 at 0x438'],
      openers: [{ id: 'native:ext4', name: 'Clutch’s own ext2/3/4', access: 'refused', reason: 'the feature bigalloc2 is not known' }, { id: 'guest:linux-6.12', name: 'Linux 6.12', access: 'read-write', reason: 'its kernel’s own driver, takes about 3 s', seconds: 3 }],
      error: { fault: { kind: 'unsupported', feature: 'bigalloc2' }, message: 'The filesystem has the feature bigalloc2, which this engine does not know', advice: 'Linux 6.12 may open it.' },
    }),
  ]),
  'guests.img': image('guests.img', 'GPT › ext4 (clean), 3 in guests', [
    layer({ path: '0', kind: 'table', format: 'gpt', title: 'GPT', size: 4 * GIB, evidence: ['“EFI PART” at 0x200'] }),
    part('0', 1, 'boot', 1, 400), ext4('0/1/0', { label: 'boot', size: 400 * MIB }),
    part('0', 2, '', 401, 1600), xfs('0/2/0', { label: 'data', size: 1600 * MIB }),
    part('0', 3, 'music', 2001, 1000), { ...ext4('0/3/0', { format: 'btrfs', title: 'Btrfs', label: 'music', size: 1000 * MIB, openers: [{ id: 'guest:linux-6.12', name: 'Linux 6.12', access: 'read-write', reason: 'its kernel’s own driver' }] }), guest: { name: 'linux-6.12', title: 'Linux 6.12', start: 'warm', accelerator: 'tcg', idle: true } },
    part('0', 4, 'old', 3001, 1000), { ...ext4('0/4/0', { format: 'jfs', title: 'JFS', label: 'old', size: 1000 * MIB, openers: [{ id: 'guest:linux-6.12', name: 'Linux 6.12', access: 'read-write', reason: 'its kernel’s own driver' }] }), guest: { name: 'linux-6.12', title: 'Linux 6.12', start: 'cold', accelerator: 'tcg', idle: false, died: 'The kernel panicked: “Kernel panic - not syncing: \u001b[31mjfs: bad inode \u202e4711”' } },
  ], 4 * GIB),
  'mystery.bin': image('mystery.bin', 'unknown', [
    layer({
      path: '0', kind: 'unknown', format: 'unknown', title: 'Unknown', size: 64 * MIB, evidence: ['no known format matched', 'the first sector looks like program code'],
      alternatives: [
        { format: 'mbr', name: 'MBR', confidence: 25, evidence: ['0x55AA at 0x1FE', 'no entry lies inside of the image'] },
        { format: 'ext4', name: 'ext2/3/4', confidence: 40, evidence: ['a superblock was found in block 32768', 'the primary superblock is overwritten'] },
      ],
    }),
  ]),
  'vast.img': image('vast.img', 'unknown', [layer({ path: '0', kind: 'unknown', format: 'unknown', title: 'Unknown', size: 2 ** 53 - 1, evidence: ['no known format matched'] })]),
  'torn.ext4': image('torn.ext4', 'ext4 (damaged)', [
    layer({
      path: '0', kind: 'filesystem', format: 'ext4', title: 'ext4', size: 64 * MIB, evidence: ['magic 0xEF53 at 0x438'],
      openers: [{ id: 'native:ext4', name: 'Clutch’s own ext2/3/4', access: 'refused', reason: 'the group descriptors are damaged' }],
      error: { fault: { kind: 'corrupt', place: { structure: 'group descriptor 0', at: 4096, length: 64 } }, message: 'group descriptor 0 at byte 4096: the inode table lies outside of the filesystem', advice: 'Check the filesystem to see the whole extent of the damage.' },
    }),
  ]),
  // No engine has subvolumes yet; the roots are folders of the fake's tree.
  'snapshots.img': image('snapshots.img', 'btrfs (clean)', [
    ext4('0', { format: 'btrfs', title: 'btrfs', label: 'pool', filesystem: { ...ext4('0').filesystem!, subvolumes: [
      { id: '256', path: 'home', display: 'home', readOnly: false, snapshot: false, root: 11 },
      { id: '257', path: 'home/.snapshots/2024-05-01', display: 'home/.snapshots/2024-05-01', parent: '256', readOnly: true, snapshot: true, root: 12 },
      { id: '258', path: 'a very long name '.repeat(20), display: 'a very long name '.repeat(20), parent: '256', readOnly: true, snapshot: true, root: 12 },
      { id: '259', path: 'var', display: 'var', readOnly: false, snapshot: false, root: 13 },
    ] } }),
  ]),
  // See testing/edit.ts for what these names do.
  ...Object.fromEntries(['half-interrupted.ext4', 'changed.ext4', 'halfway.ext4', 'slow-check.ext4', 'finished-apply.ext4', 'foreign-apply.ext4'].map((name) => [name, image(name, 'ext4 (clean)', [ext4('0')])])),
};

/** Sets of disks, and one of their disks alone, by what a tab of them is called. */
export const SETS: Readonly<Record<string, ImageInfo>> = {
  'five-1.img and 2 more': image('five-1.img and 2 more', '3 images › md › ext4 (clean)', [...images(['five-1.img', 'five-2.img', 'five-3.img'], 512), ...array('0/1/0', 512, [3]), ...partsOf('0/1/0', ['0/2/0', '0/3/0'], 512)], 1536 * MIB),
  'five-1.img and 1 more': image('five-1.img and 1 more', '2 images › md › ext4 (clean)', [...images(['five-1.img', 'five-3.img'], 512), ...array('0/1/0', 512, [3, 1]), ...partsOf('0/1/0', ['0/2/0'], 512)], 1024 * MIB),
  'five-2.img': image('five-2.img', 'md', [
    layer({
      path: '0', kind: 'table', format: 'md', title: 'Linux RAID', size: 512 * MIB, evidence: ['FC 4E 2B A9 at 0x1000'],
      openers: [{ id: 'guest:linux-6.12', name: 'Linux 6.12', access: 'refused', reason: 'Linux 6.12 found no volume on it' }],
      error: { fault: { kind: 'unsupported', feature: 'md' }, message: 'Linux 6.12 found no volume on it: mdadm: /dev/md/five assembled from 1 drive - not enough to start the array', advice: 'A disk of the set may be missing: open all images of the set together.' },
    }),
  ]),
};
