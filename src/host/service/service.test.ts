import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostContract, JobEvent } from '../../shared/contract/calls.ts';
import type { ImageInfo } from '../../shared/contract/rows.ts';
import { createClient } from '../../shared/rpc/client.ts';
import { memoryPair } from '../../shared/rpc/transports/memory.ts';
import type { Client } from '../../shared/rpc/types.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import { serveAt } from '../mounts/own-mounts.ts';
import { ImageHost } from './service.ts';

const TOKEN = 'a'.repeat(32);
const skip = missingTools('mke2fs', 'debugfs');

describe.skipIf(skip !== undefined)('the service of an image', () => {
  const scratch = scratchFolder();
  const image = join(scratch.path, 'image.ext4');
  const big = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) & 255);
  let host: ImageHost;
  let client: Client<HostContract>;
  let info: ImageInfo;
  let layer: string;
  let root: number;

  beforeAll(async () => {
    const source = join(scratch.path, 'source');
    mkdirSync(join(source, 'etc/ssl'), { recursive: true });
    writeFileSync(join(source, 'hello.txt'), 'hello\n');
    writeFileSync(join(source, 'big.bin'), big);
    symlinkSync('etc/ssl', join(source, 'certificates'));
    writeFileSync(image, '');
    truncateSync(image, 16 << 20);
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', 'served', '-d', source, image]);
    run('debugfs', ['-w', '-R', 'ea_set /hello.txt user.tag blue', image]);
    host = new ImageHost(image);
    client = connect();
    info = await client.call('image.info', {});
    ({ path: layer } = info.layers.find(({ kind }) => kind === 'filesystem')!);
    ({ root } = info.layers.find(({ kind }) => kind === 'filesystem')!.filesystem!);
  });

  afterAll(async () => {
    client?.close();
    await host?.close();
    scratch.remove();
  });

  function connect(): Client<HostContract> {
    const [near, far] = memoryPair();
    host.connect(far);
    return createClient<HostContract>(near);
  }

  const sort = { key: 'name', descending: false } as const;
  const find = async (name: string): Promise<{ layer: string; node: number; name: string }> => {
    const { view } = await client.call('view.open', { layer, node: root, sort, hidden: true });
    const row = (await client.call('view.rows', { view, from: 0, count: 100 })).find((each) => each.name === name)!;
    return { layer, node: row.node, name };
  };

  it('tells its layers', () => {
    expect(info).toMatchObject({ name: 'image.ext4', path: image, size: 16 << 20, summary: 'ext4 (clean)' });
    expect(info.layers[0]).toMatchObject({ path: '0', kind: 'filesystem', format: 'ext4', label: 'served', filesystem: { root: 2, state: 'clean', blockSize: expect.any(Number) } });
  });

  it('lists, resolves, describes and previews', async () => {
    const view = await client.call('view.open', { layer, node: root, sort, hidden: true });
    const rows = await client.call('view.rows', { view: view.view, from: 0, count: 100 });
    expect(rows.map(({ name }) => name)).toEqual(['etc', 'lost+found', 'big.bin', 'certificates', 'hello.txt']);
    expect(rows[3]).toMatchObject({ type: 'symlink', target: 'etc/ssl', targetType: 'dir' });
    expect(await client.call('view.find', { view: view.view, prefix: 'h', from: 0 })).toEqual({ index: 4 });
    expect(await client.call('view.index', { view: view.view, node: rows[2]!.node })).toEqual({ index: 2 });
    const { crumbs } = await client.call('path.resolve', { layer, path: '/certificates/..' });
    expect(crumbs.map(({ name }) => name)).toEqual(['', 'etc']);
    const details = await client.call('entry.details', await find('hello.txt'));
    expect(details).toMatchObject({ size: 6, type: 'file', xattrs: [{ name: 'user.tag', text: 'blue' }], atime: expect.any(BigInt) });
    expect(await client.call('entry.preview', await find('hello.txt'))).toMatchObject({ kind: 'text', part: { text: 'hello\n' } });
    const { layer: at, node } = await find('big.bin');
    expect(await client.call('bytes.read', { layer: at, node, at: 299_990, length: 65_536 })).toEqual({ bytes: big.slice(299_990), size: 300_000 });
    expect((await client.call('bytes.read', { layer, at: 1024 + 56, length: 2 })).bytes).toEqual(Uint8Array.of(0x53, 0xef));
    expect(await client.call('bytes.read', { layer, at: 2 ** 52, length: 10 })).toEqual({ bytes: new Uint8Array(0), size: 16 << 20 });
  });

  it('searches, filters and matches', async () => {
    const found: string[] = [];
    for await (const event of client.stream('search.start', { layer, node: root, query: '*l*', hidden: false })) {
      if (event.event === 'hits') found.push(...event.hits.map(({ row }) => row.name));
    }
    expect(found).toEqual(['hello.txt', 'lost+found', 'ssl']);
    const { view, count, filtered } = await client.call('view.open', { layer, node: root, sort, hidden: true, filter: '*.*' });
    expect([count, filtered]).toEqual([2, 3]);
    expect(await client.call('view.match', { view, query: 'hello' })).toEqual({ ranges: [[1, 2]] });
    const nothing = client.stream('search.start', { layer: '0/7', node: root, query: 'x', hidden: false });
    await expect(nothing[Symbol.asyncIterator]().next()).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'ENOENT' } });
  });

  it('checks handles', async () => {
    const { node } = await find('hello.txt');
    const refused: [Promise<unknown>, object][] = [
      [client.call('view.open', { layer: '0/7', node: 2, sort, hidden: true }), { kind: 'usage', errno: 'ENOENT' }],
      [client.call('view.open', { layer: '../0', node: 2, sort, hidden: true }), { kind: 'usage', errno: 'EINVAL' }],
      [client.call('view.open', { layer, node, sort, hidden: true }), { kind: 'usage', errno: 'ENOTDIR' }],
      [client.call('view.rows', { view: 999, from: 0, count: 1 }), { kind: 'usage', errno: 'EBADF' }],
      [client.call('view.rows', { view: 1, from: 0, count: 1001 }), { kind: 'usage', errno: 'EINVAL' }],
      [client.call('bytes.read', { layer, at: 0, length: 65_537 }), { kind: 'usage', errno: 'EINVAL' }],
      [client.call('job.cancel', { job: 77 }), { kind: 'usage', errno: 'EBADF' }],
      ...['a/b', '..', '.', 'a\0', ''].map((name): [Promise<unknown>, object] => [client.call('entry.details', { layer, node, name }), { kind: 'usage', errno: 'EINVAL' }]),
    ];
    for (const [i, outcome] of (await Promise.allSettled(refused.map(([call]) => call))).entries()) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { fault: refused[i]![1] } });
    }
    for (const bad of [0, 999_999, 2 ** 52]) await expect(client.call('entry.details', { layer, node: bad, name: 'x' })).rejects.toMatchObject({ name: 'DiskError' });
  });

  it('keeps the views of each client apart', async () => {
    const other = connect();
    const { view } = await other.call('view.open', { layer, node: root, sort, hidden: true });
    await other.call('view.close', { view });
    await expect(other.call('view.rows', { view, from: 0, count: 1 })).rejects.toMatchObject({ fault: { errno: 'EBADF' } });
    other.close();
  });

  it('extracts only to a folder that was granted, and only names', async () => {
    const entry = await find('big.bin');
    const target = join(scratch.path, 'target');
    mkdirSync(target);
    const start = (name: string): Promise<{ job: number }> => client.call('extract.start', { layer, entries: [{ node: entry.node, name }], target: TOKEN, options: { conflict: 'ask' } });
    await expect(start('big.bin')).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'EACCES' } });
    host.grant(TOKEN, target);
    await expect(start('../big.bin')).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'EINVAL' } });
    expect(readdirSync(target)).toEqual([]);

    expect((await eventsOf((await start('big.bin')).job)).at(-1)).toMatchObject({ event: 'end', state: 'done', summary: { files: 1, bytes: 300_000, problems: 0 } });
    expect(createHash('sha256').update(readFileSync(join(target, 'big.bin'))).digest('hex')).toBe(createHash('sha256').update(big).digest('hex'));

    // Into a mount that this process serves, or over one: it would wait for itself.
    const own = serveAt(target);
    await expect(start('big.bin')).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'EACCES' }, message: expect.stringContaining('lies in a mount of this image itself') as string });
    own.gone();
    const inner = serveAt(join(target, 'mounted'));
    await expect(client.call('extract.start', { layer, entries: [{ node: root, name: '' }], target: TOKEN, options: {} })).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'EACCES' } });
    inner.gone();

    const { job } = await start('big.bin');
    const events = await eventsOf(job, (id) => client.call('job.answer', { job, id, answer: { action: 'keep-both' } }));
    expect(events.filter(({ event }) => event === 'question')).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ state: 'done' });
    expect(readdirSync(target)).toHaveLength(2);
  });

  async function eventsOf(job: number, answer?: (id: number) => Promise<unknown>): Promise<JobEvent[]> {
    const events: JobEvent[] = [];
    for await (const event of client.stream('job.events', { job })) {
      events.push(event);
      if (event.event === 'question') await answer?.(event.id);
    }
    return events;
  }

  it('refuses selections whose ranges lie over one another: they would cost as much as they claim', async () => {
    const { view } = await client.call('view.open', { layer, node: root, sort, hidden: true });
    const keep = (ranges: [number, number][]): Promise<unknown> => client.call('view.open', { layer, node: root, sort, hidden: true, keep: { view, ranges, focus: 0, anchor: 0 } });
    await expect(keep([[0, 2], [2, 3]])).resolves.toMatchObject({ kept: { ranges: [[0, 3]] } });
    for (const ranges of [[[0, 2], [1, 3]], [[3, 2]], [[2, 3], [0, 1]]] as [number, number][][]) await expect(keep(ranges)).rejects.toMatchObject({ fault: { errno: 'EINVAL' } });
  });

  it('ends checksums that nobody takes when their client goes', async () => {
    const going = connect();
    const { job } = await going.call('hash.start', { layer: '0', algorithms: ['sha256'] });
    await client.call('job.pause', { job, paused: true });
    going.close();
    let end: JobEvent | undefined;
    for await (const event of client.stream('job.events', { job })) end = event;
    expect(end).toMatchObject({ event: 'end', state: 'cancelled' });
  });

  it('opens a layer another way, or says why not', async () => {
    await expect(client.call('image.reopen', { layer: '0', format: 'gpt' })).rejects.toMatchObject({ fault: { kind: 'unsupported' } });
    expect((await client.call('image.info', {})).layers[0]).toMatchObject({ kind: 'filesystem' });
    await expect(client.call('image.reopen', { layer: '0/9', format: 'ext4' })).rejects.toMatchObject({ fault: { errno: 'ENOENT' } });
    expect((await client.call('image.reopen', { layer: '0', format: 'ext4' })).layers[0]).toMatchObject({ kind: 'filesystem' });
  });

  it('begins no work while a layer is opened another way', async () => {
    const reopening = client.call('image.reopen', { layer: '0', format: 'ext4' });
    await expect(client.call('hash.start', { layer: '0', algorithms: ['md5'] })).rejects.toMatchObject({ fault: { kind: 'busy' } });
    await reopening;
    const { job } = await client.call('hash.start', { layer: '0', algorithms: ['crc32'] });
    const rows = [];
    for await (const batch of client.stream('hash.rows', { job })) rows.push(...batch);
    expect(rows).toHaveLength(1);
    await client.call('image.reopen', { layer: '0', format: 'ext4' });
  });

  it('tells every call why an image could not be opened', async () => {
    const missing = new ImageHost(join(scratch.path, 'none.img'));
    const [near, far] = memoryPair();
    missing.connect(far);
    await expect(createClient<HostContract>(near).call('image.info', {})).rejects.toMatchObject({ name: 'DiskError', message: expect.stringContaining('none.img') });
    await missing.close();
  });
});
