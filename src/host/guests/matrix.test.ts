import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SIGNATURES } from '../../engines/core/signatures.ts';
import { registry } from '../../engines/index.ts';
import { ROOT } from '../../engines/testing/recipes/build.ts';
import { MOUNT_PROVIDERS } from '../../shared/contract/mounts.ts';
import { catalogue } from './catalogue.ts';
import { mountProviders } from '../mounts/providers.ts';
import { cellText, makeMatrix, matrixMarkdown, mountTable, type Proof, ROWS, shippedMatrix } from './matrix.ts';
import { NATIVES } from './natives.ts';
import { PROOFS } from './proofs.ts';
import { fakeGuest } from './testing/fake-machine.ts';

describe('the support matrix', () => {
  it('has a row for every filesystem that anything opens, and no row twice', () => {
    expect(new Set(ROWS.map(({ format }) => format)).size).toBe(ROWS.length);
    const { guests } = catalogue();
    const rows = shippedMatrix(registry, NATIVES, guests, PROOFS).rows.filter(({ cells }) => cells.some(({ support }) => support !== 'none'));
    const known = new Set(ROWS.flatMap(({ format, as = [] }) => [format, ...as]));
    const all = new Set([...rows.map(({ format }) => format), ...known]);
    for (const { manifest } of guests) for (const { format } of manifest.filesystems) expect(all, `${manifest.name}: ${format}`).toContain(format);
    for (const { id, kind } of registry) if (kind === 'filesystem') expect(all).toContain(id);
  });

  it('knows by sight what the manifests mount, and says nothing of engines that there are not', () => {
    const ids = new Set(SIGNATURES.map(({ id }) => id));
    for (const { manifest } of catalogue().guests) for (const { format } of manifest.filesystems) expect(ids, `${manifest.name}: ${format}`).toContain(format);
    expect(NATIVES.map(({ format }) => format)).toEqual(registry.filter(({ kind }) => kind === 'filesystem').map(({ id }) => id));
  });

  it('tells what a guest does, what it would do, what is no good, and what was shown', () => {
    const xfs = { format: 'xfs', type: 'xfs', access: 'read-write', modules: [], readOptions: [], device: 'disk' } as const;
    const proofs: Proof[] = [{ opener: 'a', format: 'xfs', date: '2026-01-01', what: 'walked' }, { opener: 'a', format: 'xfs', date: '2026-02-01', what: 'written' }, { opener: 'b', format: 'jfs', date: '2026-02-01', what: 'walked' }];
    const made = makeMatrix([], [{ format: 'ext4', access: 'read-write', reason: '' }], [fakeGuest('a', {}, [xfs]), fakeGuest('b', { state: 'missing', missing: 'build it' }, [{ ...xfs, access: 'read-only', reason: 'old' }]), fakeGuest('c', {}, [{ ...xfs, access: 'known-bad', reason: 'it oopses' }])], ({ missing }) => missing, proofs);
    expect(made.columns.map(({ id, missing }) => [id, missing])).toEqual([['native', ''], ['guest:a', ''], ['guest:b', 'build it'], ['guest:c', '']]);
    const cells = made.rows.find(({ format }) => format === 'xfs')!.cells;
    expect(cells.map(({ support, would }) => [support, would])).toEqual([['none', undefined], ['read-write', undefined], ['unbuilt', 'read-only'], ['known-bad', undefined]]);
    expect(cells.map(cellText)).toEqual(['', 'rw ✓', 'ro', 'bad']);
    expect(cells[1]!.proofs.map(({ what }) => what)).toEqual(['written', 'walked']);
    expect(made.rows.find(({ format }) => format === 'ext2')!.cells[0]!.support).toBe('read-write');
    expect(made.rows.find(({ format }) => format === 'procfs')!.cells.map(({ support }) => support)).toEqual(['none', 'read-only', 'unbuilt', 'read-only']);
  });

  it('tells of each way to mount where it was tried, where not, and where it is of no use', () => {
    const [head, ...ways] = mountTable(mountProviders);
    expect(head).toEqual(['', 'Linux', 'macOS', 'Windows']);
    expect(ways).toContainEqual(['WinFsp', '–', '–', 'not tried']);
    expect(ways).toContainEqual(['FUSE', 'tried: the kernel, as root and by fusermount3', '–', '–']);
    expect(new Set(mountProviders.map(({ id }) => id))).toEqual(new Set(MOUNT_PROVIDERS));
  });

  it('is what docs/matrix.md says: clutch matrix --markdown >docs/matrix.md', () => {
    expect(readFileSync(join(ROOT, 'docs/matrix.md'), 'utf8')).toBe(matrixMarkdown(shippedMatrix(registry, NATIVES, catalogue().guests, PROOFS), mountProviders));
  });
});
