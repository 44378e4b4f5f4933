import { describe, expect, it } from 'vitest';
import { type ByteChannel, channelPair } from '../../core/channel.ts';
import { type DiskError, isDiskError } from '../../core/errors.ts';
import { dir, file, MemoryFileSystem } from '../../testing/memory-filesystem.ts';
import { walk } from '../../testing/walk.ts';
import { connect9p, type ConnectOptions, NinepClient } from './client.ts';
import { decode, encode, Frames } from './codec.ts';
import { open9pFileSystem, serve9p } from './index.ts';
import type { Message, MessageName, RequestName } from './messages.ts';

const ABOUT = { format: 'test', label: '', uuid: '', details: [] } as const;
const QID = { type: 0x80, version: 0, path: 1n };

/** A server that a test speaks for: it sees every request, and answers what it likes. */
interface Puppet {
  readonly channel: ByteChannel;
  readonly seen: Message[];
  readonly reply: <M extends MessageName>(tag: number, name: M, fields: Parameters<typeof encode<M>>[2]) => void;
}

/** @param answer undefined for what it leaves to the test; Tversion and Tattach are answered as they should be unless told otherwise */
function puppet(answer: (message: Message, puppet: Puppet) => boolean | void = () => undefined): { readonly ours: ByteChannel; readonly puppet: Puppet } {
  const [ours, channel] = channelPair();
  const frames = new Frames(1 << 20);
  const self: Puppet = { channel, seen: [], reply: (tag, name, fields) => { void channel.send(encode(name, tag, fields)); } };
  channel.onBytes((bytes) => {
    for (const frame of frames.push(bytes)) {
      const message = decode(frame);
      self.seen.push(message);
      if (answer(message, self) === true) continue;
      if (message.name === 'Tversion') self.reply(message.tag, 'Rversion', { msize: 8192, version: '9P2000.L' });
      if (message.name === 'Tattach') self.reply(message.tag, 'Rattach', { qid: QID });
    }
  });
  return { ours, puppet: self };
}

async function failure(promise: Promise<unknown>): Promise<DiskError> {
  try {
    await promise;
  } catch (error) {
    if (isDiskError(error)) return error;
    throw error;
  }
  throw new Error('it should have failed');
}

/** Timers that a test fires. */
function clock(): { readonly timeout: NonNullable<ConnectOptions['timeout']>; fire(): void } {
  const waiting = new Set<() => void>();
  return {
    timeout: { ms: 5000, after: (_, run) => { waiting.add(run); return () => { waiting.delete(run); }; } },
    fire() {
      const due = [...waiting];
      waiting.clear();
      for (const run of due) run();
    },
  };
}

describe('connecting', () => {
  it('agrees on what both can', async () => {
    const { ours } = puppet();
    const client = await connect9p(ours, { msize: 65_536 });
    expect([client.msize, client.payload, client.dialect]).toEqual([8192, 8168, '9P2000.L']);
  });

  it.each([
    ['another dialect', 'unsupported', { msize: 8192, version: 'unknown' }],
    ['a larger msize than was asked for', 'corrupt', { msize: 1 << 21, version: '9P2000.L' }],
    ['an msize of nothing', 'corrupt', { msize: 0, version: '9P2000.L' }],
  ] as const)('ends with %s', async (_, kind, version) => {
    const { ours } = puppet((message, { reply }) => {
      if (message.name !== 'Tversion') return undefined;
      reply(message.tag, 'Rversion', version);
      return true;
    });
    expect((await failure(connect9p(ours))).kind).toBe(kind);
  });

  it('ends when the other side goes', async () => {
    const { ours } = puppet((_, { channel }) => { channel.close(); return true; });
    expect((await failure(connect9p(ours, { peer: 'guest test' }))).fault).toEqual({ kind: 'guest', guest: 'guest test' });
  });

  it('ends after its time', async () => {
    const { timeout, fire } = clock();
    const { ours, puppet: server } = puppet(() => true);
    const connecting = failure(connect9p(ours, { timeout }));
    await expect.poll(() => server.seen.length).toBe(1);
    fire();
    expect((await connecting).fault).toEqual({ kind: 'timeout', ms: 5000 });
  });
});

describe('requests', () => {
  it('are many at once, answered in any order', async () => {
    const { ours, puppet: server } = puppet();
    const client = await connect9p(ours);
    const reads = Array.from({ length: 200 }, (_, i) => client.call('Tread', { fid: 1, offset: BigInt(i), count: 1 }));
    for (let answered = 0; answered < 200;) {
      const asked = server.seen.filter(({ name }) => name === 'Tread').slice(answered).toReversed();
      answered += asked.length;
      for (const { tag, fields } of asked) server.reply(tag, 'Rread', { data: Uint8Array.of(Number((fields as { offset: bigint }).offset)) });
      await new Promise((resolve) => { setTimeout(resolve, 0); });
    }
    expect((await Promise.all(reads)).map(({ data }) => data[0])).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(client.inFlight).toBe(0);
  });

  it('that are cancelled are flushed, and what they made all the same is undone', async () => {
    const { ours, puppet: server } = puppet();
    const client = await connect9p(ours);
    const abort = new AbortController();
    const late: boolean[] = [];
    const given = failure(client.call('Twalk', { fid: 0, newfid: 5, wnames: [] }, { signal: abort.signal, late: (answered) => { late.push(answered); } }));
    await expect.poll(() => server.seen.at(-1)!.name).toBe('Twalk');
    const { tag } = server.seen.at(-1)!;
    abort.abort();
    expect((await given).kind).toBe('cancelled');
    await expect.poll(() => server.seen.at(-1)!.name).toBe('Tflush');
    expect(server.seen.at(-1)!.fields).toEqual({ oldtag: tag });
    // Its tag is nobody else's until the server has said so.
    const other = client.call('Tclunk', { fid: 9 });
    await expect.poll(() => server.seen.at(-1)!.name).toBe('Tclunk');
    expect(server.seen.at(-1)!.tag).not.toBe(tag);
    server.reply(tag, 'Rwalk', { wqids: [] });
    server.reply(server.seen.at(-2)!.tag, 'Rflush', {});
    server.reply(server.seen.at(-1)!.tag, 'Rclunk', {});
    await other;
    expect([late, client.inFlight]).toEqual([[true], 0]);
  });

  it('that are cancelled and never answered are over with the flush', async () => {
    const { ours, puppet: server } = puppet((message, { reply }) => { if (message.name === 'Tflush') reply(message.tag, 'Rflush', {}); });
    const client = await connect9p(ours);
    const abort = new AbortController();
    const late: boolean[] = [];
    const given = failure(client.call('Tread', { fid: 1, offset: 0n, count: 1 }, { signal: abort.signal, late: (answered) => { late.push(answered); } }));
    await expect.poll(() => server.seen.at(-1)!.name).toBe('Tread');
    abort.abort();
    await given;
    await expect.poll(() => client.inFlight).toBe(0);
    expect(late).toEqual([false]);
  });

  it('that take too long fail, and a server that answers no flush is gone', async () => {
    const { timeout, fire } = clock();
    const { ours, puppet: server } = puppet();
    const client = await connect9p(ours, { timeout });
    const [first, second] = [failure(client.call('Tclunk', { fid: 1 })), client.call('Tclunk', { fid: 2 })];
    const secondFailure = failure(second);
    await expect.poll(() => server.seen.length).toBe(4);
    fire();
    expect((await first).kind).toBe('timeout');
    expect((await secondFailure).kind).toBe('timeout');
    expect(client.failure).toBeUndefined();
    await expect.poll(() => server.seen.filter(({ name }) => name === 'Tflush').length).toBe(2);
    fire();
    expect(client.failure?.kind).toBe('timeout');
  });

  it.each([
    ['a tag that no request has', (tag: number) => encode('Rclunk', tag ^ 1, {})],
    ['the reply to another request', (tag: number) => encode('Rwrite', tag, { count: 1 })],
    ['a request', (tag: number) => encode('Tclunk', tag, { fid: 1 })],
    ['the error of another dialect', (tag: number) => encode('Rerror', tag, { ename: 'no', errno: 1 })],
    ['a frame that is too long', () => Uint8Array.of(0xff, 0xff, 0xff, 0x7f)],
    ['a frame that is too short', () => Uint8Array.of(3, 0, 0, 0)],
    ['a type that is none', (tag: number) => { const frame = encode('Rclunk', tag, {}); frame[4] = 200; return frame; }],
    ['a message that ends early', (tag: number) => { const frame = encode('Rread', tag, { data: new Uint8Array(8) }); frame[7] = 9; return frame; }],
  ])('that are answered with %s end the connection, and all that is on its way', async (how, broken) => {
    const { ours, puppet: server } = puppet();
    const client = await connect9p(ours);
    const [one, two] = [failure(client.call('Tclunk', { fid: 1 })), failure(client.call('Tread', { fid: 2, offset: 0n, count: 8 }))];
    await expect.poll(() => server.seen.length).toBe(4);
    const request = how.includes('ends early') ? 'Tread' : 'Tclunk';
    void server.channel.send(broken(server.seen.find(({ name }) => name === request)!.tag));
    const errors = await Promise.all([one, two]);
    expect(errors.map(({ kind }) => kind)).toEqual(['corrupt', 'corrupt']);
    expect((await failure(client.call('Tclunk', { fid: 1 }))).kind).toBe('corrupt');
  });

  it('fail with what the server says', async () => {
    const { ours } = puppet((message, { reply }) => {
      if (message.name === 'Tclunk') reply(message.tag, 'Rlerror', { ecode: (message.fields as { fid: number }).fid });
    });
    const client = await connect9p(ours);
    for (const [ecode, expected] of [[2, { kind: 'usage', errno: 'ENOENT' }], [28, { kind: 'usage', errno: 'ENOSPC' }], [95, { kind: 'usage', errno: 'ENOTSUP' }], [38, { kind: 'usage', errno: 'ENOTSUP' }], [5, { kind: 'io' }], [16, { kind: 'busy' }], [9999, { kind: 'io' }]] as const) {
      expect((await failure(client.call('Tclunk', { fid: ecode }))).fault).toMatchObject(expected);
    }
  });
});

describe('writing behind', () => {
  it('tells what went wrong once, at the next request for the file', async () => {
    const attributes = { valid: 0x7ffn, mode: 0o100644, uid: 0, gid: 0, nlink: 1n, rdev: 0n, size: 0n, blksize: 512n, blocks: 0n, atime_sec: 0n, atime_nsec: 0n, mtime_sec: 0n, mtime_nsec: 0n, ctime_sec: 0n, ctime_nsec: 0n, btime_sec: 0n, btime_nsec: 0n, gen: 0n, data_version: 0n };
    const names = new Map<number, string>([[0, '/']]);
    const { ours, puppet: server } = puppet((message, { reply }) => {
      const { name, tag, fields } = message;
      const { fid = -1, newfid = -1, wnames = [] } = fields as { fid?: number; newfid?: number; wnames?: string[] };
      const of = (which: number): { type: number; version: number; path: bigint } => (names.get(which) === 'file' ? { type: 0, version: 0, path: 2n } : QID);
      if (name === 'Tgetattr') reply(tag, 'Rgetattr', { ...attributes, qid: of(fid), mode: names.get(fid) === 'file' ? 0o100644 : 0o040755 });
      if (name === 'Twalk') { names.set(newfid, wnames.at(-1) ?? names.get(fid)!); reply(tag, 'Rwalk', { wqids: wnames.map(() => of(newfid)) }); }
      if (name === 'Tstatfs') reply(tag, 'Rstatfs', { type: 0, bsize: 4096, blocks: 1n, bfree: 0n, bavail: 0n, files: 0n, ffree: 0n, fsid: 0n, namelen: 255 });
      if (name === 'Tlopen') reply(tag, 'Rlopen', { qid: of(fid), iounit: 0 });
      if (name === 'Twrite') reply(tag, 'Rlerror', { ecode: 28 });
      if (name === 'Tfsync') reply(tag, 'Rfsync', {});
      if (name === 'Tclunk') reply(tag, 'Rclunk', {});
    });
    const fs = await open9pFileSystem(await connect9p(ours), { ...ABOUT, write: true });
    const node = (await fs.lookup(fs.root, 'file'))!;
    expect(await fs.writer!.write(node, 0, new Uint8Array(100))).toBe(100);
    await expect.poll(() => server.seen.some(({ name }) => name === 'Twrite')).toBe(true);
    expect((await failure(Promise.resolve(fs.writer!.sync()))).fault).toEqual({ kind: 'usage', errno: 'ENOSPC' });
    await fs.writer!.sync();
    await fs.writer!.write(node, 0, new Uint8Array(100));
    expect((await failure((async () => { await fs.writer!.truncate(node, 5); })())).fault).toEqual({ kind: 'usage', errno: 'ENOSPC' });
    await fs.close();
  });
});

function tree(): MemoryFileSystem {
  return new MemoryFileSystem(dir({ a: file('x'.repeat(50_000)), b: dir({ c: file('y') }) }));
}

/** Seeded numbers in [0, 1). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A channel whose bytes are damaged on their way to us. */
function damaged(channel: ByteChannel, random: () => number, every: number): ByteChannel {
  return {
    ...channel,
    onBytes(run) {
      channel.onBytes((bytes) => {
        const copy = bytes.slice();
        if (random() < 1 / every) copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256);
        return run(copy);
      });
    },
  };
}

describe('a hostile peer', () => {
  it.each(['9P2000.L', '9P2000.u'] as const)('that serves damaged answers ends in a DiskError or in data, never in silence: %s', async (dialect) => {
    let [whole, failed] = [0, 0];
    for (let seed = 0; seed < 80; seed++) {
      const [ours, theirs] = channelPair();
      serve9p(theirs, tree());
      const client = new NinepClient(damaged(ours, seeded(seed), 20), { dialect, msize: 4096, timeout: { ms: 100, after: (ms, run) => { const timer = setTimeout(run, ms); return () => { clearTimeout(timer); }; } } });
      try {
        await client.start();
        const fs = await open9pFileSystem(client, ABOUT);
        await walk(fs);
        const node = await fs.lookup(fs.root, 'a');
        if (node !== undefined) await fs.read(node, 0, new Uint8Array(50_000));
        await fs.close();
        whole++;
      } catch (error) {
        if (!isDiskError(error) || 'cause' in error) throw error;
        failed++;
      }
      // A length that waits for more than comes is what the timeout is for.
      client.close();
    }
    // How many of them fail depends on where the damage falls, and on how long this machine takes.
    expect(whole + failed).toBe(80);
    expect(failed).toBeGreaterThan(0);
  }, 60_000);

  it('that sends damaged requests is answered with errors or cut off, and the next one is served', async () => {
    const random = seeded(5);
    const fs = tree();
    const names: RequestName[] = ['Tversion', 'Tattach', 'Twalk', 'Tlopen', 'Tread', 'Treaddir', 'Tgetattr', 'Tclunk', 'Txattrwalk', 'Tmkdir', 'Trename', 'Tlock', 'Topen', 'Tstat'];
    const any = { fid: 1, newfid: 2, dfid: 1, msize: 8192, version: '9P2000.L', afid: 0xffffffff, uname: '', aname: '', n_uname: 0, wnames: ['b', 'c'], flags: 0, mode: 0, offset: 0n, count: 100, request_mask: 1n, name: 'x', gid: 0, type: 0, start: 0n, length: 1n, proc_id: 1, client_id: 'c' };
    for (let round = 0; round < 60; round++) {
      const [ours, theirs] = channelPair();
      let answers = 0;
      let ended = false;
      serve9p(theirs, fs, { msize: 8192, fids: 16 });
      ours.onBytes(() => { answers++; });
      ours.onEnd(() => { ended = true; });
      void ours.send(encode('Tversion', 0xffff, { msize: 8192, version: round % 2 === 0 ? '9P2000.L' : '9P2000.u' }));
      void ours.send(encode('Tattach', 0, { ...any }));
      for (let i = 0; i < 80; i++) {
        const frame = encode(names[Math.floor(random() * names.length)]!, i, any as never);
        const at = 4 + Math.floor(random() * (frame.length - 4));
        if (random() < 0.7) frame[at] = Math.floor(random() * 256);
        const pause = ours.send(frame);
        if (pause) await pause;
      }
      // Sent last, wholly right: answered, unless what came before made another session of it.
      void ours.send(Uint8Array.of(1, 0, 0, 0));
      await expect.poll(() => ended).toBe(true);
      expect(answers).toBeGreaterThan(1);
    }
    const [ours, theirs] = channelPair();
    serve9p(theirs, fs);
    expect((await walk(await open9pFileSystem(await connect9p(ours), ABOUT))).length).toBe(4);
  }, 60_000);

  it('has a bound of fids', async () => {
    const [ours, theirs] = channelPair();
    serve9p(theirs, tree(), { fids: 10 });
    const client = await connect9p(ours);
    const walks = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => client.call('Twalk', { fid: 0, newfid: 100 + i, wnames: [] })));
    expect(walks.filter(({ status }) => status === 'fulfilled').length).toBe(9);
    client.close();
  });
});
