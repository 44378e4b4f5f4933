import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SessionStore } from './session.ts';
import { TokenStore } from './tokens.ts';

const folder = mkdtempSync(join(tmpdir(), 'clutch-session-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the session', () => {
  it('keeps images by their paths and hands out tokens, in this run and the next', () => {
    const file = join(folder, 'session.json');
    const tokens = new TokenStore();
    const { token } = tokens.tokenOf('/images/disk.img', 'source');
    const store = new SessionStore(file, tokens);
    expect(store.get()).toEqual({ tabs: [], active: undefined });
    store.set({ tabs: [{ token, place: { layer: '0/1/0', path: '/etc' } }], active: 0 });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ version: 1, tabs: [{ image: '/images/disk.img', place: { layer: '0/1/0', path: '/etc' } }], active: 0 });
    const next = new TokenStore();
    const { tabs, active } = new SessionStore(file, next).get();
    expect(active).toBe(0);
    expect(tabs[0]).toMatchObject({ source: { name: 'disk.img', path: '/images/disk.img' }, place: { layer: '0/1/0', path: '/etc' } });
    expect(next.pathOf(tabs[0]!.source.token, 'source')).toBe('/images/disk.img');
  });

  it('takes no token that was not given out, and writes nothing then', () => {
    const file = join(folder, 'guessed.json');
    const store = new SessionStore(file, new TokenStore());
    expect(() => store.set({ tabs: [{ token: '0'.repeat(32) }] })).toThrow('was not chosen');
    expect(existsSync(file)).toBe(false);
  });

  it('begins empty where the file is damaged; a place that makes no sense is left out alone', () => {
    const file = join(folder, 'damaged.json');
    writeFileSync(file, '{"version":1,"tabs":[{"image":7}]}');
    expect(new SessionStore(file, new TokenStore()).get().tabs).toEqual([]);
    writeFileSync(file, '{"version":1,"tabs":[{"image":"/a.img","place":{"layer":"../up"}}],"active":0}');
    const { tabs } = new SessionStore(file, new TokenStore()).get();
    expect(tabs).toMatchObject([{ source: { name: 'a.img' } }]);
    expect(tabs[0]!.place).toBeUndefined();
  });

  it('is forgotten for good, and kept nowhere without a file', () => {
    const file = join(folder, 'forgotten.json');
    const tokens = new TokenStore();
    const { token } = tokens.tokenOf('/a.img', 'source');
    const store = new SessionStore(file, tokens);
    store.set({ tabs: [{ token }] });
    store.forget();
    expect(new SessionStore(file, tokens).get().tabs).toEqual([]);
    const none = new SessionStore(undefined, tokens);
    none.set({ tabs: [{ token }] });
    expect(none.get().tabs).toEqual([]);
  });
});
