import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { MessageChannel } from 'node:worker_threads';
import * as v from 'valibot';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { corrupt, type DiskError } from '../../engines/core/errors.ts';
import { decodeName } from '../../engines/core/names.ts';
import { createClient, STREAM_CREDIT } from './client.ts';
import { serve } from './server.ts';
import { memoryPair } from './transports/memory.ts';
import { portTransport } from './transports/port.ts';
import { websocketTransport } from './transports/websocket.ts';
import type { Client, Service, Transport } from './types.ts';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const contract = {
  echo: { kind: 'call', params: v.strictObject({ value: v.any() }), result: undefined as unknown },
  nothing: { kind: 'call', params: v.strictObject({}), result: undefined as void },
  fail: { kind: 'call', params: v.strictObject({}), result: undefined as void },
  crash: { kind: 'call', params: v.strictObject({}), result: undefined as void },
  wait: { kind: 'call', params: v.strictObject({}), result: undefined as void },
  count: { kind: 'stream', params: v.strictObject({ to: count }), item: undefined as number | undefined },
  quiet: { kind: 'stream', params: v.strictObject({}), item: undefined as number | undefined },
} as const;

/** What the service was made to do. */
interface Seen {
  calls: number;
  made: number;
  cancelled: number;
  ended: number;
  faults: unknown[];
}

function serviceOf(seen: Seen): Service<typeof contract> {
  return {
    echo: ({ value }) => { seen.calls++; return value; },
    nothing: () => { seen.calls++; },
    fail: () => { throw corrupt('inode 12', 'is broken', 4096, 128); },
    crash: () => { throw new TypeError('ours'); },
    wait: (_, cancel) => new Promise((resolve) => { cancel.onAbort(() => { seen.cancelled++; resolve(); }); }),
    async *count({ to }) {
      try {
        for (let i = 0; i < to; i++) {
          seen.made++;
          yield i;
        }
      } finally {
        seen.ended++;
      }
    },
    async *quiet(_, cancel) {
      try {
        await new Promise<void>((resolve) => { cancel.onAbort(() => { seen.cancelled++; resolve(); }); });
        yield 1;
      } finally {
        seen.ended++;
      }
    },
  };
}

type Pair = () => Promise<{ ends: [Transport, Transport]; free?: () => void }>;

const PAIRS: [string, Pair][] = [
  ['memory', async () => ({ ends: memoryPair() })],
  ['message ports', async () => {
    const { port1, port2 } = new MessageChannel();
    return { ends: [portTransport(port1), portTransport(port2)] };
  }],
  ['WebSocket', async () => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    const connected = once(server, 'connection');
    const near = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const [far] = await connected as [WebSocket];
    await once(near, 'open');
    return { ends: [websocketTransport(near), websocketTransport(far)], free: () => server.close() };
  }],
];

describe.each(PAIRS)('RPC over %s', (_name, pair) => {
  let cleanup: (() => void)[] = [];
  afterEach(() => {
    for (const run of cleanup) run();
    cleanup = [];
  });

  async function connect(): Promise<{ client: Client<typeof contract>; seen: Seen; near: Transport; far: Transport }> {
    const { ends: [near, far], free } = await pair();
    const seen: Seen = { calls: 0, made: 0, cancelled: 0, ended: 0, faults: [] };
    serve(contract, serviceOf(seen), far, { onFault: (name, error) => seen.faults.push([name, error]) });
    const client = createClient<typeof contract>(near);
    cleanup.push(() => client.close(), () => free?.());
    return { client, seen, near, far };
  }

  it('carries every kind of plain data, lone surrogates of undecodable names included', async () => {
    const { client } = await connect();
    const value = {
      name: decodeName(Uint8Array.from([0x61, 0xff, 0xc0, 0xaf])), big: -(2n ** 63n), bytes: Uint8Array.from({ length: 1000 }, (_, i) => i & 255), empty: new Uint8Array(0),
      list: [1, undefined, null, 'x'], nested: { deep: [{ n: 1n }] }, huge: 2 ** 53 - 1,
    };
    expect(await client.call('echo', { value })).toEqual(value);
    expect(await client.call('nothing', {})).toBeUndefined();
  });

  it('checks parameters before anything runs', async () => {
    const { client, seen } = await connect();
    const refused = [
      client.call('nothing', { extra: 1 } as never), client.call('nothing', undefined as never), client.call('nothing', [] as never),
      collect(client.stream('count', { to: -1 })), collect(client.stream('count', { to: 1.5 })), collect(client.stream('count', {} as never)),
    ];
    for (const each of await Promise.allSettled(refused)) expect(each).toMatchObject({ status: 'rejected', reason: { fault: { kind: 'usage', errno: 'EINVAL' } } });
    await expect(client.call('echo', { valu: 1 } as never)).rejects.toThrow(/echo: /);
    expect(seen).toMatchObject({ calls: 0, made: 0 });
  });

  it('refuses methods that do not exist, inherited ones too, and calls of streams', async () => {
    const { client } = await connect();
    for (const name of ['nope', 'constructor', '__proto__', 'toString', 'count']) {
      await expect(client.call(name as 'nothing', {})).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'ENOTSUP' } });
    }
    await expect(collect(client.stream('nothing' as 'count', { to: 1 }))).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'ENOTSUP' } });
  });

  it('carries errors as they are, and faults of ours as io', async () => {
    const { client, seen } = await connect();
    await expect(client.call('fail', {})).rejects.toMatchObject({ name: 'DiskError', fault: { kind: 'corrupt', place: { structure: 'inode 12', at: 4096, length: 128 } }, advice: expect.any(String) });
    await expect(client.call('crash', {})).rejects.toMatchObject({ fault: { kind: 'io' }, message: 'ours' });
    expect(seen.faults).toEqual([['crash', expect.any(TypeError)]]);
  });

  it('streams in order, and sends no more than the client has room for', async () => {
    const { client, seen } = await connect();
    expect(await collect(client.stream('count', { to: 1000 }))).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(await collect(client.stream('count', { to: 0 }))).toEqual([]);
    seen.made = 0;
    const iterator = client.stream('count', { to: 1_000_000 })[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: 0 });
    await turns(20);
    expect(seen.made).toBeLessThanOrEqual(STREAM_CREDIT * 2);
    const ended = seen.ended;
    await iterator.return!();
    await until(() => seen.ended === ended + 1);
    expect(await iterator.next()).toMatchObject({ done: true });
  });

  it('cancels calls and streams, waiting ones too', async () => {
    const { client, seen } = await connect();
    const stop = new AbortController();
    const call = client.call('wait', {}, stop.signal);
    const stream = collect(client.stream('quiet', {}, stop.signal));
    await client.call('nothing', {});
    stop.abort();
    await expect(call).rejects.toMatchObject({ fault: { kind: 'cancelled' } });
    await expect(stream).rejects.toMatchObject({ fault: { kind: 'cancelled' } });
    await until(() => seen.cancelled === 2 && seen.ended === 1);
    await expect(client.call('nothing', {}, stop.signal)).rejects.toMatchObject({ fault: { kind: 'cancelled' } });
    expect(await client.call('echo', { value: 1 })).toBe(1);
  });

  it('ends what is under way when the client goes, and when the server goes', async () => {
    const first = await connect();
    const reasons: string[] = [];
    first.client.onClose((reason) => reasons.push(reason));
    const left = [first.client.call('wait', {}), collect(first.client.stream('quiet', {}))];
    await first.client.call('nothing', {});
    first.client.close();
    for (const each of await Promise.allSettled(left)) expect(each).toMatchObject({ status: 'rejected', reason: { fault: { kind: 'io' } } });
    await until(() => first.seen.cancelled === 2);
    expect(reasons).toEqual(['closed']);
    await expect(first.client.call('nothing', {})).rejects.toMatchObject({ fault: { kind: 'io' } });

    const second = await connect();
    const call = second.client.call('wait', {});
    await second.client.call('nothing', {});
    second.far.close();
    await expect(call).rejects.toMatchObject({ fault: { kind: 'io' } });
    await until(() => second.seen.cancelled === 1);
  });

  it('bounds a flood of calls and of streams', async () => {
    const { client, seen } = await connect();
    const stop = new AbortController();
    const outcomes = await Promise.all(Array.from({ length: 300 }, async (_, i) => {
      const call = client.call('wait', {}, stop.signal);
      if (i === 299) setTimeout(() => stop.abort(), 200);
      return call.then(() => 'done', (error: DiskError) => error.fault.kind);
    }));
    expect(outcomes.filter((kind) => kind === 'busy')).toHaveLength(300 - 256);
    await until(() => seen.cancelled === 256);
    expect(await client.call('echo', { value: 'still there' })).toBe('still there');
  });

  it.each<[string, unknown]>([
    ['no object', 5], ['no id', { t: 'call', name: 'nothing', params: {} }], ['an unknown type', { t: 'x', id: 1 }],
    ['credit that is no number', { t: 'open', id: 1, name: 'count', params: { to: 5 }, credit: '5' }], ['an id that is no number', { t: 'cancel', id: {} }],
  ])('hangs up on a client that does not speak the protocol: %s', async (_, message) => {
    const { near, seen } = await connect();
    const closed = new Promise<string>((resolve) => { near.onClose(resolve); });
    near.send(message as never);
    await closed;
    expect(seen).toMatchObject({ calls: 0, made: 0 });
  });

  it('hangs up on an id that is in use', async () => {
    const { near, client } = await connect();
    const call = client.call('wait', {});
    near.send({ t: 'call', id: 1, name: 'wait', params: {} });
    await expect(call).rejects.toMatchObject({ fault: { kind: 'io' } });
  });
});

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise((resolve) => { setTimeout(resolve, 5); });
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++) await turns(1);
  expect(condition()).toBe(true);
}
