import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { TreeChanged } from '../../engines/core/served.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import type { HostContract } from '../../shared/contract/calls.ts';
import type { TreeChange } from '../../shared/contract/edit.ts';
import type { MountRow } from '../../shared/contract/mounts.ts';
import { createClient } from '../../shared/rpc/client.ts';
import { memoryPair } from '../../shared/rpc/transports/memory.ts';
import type { Client } from '../../shared/rpc/types.ts';
import type { MountPlace } from '../control.ts';
import { askUnmount, listMounts } from '../mounts/registry.ts';
import { fakeProvider } from '../mounts/testing/fake-provider.ts';
import { ImageHost } from './service.ts';

const skip = missingTools('mke2fs', 'e2fsck');
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const TOKEN = 'b'.repeat(32);
const layer = '0';

describe.skipIf(skip !== undefined)(`mounts of an image${skip === undefined ? '' : ` (${skip})`}`, () => {
  let scratch: ReturnType<typeof scratchFolder>;
  let image: string;
  let host: ImageHost;
  let client: Client<HostContract>;
  let fake: ReturnType<typeof fakeProvider>;
  /** What was told of mounts, in order. */
  let told: MountRow[][];
  let changes: TreeChange[];
  let places: readonly MountPlace[];

  beforeEach(async () => {
    scratch = scratchFolder();
    vi.stubEnv('CLUTCH_RUNTIME', join(scratch.path, 'run'));
    image = join(scratch.path, 'disk.img');
    writeFileSync(image, '');
    truncateSync(image, 8 << 20);
    run('mke2fs', ['-q', '-F', '-t', 'ext4', image]);
    fake = fakeProvider();
    host = new ImageHost(image, { providers: [fake.entry] });
    places = [];
    host.onMounts((now) => { places = now; });
    const [near, far] = memoryPair();
    host.connect(far);
    client = createClient<HostContract>(near);
    told = [];
    changes = [];
    void collect(client.stream('mount.changes', {}), told);
    void collect(client.stream('tree.changes', {}), changes);
    await client.call('image.info', {});
  });
  afterEach(async () => {
    client.close();
    await host.close();
    vi.unstubAllEnvs();
    scratch.remove();
  });

  const start = (write = false): Promise<MountRow> => client.call('mount.start', { layer, options: write ? { write } : {} });
  const names = async (): Promise<string[]> => {
    const { view, count } = await client.call('view.open', { layer, node: 2, sort: { key: 'name', descending: false }, hidden: true });
    return (await client.call('view.rows', { view, from: 0, count: Math.max(1, count) })).map(({ name }) => name);
  };

  it('tell the ways to mount, and refuse where there is none', async () => {
    expect(await client.call('mount.providers', {})).toEqual([{ id: 'fuse', title: 'Fake', summary: 'Mounts nothing.', available: { ok: true } }]);
    await expect(client.call('mount.start', { layer, options: { provider: 'winfsp' } })).rejects.toMatchObject({ fault: { kind: 'unsupported' } });
  });

  it('are for reading until the image is unlocked, and for writing afterwards', async () => {
    await expect(start(true)).rejects.toMatchObject({ fault: { errno: 'EROFS' }, advice: 'Unlock it to edit.' });
    const row = await start();
    expect(row).toMatchObject({ layer, provider: 'fuse', at: '/mnt/fake 0', mounted: true, write: false, state: 'mounted' });
    expect(fake.mounts[0]!.request.tree.fs.writer).toBeUndefined();
    await client.call('edit.unlock', {});
    await client.call('entry.create', { layer, folder: 2, name: 'new', kind: { type: 'dir' } });
    // The same tree shows what is pending.
    expect(await fake.mounts[0]!.request.tree.fs.lookup(2, 'new')).toBeDefined();
    await start(true);
    expect(fake.mounts[1]!.request.tree.fs.writer).toBeDefined();
    expect(places).toMatchObject([{ at: '/mnt/fake 0', write: false }, { at: '/mnt/fake 1', write: true }]);
  });

  it('go where they are told to, and only to a folder that was granted', async () => {
    await expect(client.call('mount.start', { layer, options: {}, target: TOKEN })).rejects.toMatchObject({ fault: { errno: 'EACCES' } });
    host.grant(TOKEN, '/mnt/chosen');
    expect(await client.call('mount.start', { layer, options: {}, target: TOKEN })).toMatchObject({ at: '/mnt/chosen' });
  });

  it('hear what the window changes, and the window what programs change', async () => {
    await client.call('edit.unlock', {});
    await start(true);
    const { tree } = fake.mounts[0]!.request;
    const heard: TreeChanged[] = [];
    tree.onChange((change) => { heard.push(change); });
    const { node } = await client.call('entry.create', { layer, folder: 2, name: 'mine', kind: { type: 'dir' } });
    expect(heard.at(-1)).toMatchObject({ what: 'nodes', folders: [2] });
    const file = await tree.fs.writer!.create(node, 'theirs', { mode: 0o644 });
    await tree.fs.writer!.write(file, 0, bytes('written'));
    await expect.poll(() => changes.some(({ folders }) => folders?.includes(node)), { timeout: 30_000 }).toBe(true);
    await client.call('mount.stop', { mount: places[0]!.mount });
    const { operations } = await client.call('edit.review', { from: 0, count: 9 });
    expect(operations.map(({ verb }) => verb)).toEqual(['mkdir', 'mount']);
  });

  it('are in the way of what would take them away, and of nothing else', async () => {
    await client.call('edit.unlock', {});
    const { mount } = await start(true);
    const { writer } = fake.mounts[0]!.request.tree.fs;
    const file = await writer!.create(2, 'open', { mode: 0o644 });
    await writer!.hold(file);
    await expect(client.call('edit.undo', {})).rejects.toMatchObject({ fault: { kind: 'busy' }, message: 'A file is open where the image is mounted, at /mnt/fake 0' });
    await expect(client.call('edit.discard', {})).rejects.toMatchObject({ fault: { kind: 'busy' } });
    await expect(client.call('edit.lock', { discard: true })).rejects.toMatchObject({ fault: { kind: 'busy' }, message: 'It is mounted for writing at /mnt/fake 0' });
    await expect(client.call('image.reopen', { layer, format: 'ext4' })).rejects.toMatchObject({ fault: { kind: 'busy' } });
    const { job } = await client.call('edit.apply', {});
    for await (const event of client.stream('job.events', { job })) if (event.event === 'end') expect(event).toMatchObject({ state: 'done' });
    await writer!.write(file, 0, bytes('after'));
    await writer!.release(file);
    await writer!.sync();
    await client.call('edit.undo', {});
    expect(await names()).toEqual(['lost+found', 'open']);
    expect(await client.call('mount.stop', { mount })).toEqual({ done: true });
    await client.call('edit.lock', {});
    run('e2fsck', ['-fn', image]);
  });

  it('stay while somebody uses them, unless they are taken out of the way', async () => {
    const { mount } = await start();
    fake.mounts[0]!.using = [{ pid: 7, name: 'bash', path: 'docs' }];
    expect(await client.call('mount.users', { mount })).toEqual(fake.mounts[0]!.using);
    expect(await client.call('mount.stop', { mount })).toEqual({ done: false, users: fake.mounts[0]!.using, reason: '/mnt/fake 0 is in use' });
    await expect(host.unmount()).rejects.toMatchObject({ fault: { kind: 'busy' }, message: 'What is mounted at /mnt/fake 0 is in use by bash (7)' });
    expect(await client.call('mount.stop', { mount, lazy: true })).toEqual({ done: true });
    await expect.poll(() => told.at(-1)?.[0]?.state).toBe('leaving');
    fake.mounts[0]!.end({ how: 'unmounted' });
    await expect.poll(() => told.at(-1)).toEqual([]);
    expect(places).toEqual([]);
    await expect(client.call('mount.users', { mount })).rejects.toMatchObject({ fault: { errno: 'EBADF' } });
  });

  it('tell once how they ended by themselves', async () => {
    const { mount } = await start();
    await expect.poll(() => told.at(-1)?.length).toBe(1);
    fake.mounts[0]!.end({ how: 'failed', message: 'the descriptor broke' });
    await expect.poll(() => told.at(-1)).toEqual([]);
    const ends = told.flat().filter(({ ended }) => ended !== undefined);
    expect(ends).toMatchObject([{ mount, ended: { how: 'failed', message: 'the descriptor broke' } }]);
  });

  it('are ended by clutch umount, too', async () => {
    await client.call('edit.unlock', {});
    await start(true);
    const [known] = listMounts();
    expect(known).toMatchObject({ at: '/mnt/fake 0', image, layer, provider: 'fuse', write: true });
    fake.mounts[0]!.using = [{ pid: 7, name: 'bash', path: '' }];
    expect(await askUnmount(known!, false, () => {})).toEqual({ done: false, users: fake.mounts[0]!.using, message: '/mnt/fake 0 is in use' });
    fake.mounts[0]!.using = [];
    fake.mounts[0]!.bytesWritten = 7;
    expect(await askUnmount(known!, false, () => {})).toEqual({ done: true, exit: 0, message: 'what was written is pending in the window, until it is applied there' });
    expect(listMounts()).toEqual([]);
    await expect.poll(() => told.at(-1)).toEqual([]);
  });

  it('end with the image', async () => {
    await client.call('edit.unlock', {});
    await start(true);
    await start();
    fake.mounts[1]!.using = [{ pid: 7, name: 'bash', path: '' }];
    await host.close();
    await expect((async () => fake.mounts[0]!.request.tree.fs.stat(2))()).rejects.toMatchObject({ fault: { errno: 'EBADF' } });
  });
});

async function collect<T>(from: AsyncIterable<T>, into: T[]): Promise<void> {
  try {
    for await (const item of from) into.push(item);
  } catch {
    // The channel ended with the test.
  }
}
