import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../../shared/contract/settings.ts';
import { SettingsStore } from './settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'clutch-settings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('settings', () => {
  it('are the defaults until something is chosen, and outlive the program', () => {
    const file = join(folder, 'settings.json');
    expect(new SettingsStore(file).get()).toEqual(DEFAULT_SETTINGS);
    new SettingsStore(file).set({ hidden: true, columns: { ext4: { shown: ['name', 'size'], widths: { size: 90 } } } });
    expect(new SettingsStore(file).get()).toEqual({ ...DEFAULT_SETTINGS, hidden: true, columns: { ext4: { shown: ['name', 'size'], widths: { size: 90 } } } });
    expect(readFileSync(file, 'utf8')).toContain('\n  "hidden": true');
  });

  it('lose a value that makes no sense, and no other', () => {
    const file = join(folder, 'edited.json');
    writeFileSync(file, JSON.stringify({ theme: 'pink', hidden: true, sort: { key: 'size' }, columns: { ext4: { shown: [], widths: { size: -1 } } } }));
    expect(new SettingsStore(file).get()).toEqual({ ...DEFAULT_SETTINGS, hidden: true, columns: { ext4: { widths: {} } } });
    writeFileSync(file, JSON.stringify({ hidden: true, columns: Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`f${i}`, {}])) }));
    expect(new SettingsStore(file).get()).toEqual({ ...DEFAULT_SETTINGS, hidden: true });
    writeFileSync(file, '[not json');
    expect(new SettingsStore(file).get()).toEqual(DEFAULT_SETTINGS);
  });

  it('leave in the file what was edited by hand, and what another version wrote', () => {
    const file = join(folder, 'newer.json');
    const store = new SettingsStore(file);
    writeFileSync(file, JSON.stringify({ future: { a: 1 }, sidebar: false }));
    expect(store.set({ hidden: true })).toEqual({ ...DEFAULT_SETTINGS, sidebar: false, hidden: true });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ future: { a: 1 }, sidebar: false, hidden: true });
  });

  it('keep a file that was broken by hand beside the one that is written', () => {
    const file = join(folder, 'typo.json');
    const store = new SettingsStore(file);
    store.set({ hidden: true });
    expect(existsSync(`${file}.damaged`)).toBe(false);
    writeFileSync(file, '{ "theme": "dark", ');
    expect(store.set({ sidebar: false })).toMatchObject({ hidden: true, sidebar: false });
    expect(readFileSync(`${file}.damaged`, 'utf8')).toBe('{ "theme": "dark", ');
  });

  it('are taken over from the file when a person edits it, also as editors do it: a new file under the old name', async () => {
    const file = join(folder, 'watched', 'settings.json');
    const store = new SettingsStore(file);
    let told = 0;
    store.watch(() => { told++; });
    store.set({ hidden: true });
    store.keep();
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ ...DEFAULT_SETTINGS, hidden: true });
    writeFileSync(`${file}~`, '{"hidden":true,"theme":"dark"}');
    renameSync(`${file}~`, file);
    await expect.poll(() => store.get().theme).toBe('dark');
    expect(told).toBe(1);
    writeFileSync(file, '{"hidden":true,"theme":');
    await new Promise((done) => { setTimeout(done, 400); });
    expect(store.get().theme).toBe('dark');
    expect(told).toBe(1);
    store.close();
    writeFileSync(file, '{"theme":"light"}');
    await new Promise((done) => { setTimeout(done, 400); });
    expect(store.get().theme).toBe('dark');
  });
});
