import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { registry } from '../../engines/index.ts';
import { writeBootRecord } from '../../engines/testing/tables.ts';
import { scratchFolder } from '../../engines/testing/tools.ts';
import { vaultEntry, vaultOf } from '../../engines/testing/vault.ts';
import type { HostContract } from '../../shared/contract/calls.ts';
import type { OpeningEvent } from '../../shared/contract/rows.ts';
import { createClient } from '../../shared/rpc/client.ts';
import { memoryPair } from '../../shared/rpc/transports/memory.ts';
import type { Client } from '../../shared/rpc/types.ts';
import { Opening } from './opening.ts';
import { ImageHost } from './service.ts';

const scratch = scratchFolder();
const hosts: ImageHost[] = [];
afterAll(async () => {
  await Promise.all(hosts.map((host) => host.close()));
  scratch.remove();
});

function open(name: string, bytes: Uint8Array): Client<HostContract> {
  const path = join(scratch.path, name);
  writeFileSync(path, bytes);
  const host = new ImageHost(path, { registry: [...registry, vaultEntry] });
  hosts.push(host);
  const [near, far] = memoryPair();
  host.connect(far);
  return createClient<HostContract>(near);
}

async function followed(client: Client<HostContract>): Promise<OpeningEvent[]> {
  const events: OpeningEvent[] = [];
  for await (const event of client.stream('image.opening', {})) events.push(event);
  return events;
}

/** Every step as it was at last. */
function steps(events: readonly OpeningEvent[]): string[] {
  const last = new Map<number, string>();
  for (const event of events) {
    if (event.event === 'step') last.set(event.step.id, `${event.step.layer} ${event.step.state} ${event.step.text}`);
  }
  return [...last.values()];
}

const uncancelled = { aborted: false, onAbort() {} };

describe('the account of an opening', () => {
  it('tells every layer, with what came of it, and ends', async () => {
    const packed = gzipSync(vaultOf(new Uint8Array(4096), 'x'));
    const events = await followed(open('steps.img.gz', packed));
    expect(steps(events)).toEqual(['0 done gzip: 4,608 bytes are in it', '0/0 failed Vault: vault is locked']);
    expect(events.at(-1)).toMatchObject({ event: 'end', state: 'done' });
    const unpacking = events.findLast((event) => event.event === 'step' && event.step.id === 0);
    expect(unpacking).toMatchObject({ event: 'step', step: { evidence: [expect.stringContaining('1F 8B')], done: packed.length, total: packed.length } });
  });

  it('fails with the opening, and says why', async () => {
    const packed = gzipSync(new Uint8Array(100_000).map((_, i) => i * 7));
    const client = open('cut.img.gz', packed.subarray(0, packed.length - 20));
    const events = await followed(client);
    expect(steps(events)[0]).toMatch(/^0 failed gzip: gzip at byte/);
    const gone = new ImageHost(join(scratch.path, 'none.img'));
    hosts.push(gone);
    const [near, far] = memoryPair();
    gone.connect(far);
    expect((await followed(createClient<HostContract>(near))).at(-1)).toMatchObject({ event: 'end', state: 'failed', error: { fault: { kind: 'usage', errno: 'ENOENT' } } });
  });

  it('gives latecomers only the newest of each step, and holds a bounded number', async () => {
    const opening = new Opening();
    const step = opening.step({ text: 'unpacking' });
    for (let done = 0; done <= 1000; done++) step.progress(done, 1000);
    step.end('done', 'unpacked');
    step.say('too late');
    for (let i = 0; i < 5000; i++) opening.step({ text: `${i}` }).end('done');
    opening.end();
    const events = [];
    for await (const event of opening.events(uncancelled)) events.push(event);
    expect(events).toHaveLength(2001);
    expect(events[0]).toMatchObject({ step: { text: 'unpacked', done: 1000, total: 1000, state: 'done' } });
  });

  it('wakes those who wait, and lets them go when they cancel', async () => {
    const opening = new Opening();
    const stops: (() => void)[] = [];
    const cancel = { aborted: false, onAbort: (run: () => void) => { stops.push(run); } };
    const events = opening.events(cancel);
    const next = events.next();
    opening.step({ text: 'first' });
    expect(await next).toMatchObject({ value: { step: { text: 'first', state: 'running' } } });
    const waiting = events.next();
    cancel.aborted = true;
    for (const stop of stops) stop();
    expect(await waiting).toMatchObject({ done: true });
  });
});

async function failureOf(path: string): Promise<unknown> {
  const host = new ImageHost(path);
  hosts.push(host);
  return host.info().catch((error: unknown) => error);
}

describe('what cannot be opened', () => {
  it('says what, where, and what can be done', async () => {
    const locked = join(scratch.path, 'secret.img');
    writeFileSync(locked, 'x', { mode: 0 });
    expect(await failureOf(join(scratch.path, 'gone.img'))).toMatchObject({ fault: { errno: 'ENOENT' }, advice: expect.stringContaining('moved or deleted') });
    expect(await failureOf(scratch.path)).toMatchObject({ fault: { errno: 'EISDIR' }, message: expect.stringContaining('is a folder'), advice: expect.any(String) });
    expect(await failureOf('/dev/null')).toMatchObject({ fault: { errno: 'EINVAL' }, advice: expect.any(String) });
    // Root may read everything.
    if (process.geteuid?.() !== 0) expect(await failureOf(locked)).toMatchObject({ fault: { errno: 'EACCES' }, advice: expect.any(String) });
  });

  it('is no failure for an empty file, and for one that is cut short only where it is cut', async () => {
    expect((await open('empty.img', new Uint8Array(0)).call('image.info', {})).layers).toMatchObject([{ kind: 'unknown', format: 'empty', size: 0, evidence: ['it has no bytes'] }]);
    const disk = new Uint8Array(64 * 512);
    writeBootRecord(disk, 0, [{ type: 0x83, start: 8, size: 16 }, { type: 0x83, start: 32, size: 4096 }]);
    const { layers } = await open('cut.img', disk).call('image.info', {});
    expect(layers.find((layer) => layer.path === '0/2')!.notes).toMatchObject([{ severity: 'warning', message: expect.stringContaining('past the end of the image') }]);
  });
});

describe('a locked layer', () => {
  it('is unlocked by its password and no other, and stays so when a layer beside it is opened anew', async () => {
    const disk = new Uint8Array(64 * 512);
    writeBootRecord(disk, 0, [{ type: 0x83, start: 8, size: 16 }, { type: 0x83, start: 32, size: 16 }]);
    disk.set(vaultOf(new Uint8Array(2048), 'open sesame'), 8 * 512);
    const client = open('locked.img', disk);
    const locked = (await client.call('image.info', {})).layers.find((layer) => layer.path === '0/1/0');
    expect(locked).toMatchObject({ format: 'vault', error: { fault: { kind: 'locked', what: 'vault' }, advice: expect.any(String) }, openers: [{ access: 'refused' }] });
    await expect(client.call('layer.unlock', { layer: '0/1/0', password: 'guess' })).rejects.toMatchObject({ fault: { kind: 'locked' }, message: 'That is not the password of vault' });
    await expect(client.call('layer.unlock', { layer: '0/9', password: 'guess' })).rejects.toMatchObject({ fault: { errno: 'ENOENT' } });
    // The volume stands for what is in it.
    const open1 = await client.call('layer.unlock', { layer: '0/1', password: 'open sesame' });
    expect(open1.layers.map((layer) => layer.path)).toContain('0/1/0/0');
    expect(open1.layers.find((layer) => layer.path === '0/1/0')).not.toHaveProperty('error');
    await expect(client.call('image.reopen', { layer: '0/2', format: 'ext4' })).rejects.toMatchObject({ fault: { kind: 'unsupported' } });
    expect((await client.call('image.info', {})).layers.find((layer) => layer.path === '0/1/0')).not.toHaveProperty('error');
    expect(JSON.stringify(await followed(client))).not.toContain('sesame');
  });
});

describe('ways to open a layer', () => {
  it('are all listed, the one in use first, each with its reason', async () => {
    const client = open('plain.img.gz', gzipSync(new Uint8Array(512)));
    const openers = await client.call('layer.openers', { layer: '0' });
    expect(openers[0]).toMatchObject({ format: 'gzip', current: true, access: 'read-only', confidence: 90 });
    expect(openers.find((each) => each.format === 'ext4')).toMatchObject({ current: false, access: 'untried', reason: 'none of its signs is there' });
    expect(openers).toHaveLength(registry.length + 1);
  });

  it('keep what was open when another one fails', async () => {
    const client = open('kept.img.gz', gzipSync(new Uint8Array(512)));
    await expect(client.call('image.reopen', { layer: '0', format: 'mbr' })).rejects.toMatchObject({ fault: { kind: 'unsupported', feature: 'mbr' }, message: expect.stringContaining('55 AA') });
    await expect(client.call('image.reopen', { layer: '0', format: 'nothing' })).rejects.toMatchObject({ fault: { kind: 'unsupported' } });
    expect((await client.call('image.info', {})).summary).toBe('gzip › Empty');
  });

  it('name what no engine is there for', async () => {
    const bytes = new Uint8Array(64 * 1024);
    bytes.set(new TextEncoder().encode('NTFS    '), 3);
    const { layers, summary } = await open('windows.img', bytes).call('image.info', {});
    expect(summary).toBe('NTFS');
    expect(layers[0]).toMatchObject({ kind: 'unknown', format: 'unknown', guesses: [{ id: 'ntfs', confidence: 90, evidence: ['“NTFS” at 0x3'] }] });
  });
});
