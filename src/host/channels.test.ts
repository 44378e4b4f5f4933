import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { DiskError } from '../engines/core/errors.ts';
import { pipeChannel, streamChannel } from './channels.ts';

/** Two sockets that are connected. */
async function socketPair(): Promise<[Socket, Socket]> {
  const path = join(tmpdir(), `clutch-test-${randomUUID()}.sock`);
  const server = createServer({ allowHalfOpen: true });
  server.listen(path);
  await once(server, 'listening');
  const there = connect({ path, allowHalfOpen: true });
  const [here] = await once(server, 'connection') as [Socket];
  await once(there, 'connect');
  server.close();
  rmSync(path, { force: true });
  onTestFinished(() => {
    here.destroy();
    there.destroy();
  });
  return [here, there];
}

describe('a socket as a channel', () => {
  it('gives an array back when it says so: what arrives is what was sent, though it is filled anew', async () => {
    const [here, there] = await socketPair();
    const channel = streamChannel(here);
    const chunks: Buffer[] = [];
    there.on('data', (bytes: Buffer) => { chunks.push(bytes); });
    const array = new Uint8Array(300_000);
    for (let round = 0; round < 20; round++) {
      array.fill(round);
      const sent = channel.send(array);
      if (sent !== undefined) await sent;
    }
    array.fill(99);
    channel.close();
    await once(there, 'end');
    const arrived = Buffer.concat(chunks);
    expect(arrived.length).toBe(20 * array.length);
    for (let round = 0; round < 20; round++) expect(arrived.subarray(round * array.length, (round + 1) * array.length).every((byte) => byte === round)).toBe(true);
  });

  it('holds the sender back until the other side reads, or is gone', async () => {
    const [here, there] = await socketPair();
    const channel = streamChannel(here);
    let free = 0;
    const sends = Array.from({ length: 8 }, async () => {
      await channel.send(new Uint8Array(1 << 20));
      free++;
    });
    await new Promise((resolve) => { setTimeout(resolve, 20); });
    expect(free).toBe(0);
    there.destroy();
    await Promise.all(sends);
    expect(channel.send(new Uint8Array(1))).toBeUndefined();
  });

  it('is held back by its receiver', async () => {
    const [here, there] = await socketPair();
    const channel = streamChannel(here);
    const taken: number[] = [];
    let go: (() => void) | undefined;
    channel.onBytes((bytes) => {
      taken.push(bytes.length);
      return new Promise((resolve) => { go = resolve; });
    });
    there.write(new Uint8Array(1 << 20));
    await expect.poll(() => taken.length).toBe(1);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
    expect(taken).toHaveLength(1);
    go!();
    await expect.poll(() => taken.length).toBe(2);
    expect(() => channel.onBytes(() => {})).toThrow('one receiver');
  });

  it('still answers a side that sends no more, and tells of its end once', async () => {
    const [here, there] = await socketPair();
    const channel = streamChannel(here);
    const ends: (DiskError | undefined)[] = [];
    channel.onBytes(() => {});
    channel.onEnd((error) => ends.push(error));
    there.end('ask');
    await expect.poll(() => ends.length).toBe(1);
    void channel.send(Buffer.from('answer'));
    channel.close();
    const [answer] = await once(there, 'data') as [Buffer];
    expect(answer.toString()).toBe('answer');
    await once(here, 'close');
    expect(ends).toEqual([undefined]);
    channel.onEnd((error) => ends.push(error));
    expect(ends).toHaveLength(2);
  });

  it('tells why it failed', async () => {
    const [here] = await socketPair();
    const channel = streamChannel(here);
    const ended = new Promise<DiskError | undefined>((resolve) => { channel.onEnd(resolve); });
    here.destroy(new Error('torn'));
    expect((await ended)?.message).toContain('torn');
  });
});

describe('two pipes as a channel', () => {
  it('are read and written apart', async () => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const channel = pipeChannel(input, output);
    const arrived: string[] = [];
    const ended = new Promise<void>((resolve) => { channel.onEnd(() => resolve()); });
    channel.onBytes((bytes) => { arrived.push(Buffer.from(bytes).toString()); });
    input.write('in');
    await channel.send(Buffer.from('out'));
    expect(String(output.read())).toBe('out');
    await expect.poll(() => arrived).toEqual(['in']);
    input.end();
    await ended;
    channel.close();
    await expect.poll(() => output.writableEnded).toBe(true);
  });
});
