import type { EntryDetails, EntryRow, MeasureProgress } from '../../shared/contract/rows.ts';
import type { Cancel } from '../../shared/rpc/types.ts';
import { childrenOf, type FakeNode } from './tree.ts';

const DEVICE = 2 ** 30;
const BLOCK = 4096;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** An entry with something of everything: attributes as text and not, an access list with a stranger in it, a file in pieces. */
export function fakeDetails(row: EntryRow): EntryDetails {
  const hostile = row.name.includes('a very long name');
  const restless = row.name.startsWith('from the year');
  return {
    ...row, atime: row.mtime + 3_600_000_000_000n, ctime: row.mtime, btime: row.mtime - 1n, allocated: Math.ceil(row.size / BLOCK) * BLOCK,
    ...(row.type === 'block' || row.type === 'char' ? { device: { major: row.type === 'block' ? 8 : 4, minor: 0 } } : {}),
    flags: row.name === 'video.mkv' ? ['immutable', 'noatime', 'extents'] : row.flags,
    xattrs: hostile
      ? [{ name: `user.${'an endless name '.repeat(600)}`, value: encode('x'.repeat(20_000)), text: 'x'.repeat(20_000) }, { name: 'user.\\x00\\u{202e}', value: Uint8Array.from({ length: 3000 }, (_, i) => (i * 37) & 255) }]
      : [{ name: 'user.origin', value: encode('https://example.org/start'), text: 'https://example.org/start' }, { name: 'security.capability', value: Uint8Array.from([1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) }],
    acl: [
      { scope: 'access', who: 'user', rights: 'rwx' }, { scope: 'access', who: 'user', id: 1000, name: 'ada', rights: 'r-x' }, { scope: 'access', who: 'user', id: 4711, rights: 'r--' },
      { scope: 'access', who: 'group', rights: 'r-x' }, { scope: 'access', who: 'mask', rights: 'r-x' }, { scope: 'access', who: 'other', rights: 'r-x' },
    ],
    ...(row.type === 'file' ? { extents: fakeExtents(row) } : {}),
    sections: [
      { title: 'Inode', facts: [['Place', `byte ${row.node * 256}, in block ${row.node >> 4} of group 0`], ['Generation', '3735928559'], ['Checksum', restless ? '0x1badcafe, should be 0x600dcafe' : '0x600dcafe, matches']] },
      { title: 'Flags', facts: [['i_flags', '0x80000'], ['Extents (e)', 'its blocks are mapped by extents']] },
    ],
  };
}

/** A large file lies in many pieces, one of them far away and thin, one written to be zeros; a small one in one. */
function fakeExtents({ name, size }: EntryRow): NonNullable<EntryDetails['extents']> {
  if (size === 0) return { runs: [], cut: false, fragments: 0, device: DEVICE };
  if (name === '.profile') return { runs: [{ logical: 0, length: size, physical: undefined }], cut: false, fragments: 1, device: DEVICE };
  if (size < 1_000_000) return { runs: [{ logical: 0, length: Math.ceil(size / BLOCK) * BLOCK, physical: 512 * 2 ** 20 }], cut: false, fragments: 1, device: DEVICE };
  const runs = [
    { logical: 0, length: 64 * BLOCK, physical: 1024 * BLOCK }, { logical: 64 * BLOCK, length: BLOCK, physical: DEVICE - BLOCK },
    { logical: 128 * BLOCK, length: 32 * BLOCK, physical: 90_000 * BLOCK, unwritten: true }, { logical: 256 * BLOCK, length: 40_000 * BLOCK, physical: 120_000 * BLOCK },
  ];
  return { runs, cut: name === 'video.mkv', fragments: 4, device: DEVICE };
}

/** Counts what the fake tree has; a folder of many entries takes a second and a half, so that one can watch and stop it. */
export async function* fakeMeasure(nodes: readonly FakeNode[], cancel: Cancel): AsyncGenerator<MeasureProgress> {
  const count = { files: 0, directories: 0, size: 0, allocated: 0, unreadable: 0 };
  const visit = (node: FakeNode): void => {
    const { row } = node;
    if (row.error !== undefined || row.flags.includes('broken')) count.unreadable++;
    else if (row.type === 'dir') count.directories++;
    else count.files++;
    if (row.type === 'file') count.size += row.size;
    count.allocated += Math.ceil(row.size / BLOCK) * BLOCK;
    for (const child of childrenOf(node)) visit(child);
  };
  nodes.forEach(visit);
  const steps = count.files > 1000 ? 15 : 1;
  for (let step = 1; step < steps && !cancel.aborted; step++) {
    const part = (value: number): number => Math.floor((value * step) / steps);
    yield { files: part(count.files), directories: 1, size: part(count.size), allocated: part(count.allocated), unreadable: 0, done: false };
    await new Promise((turn) => { setTimeout(turn, 100); });
  }
  if (!cancel.aborted) yield { ...count, done: true };
}
