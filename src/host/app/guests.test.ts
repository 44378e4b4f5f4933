import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DiskError, usage } from '../../engines/core/errors.ts';
import type { JobEvent } from '../../shared/contract/calls.ts';
import type { Cancel } from '../../shared/rpc/types.ts';
import type { GuestManager } from '../guests/installed.ts';
import type { Guest, GuestManifest } from '../guests/manifest.ts';
import type { GuestSupport } from '../guests/support.ts';
import { GuestAppCalls } from './guests.ts';

const never: Cancel = { aborted: false, onAbort() {} };

const manifest = (name: string, more: Partial<GuestManifest>): GuestManifest => ({
  name, title: name.toUpperCase(), summary: 'For a test.', rank: 1, system: 'linux', architecture: 'x86_64', filesystems: [{ format: 'xfs', type: 'xfs', access: 'read-write', modules: [], readOptions: ['ro'], device: 'disk' }],
  tables: ['gpt'], trees: ['procfs'], volumes: [], ...more,
} as unknown as GuestManifest);

describe('the app’s calls about guests', () => {
  let folder: string;
  let guests: Guest[];
  let wrong: Awaited<ReturnType<GuestManager['bad']>> = [];
  let built: (readonly string[] | undefined)[];
  let calls: GuestAppCalls;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'clutch-test-guests-'));
    built = [];
    guests = [
      { manifest: manifest('a', { source: { kind: 'debian', download: 5000 } as never }), folder, files: folder, state: 'built', missing: '', origin: 'shipped' },
      { manifest: manifest('b', {}), folder, files: folder, state: 'missing', missing: 'netbsd.gz must lie there', origin: 'added' },
    ];
    const support = {
      guests: async () => guests,
      impossible: () => undefined,
      async build(names, job) {
        built.push(names);
        job.report({ done: 1, total: 2, unit: 'bytes', now: 'linux-image' });
        while (names?.includes('slow') === true) await (job.breathe() ?? new Promise((next) => { setImmediate(next); }));
        if (names?.includes('bad') === true) throw new DiskError({ kind: 'io' }, 'The mirror does not answer');
      },
      async add(from) { if (from !== '/added') throw usage('ENOENT', 'There is no guest.yml'); guests.push({ ...guests[1]!, manifest: manifest('c', {}) }); },
      async remove(name) { guests = guests.filter((guest) => guest.manifest.name !== name); },
      bad: async () => wrong,
      qemu: async () => ({ found: true, version: '7.2' }),
    } satisfies Partial<GuestSupport & GuestManager> as unknown as GuestSupport & GuestManager;
    calls = new GuestAppCalls({ guests: async () => support, folderOf: (token) => `/${token}`, sourceOf: (token) => `/images/${token}`, tokenOf: (path) => ({ token: 't', name: path, path }) });
  });
  afterEach(async () => {
    await calls.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function ended(job: number): Promise<{ events: JobEvent[]; end: Extract<JobEvent, { event: 'end' }> }> {
    const events: JobEvent[] = [];
    for await (const event of calls.service['guests.job']({ job }, never)) events.push(event);
    return { events, end: events.at(-1) as Extract<JobEvent, { event: 'end' }> };
  }

  test('list each guest with what lies of it on this computer', async () => {
    writeFileSync(join(folder, 'vmlinux'), new Uint8Array(3000));
    writeFileSync(join(folder, 'base.cpio'), new Uint8Array(500));
    writeFileSync(join(folder, 'guest.json'), JSON.stringify({ kernel: 'vmlinux', kernelVersion: '6.12.48-1', initramfs: 'base.cpio', filesystems: { xfs: 'base.cpio' }, tools: {}, digest: '', packages: [], built: '2026-11-22T10:00:00Z' }));
    const list = await calls.service['guests.list']({}, never);
    expect(list).toMatchObject([
      { name: 'a', title: 'A', state: 'built', buildable: true, download: 5000, built: Date.UTC(2026, 10, 22, 10), bytes: 3500, kernel: '6.12.48-1', filesystems: [{ format: 'xfs', access: 'read-write', reason: '', checkable: false }] },
      { name: 'b', state: 'missing', missing: 'netbsd.gz must lie there', buildable: false, origin: 'added' },
    ]);
    expect(list[1]).not.toHaveProperty('built');
  });

  test('list one whose files are gone without facts of them', async () => {
    expect((await calls.service['guests.list']({}, never))[0]).not.toHaveProperty('kernel');
  });

  test('build as a job, with its progress, its failure and a way to stop it', async () => {
    const { job } = await calls.service['guests.build']({ names: ['a'] }, never);
    const done = await ended(job);
    expect(built).toEqual([['a']]);
    expect(done.end.state).toBe('done');
    expect(done.events).toContainEqual(expect.objectContaining({ event: 'progress', progress: { done: 1, total: 2, unit: 'bytes', now: 'linux-image' } }));
    const bad = await ended((await calls.service['guests.build']({ names: ['bad'] }, never)).job);
    expect(bad.end).toMatchObject({ state: 'failed', error: { message: 'The mirror does not answer' } });
    const slow = await calls.service['guests.build']({ names: ['slow'] }, never);
    await calls.service['guests.cancel'](slow, never);
    expect((await ended(slow.job)).end.state).toBe('cancelled');
  });

  test('add and remove answer what is there then', async () => {
    expect((await calls.service['guests.add']({ token: 'added' }, never)).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    await expect(calls.service['guests.add']({ token: 'else' }, never)).rejects.toThrow('There is no guest.yml');
    expect((await calls.service['guests.remove']({ name: 'b' }, never)).map(({ name }) => name)).toEqual(['a', 'c']);
  });

  test('folders that should be guests are told with what is wrong; those of the person can be taken away', async () => {
    const error = usage('EINVAL', '/added/mine/guest.yml:3: rank: a number is wanted\u202e', 'guests/README.md says what stands in it');
    wrong = [{ name: 'mine', added: true, error }, { name: 'own', added: false, error }, { name: 'Any name', added: true, error }];
    const told = await calls.service['guests.bad']({}, never);
    expect(told.map(({ name, removable }) => [name, removable])).toEqual([['mine', true], ['own', false], ['Any name', false]]);
    expect(told[0]!.reason).toBe('/added/mine/guest.yml:3: rank: a number is wanted\\u{202e}. guests/README.md says what stands in it');
  });

  test('a guest’s own tree is a source, an overlay lies over an image, and nothing is made up', async () => {
    const tree = calls.service['guests.tree'];
    expect(await tree({ name: 'a', tree: 'procfs' }, never)).toMatchObject({ path: 'guest:a/procfs' });
    await expect(tree({ name: 'a', tree: 'overlay', token: 'x' }, never)).rejects.toThrow('A has no overlay');
    guests[0] = { ...guests[0]!, manifest: manifest('a', { trees: ['overlay'] }) };
    expect(await tree({ name: 'a', tree: 'overlay', token: 'x' }, never)).toMatchObject({ path: 'guest:a/overlay:/images/x' });
    await expect(tree({ name: 'z', tree: 'procfs' }, never)).rejects.toThrow('There is no guest z');
  });

  test('the matrix has a column for Clutch and one for each guest', async () => {
    const { columns, rows } = await calls.service['guests.matrix']({}, never);
    expect(columns.map(({ id }) => id)).toEqual(['native', 'guest:a', 'guest:b']);
    expect(rows.every(({ cells }) => cells.length === 3)).toBe(true);
    expect(rows.find(({ format }) => format === 'xfs')!.cells.map(({ support }) => support)).toEqual(['none', 'read-write', 'unbuilt']);
  });
});
