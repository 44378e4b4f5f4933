import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../engines/core/bytes/memory.ts';
import type { Layer } from '../../engines/core/layer.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import type { FindBytesEvent, StructureRow } from '../../shared/contract/bytes.ts';
import type { HostContract } from '../../shared/contract/calls.ts';
import { createClient } from '../../shared/rpc/client.ts';
import { memoryPair } from '../../shared/rpc/transports/memory.ts';
import type { Client } from '../../shared/rpc/types.ts';
import { findBytes } from './find-bytes.ts';
import { placeRows } from './structures.ts';
import { nodeJob } from '../session.ts';
import { ImageHost } from './service.ts';

const why = missingTools('mke2fs', 'sgdisk');
/** Where the partition begins. */
const START = 1 << 20;

describe.skipIf(why !== undefined)(`bytes of a disk${why ? ` (${why})` : ''}`, () => {
  const scratch = scratchFolder();
  let host: ImageHost;
  let client: Client<HostContract>;
  let volume: string;

  beforeAll(async () => {
    const tree = join(scratch.path, 'tree');
    mkdirSync(tree);
    writeFileSync(join(tree, 'bell\u0007\u202egpj.exe'), 'The needle is HERE.');
    const part = join(scratch.path, 'part');
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '1024', '-d', tree, part, '16M']);
    const disk = join(scratch.path, 'disk.img');
    const file = openSync(disk, 'w');
    ftruncateSync(file, 32 << 20);
    writeSync(file, readFileSync(part), 0, 16 << 20, START);
    closeSync(file);
    run('sgdisk', ['-n', '1:2048:+16M', '-c', '1:files', disk]);
    host = new ImageHost(disk);
    const [near, far] = memoryPair();
    host.connect(far);
    client = createClient<HostContract>(near);
    volume = (await client.call('image.info', {})).layers.find(({ kind }) => kind === 'volume')!.path.replace(/\/\d+$/, '/1');
  });
  afterAll(async () => {
    client?.close();
    await host?.close();
    scratch.remove();
  });

  const find = async (layer: string, text: string, more: { from?: number; direction?: 'forward' | 'backward'; ignoreCase?: boolean; node?: number } = {}): Promise<number | undefined> => {
    let last: FindBytesEvent | undefined;
    for await (const event of client.stream('bytes.find', { layer, pattern: new TextEncoder().encode(text), ignoreCase: false, from: 0, direction: 'forward', ...more })) last = event;
    return last?.event === 'end' ? last.at : -1;
  };

  it('tells of a disk what the filesystem in its partition tells, at the disk\'s own places', async () => {
    const rows = await client.call('bytes.structures', { layer: '0', at: START + 0x418, length: 4 });
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ at: START + 1024, length: 1024, name: 'superblock', layer: `${volume}/0` });
    expect(rows[0]!.fields.find(({ name }) => name === 's_log_block_size')).toEqual({ at: START + 0x418, length: 4, name: 's_log_block_size', type: 'u32', value: '0', meaning: '1024' });
    // Of the volume and of the filesystem the same, at their places.
    for (const layer of [volume, `${volume}/0`]) expect((await client.call('bytes.structures', { layer, at: 0x418, length: 1 }))[0]).toMatchObject({ at: 1024, name: 'superblock' });
    expect((await client.call('bytes.structures', { layer: '0', at: 0, length: 65_536 })).map(({ name }) => name)).toEqual(expect.arrayContaining(['protective MBR', 'GPT header', 'GPT entry 1']));
    expect(await client.call('bytes.structures', { layer: '0', at: 2 ** 52, length: 65_536 })).toEqual([]);
  });

  it('leads to places in the table, the volume and the filesystem', async () => {
    const places = await client.call('bytes.places', { layer: '0' });
    expect(places).toEqual(expect.arrayContaining([
      { at: 512, length: 92, name: 'GPT header', layer: '0' },
      { at: START, length: 16 << 20, name: 'files', layer: volume },
      { at: START + 1024, length: 1024, name: 'superblock', layer: `${volume}/0` },
    ]));
    expect(places.every(({ at }) => at < 32 << 20)).toBe(true);
  });

  it('escapes names', async () => {
    const root = (await client.call('bytes.places', { layer: volume })).find(({ name }) => name === 'root directory')!;
    const rows: StructureRow[] = await client.call('bytes.structures', { layer: volume, at: root.at, length: 1024 });
    expect(rows.map(({ name }) => name)).toContain('directory entry "bell\\x07\\u{202e}gpj.exe"');
    // oxlint-disable-next-line no-control-regex
    expect(JSON.stringify(rows)).not.toMatch(/[\u0000-\u001f\u202e]/);
  });

  it('finds bytes forward and backward, with and without their case', async () => {
    const at = (await find('0', 'needle'))!;
    expect(readFileSync(join(scratch.path, 'disk.img')).indexOf('needle')).toBe(at);
    expect(await find('0', 'needle', { from: at + 1 })).toBeUndefined();
    expect(await find('0', 'needle', { from: 32 << 20, direction: 'backward' })).toBe(at);
    expect(await find('0', 'NEEDLE')).toBeUndefined();
    expect(await find('0', 'NEEDLE is here', { ignoreCase: true })).toBe(at);
    expect(await find(volume, 'needle')).toBe(at - START);
    const { view } = await client.call('view.open', { layer: `${volume}/0`, node: 2, sort: { key: 'name', descending: false }, hidden: true });
    const [file] = (await client.call('view.rows', { view, from: 0, count: 100 })).filter(({ type }) => type === 'file');
    expect(await find(`${volume}/0`, 'needle', { node: file!.node })).toBe(4);
  });

  it('refuses what is too much', async () => {
    await expect(client.call('bytes.structures', { layer: '0', at: 0, length: 65_537 })).rejects.toMatchObject({ fault: { errno: 'EINVAL' } });
    await expect(client.call('bytes.places', { layer: '0/9' })).rejects.toMatchObject({ fault: { errno: 'ENOENT' } });
    await expect(find('0', 'x'.repeat(257))).rejects.toMatchObject({ fault: { errno: 'EINVAL' } });
  });
});

describe('places of a crafted table', () => {
  it('are not asked of more layers than are told of', () => {
    const device = new MemoryDevice(new Uint8Array(4096));
    let asked = 0;
    const structures = { within: () => [], landmarks: () => { asked++; return Array.from({ length: 10 }, (_, i) => ({ at: i, length: 1, name: 'a\u0007' })); } };
    const layer = (path: string, children: Layer[] = []): Layer => ({
      path, kind: children.length > 0 ? 'table' : 'filesystem', format: 'x', title: 'x', label: '', uuid: '', offset: 0, size: 4096, device, evidence: [], alternatives: [], guesses: [], openers: [], details: [], notes: [], structures, children,
    });
    const rows = placeRows(layer('0', Array.from({ length: 4000 }, (_, i) => layer(`0/${i}`))));
    expect(rows).toHaveLength(512);
    expect(rows[0]!.name).toBe('a\\x07');
    expect(asked).toBeLessThan(60);
  });
});

/** Zeros but for some places. */
const sparse = (size: number, places: readonly number[]) => ({
  size,
  async read(at: number, into: Uint8Array) {
    const length = Math.min(into.length, size - at);
    into.fill(0, 0, length);
    for (const place of places) if (place >= at && place < at + length) into[place - at] = 1;
    return length;
  },
});

/** Where a search ends. */
const last = async (size: number, places: readonly number[], pattern: number[], from: number, direction: 'forward' | 'backward'): Promise<number | undefined> => {
  let end: number | undefined;
  for await (const event of findBytes(sparse(size, places), { pattern: Uint8Array.from(pattern), ignoreCase: false, from, direction }, nodeJob())) end = event.event === 'end' ? event.at : end;
  return end;
};

describe('a search for bytes', () => {
  it('misses nothing at the borders of what is read at once', async () => {
    const mib = 1 << 20;
    for (const at of [0, 1, mib - 2, mib - 1, mib, mib + 1, 3 * mib - 2]) {
      expect(await last(3 * mib, [at, at + 1], [1, 1], 0, 'forward')).toBe(at);
      expect(await last(3 * mib, [at, at + 1], [1, 1], 3 * mib, 'backward')).toBe(at);
    }
    expect(await last(3 * mib, [mib, 2 * mib], [1], mib + 1, 'forward')).toBe(2 * mib);
    expect(await last(3 * mib, [mib, 2 * mib], [1], 2 * mib - 1, 'backward')).toBe(mib);
    expect(await last(1, [0], [1, 1], 0, 'forward')).toBeUndefined();
    expect(await last(1, [0], [1, 1], 0, 'backward')).toBeUndefined();
  });

  it('stops when it is cancelled', async () => {
    const signal = { aborted: false };
    const events = findBytes(sparse(2 ** 50, []), { pattern: Uint8Array.of(1), ignoreCase: false, from: 0, direction: 'forward' }, nodeJob({ signal }));
    expect((await events.next()).value).toMatchObject({ event: 'progress' });
    signal.aborted = true;
    const before = performance.now();
    await expect(events.next()).rejects.toMatchObject({ fault: { kind: 'cancelled' } });
    expect(performance.now() - before).toBeLessThan(200);
  });
});
