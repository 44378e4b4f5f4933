import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { RecentStore } from './recents.ts';
import { TokenStore } from './tokens.ts';

const folder = mkdtempSync(join(tmpdir(), 'clutch-recents-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('tokens', () => {
  it('stand for one path and one use, and for nothing else', () => {
    const store = new TokenStore();
    const { token, name } = store.tokenOf('/images/disk.img', 'source');
    expect(name).toBe('disk.img');
    expect(store.tokenOf('/images/disk.img', 'source').token).toBe(token);
    expect(store.pathOf(token, 'source')).toBe('/images/disk.img');
    expect(() => store.pathOf(token, 'folder')).toThrow('was not chosen');
    expect(() => store.pathOf('0'.repeat(32), 'source')).toThrow('was not chosen');
    expect(store.tokenOf('/images/disk.img', 'folder').token).not.toBe(token);
  });
});

describe('recents', () => {
  it('come back newest first, pinned ones before all, and outlive the program', () => {
    const file = join(folder, 'recents.json');
    const store = new RecentStore(file, new TokenStore());
    writeFileSync(join(folder, 'there.img'), '');
    store.opened(join(folder, 'there.img'), 'ext4', 7, 1);
    store.opened('/gone/b.img', 'GPT', 8, 2);
    store.pin(join(folder, 'there.img'), true);
    store.opened('/gone/c.img', 'gzip', 9, 3);
    expect(store.paths()).toEqual([join(folder, 'there.img'), '/gone/c.img', '/gone/b.img']);
    const again = new RecentStore(file, new TokenStore()).list();
    expect(again.map(({ name, pinned, missing, size }) => [name, pinned, missing, size])).toEqual([['there.img', true, false, 7], ['c.img', false, true, 9], ['b.img', false, true, 8]]);
    store.remove();
    expect(store.list().map(({ name }) => name)).toEqual(['there.img']);
    expect(JSON.parse(readFileSync(file, 'utf8')).recents).toHaveLength(1);
  });

  it('keeps twenty that are not pinned', () => {
    const store = new RecentStore(join(folder, 'many.json'), new TokenStore());
    for (let i = 0; i < 30; i++) store.opened(`/images/${i}.img`, 'ext4', i, i);
    expect(store.list().map(({ name }) => name)).toEqual(Array.from({ length: 20 }, (_, i) => `${29 - i}.img`));
  });

  it('starts empty where the file is damaged', () => {
    writeFileSync(join(folder, 'damaged.json'), '{"version":1,"recents":[{"path":7}]}');
    expect(new RecentStore(join(folder, 'damaged.json'), new TokenStore()).list()).toEqual([]);
  });
});
