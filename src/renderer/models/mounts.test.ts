import { describe, expect, test } from 'vitest';
import type { MountProviderRow, MountRow } from '../../shared/contract/mounts.ts';
import { isQuiet, mountOf, mountsWithin, parseUmask, sameMounts, usable, whyNone } from './mounts.ts';

const row = (patch: Partial<MountRow> = {}): MountRow => ({ mount: 1, layer: '0/1/0', provider: 'fuse', at: '/run/a', mounted: true, write: false, stats: { requests: 0, bytesRead: 0, bytesWritten: 0, open: 0 }, speed: 0, state: 'mounted', ...patch });
const provider = (id: MountProviderRow['id'], reason?: string): MountProviderRow => ({ id, title: id.toUpperCase(), summary: '', available: reason === undefined ? { ok: true } : { ok: false, reason } });

describe('mounts', () => {
  test('the first usable way is the best; without one the first reason is told', () => {
    expect(usable([provider('fuse', 'no fuse'), provider('webdav')]).map(({ id }) => id)).toEqual(['webdav']);
    expect(whyNone(undefined)).toBeUndefined();
    expect(whyNone([provider('fuse', 'no fuse'), provider('webdav')])).toBeUndefined();
    expect(whyNone([provider('fuse', 'no fuse'), provider('winfsp', 'not Windows')])).toBe('FUSE: no fuse');
    expect(whyNone([])).toBe('');
  });

  test('activity makes no other mount; a state does', () => {
    expect(sameMounts([row()], [row({ speed: 5, stats: { requests: 9, bytesRead: 9, bytesWritten: 9, open: 1 } })])).toBe(true);
    expect(sameMounts([row()], [row({ state: 'leaving' })])).toBe(false);
    expect(sameMounts([row()], [row({ write: true })])).toBe(false);
    expect(sameMounts([row()], [])).toBe(false);
  });

  test('a layer has its own, and those of what lies in it', () => {
    const rows = [row(), row({ mount: 2, layer: '0/11/0' }), row({ mount: 3, layer: '0/1' })];
    expect(mountsWithin(rows, '0').map(({ mount }) => mount)).toEqual([1, 2, 3]);
    expect(mountsWithin(rows, '0/1').map(({ mount }) => mount)).toEqual([1, 3]);
    expect(mountsWithin(undefined, '0')).toEqual([]);
    expect(mountOf(rows, '0/1/0')?.mount).toBe(1);
    expect(mountOf([row({ state: 'leaving' })], '0/1/0')).toBeUndefined();
    expect(mountOf([row({ state: 'unmounting' })], '0/1/0')?.mount).toBe(1);
  });

  test('it is quiet until something is asked of it', () => {
    expect(isQuiet({ requests: 7, bytesRead: 0, bytesWritten: 0, open: 0 }, 0)).toBe(true);
    expect(isQuiet({ requests: 7, bytesRead: 0, bytesWritten: 0, open: 1 }, 0)).toBe(false);
    expect(isQuiet({ requests: 7, bytesRead: 1, bytesWritten: 0, open: 0 }, 0)).toBe(false);
  });

  test('a umask has up to three octal digits', () => {
    expect(['22', '022', '0022', '777', '0', '7777', '8', '', '-1', '0o22'].map(parseUmask)).toEqual([18, 18, 18, 511, 0, undefined, undefined, undefined, undefined, undefined]);
  });
});
