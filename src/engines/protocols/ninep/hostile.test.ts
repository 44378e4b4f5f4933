import { describe, expect, it } from 'vitest';
import { type ByteChannel, channelPair } from '../../core/channel.ts';
import { isDiskError } from '../../core/errors.ts';
import type { Cursor, FileSystem } from '../../core/filesystem.ts';
import { dir, file, MemoryFileSystem } from '../../testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../testing/memory-writer.ts';
import { connect9p } from './client.ts';
import { decode, encode, encodeDirent, Frames } from './codec.ts';
import { open9pFileSystem, serve9p } from './index.ts';
import { type Fields, GETATTR, type Message, type MessageName, type RequestName } from './messages.ts';

const ABOUT = { format: 'test', label: '', uuid: '', details: [] } as const;
const ROOT = { type: 0x80, version: 0, path: 1n };
const FILE = { type: 0, version: 0, path: 2n };
const SIZE = 1 << 20;

type Answers = { readonly [T in RequestName]?: (fields: Fields<T>, message: Message) => readonly [MessageName, unknown] | undefined };

function nothing(): void {}

/** A server whose tree is a directory with "file" in it, and which answers as a test says: undefined is no answer at all. */
function hostile(answers: Answers, asked: Message[] = [], piece = Infinity): ByteChannel {
  const [ours, channel] = channelPair();
  const frames = new Frames(1 << 20);
  const files = new Set<number>();
  const usual: Answers = {
    Tversion: ({ msize }) => ['Rversion', { msize: Math.min(msize, 65_536), version: '9P2000.L' }],
    Tattach: () => ['Rattach', { qid: ROOT }],
    Twalk({ newfid, fid, wnames }) {
      if (wnames.length > 0 || files.has(fid)) files.add(newfid);
      return ['Rwalk', { wqids: wnames.map(() => FILE) }];
    },
    Tclunk({ fid }) {
      files.delete(fid);
      return ['Rclunk', {}];
    },
    Tgetattr: ({ fid }) => ['Rgetattr', {
      valid: GETATTR.basic, qid: files.has(fid) ? FILE : ROOT, mode: files.has(fid) ? 0o100644 : 0o040755, uid: 0, gid: 0, nlink: 1n, rdev: 0n, size: BigInt(SIZE), blksize: 512n, blocks: 0n,
      atime_sec: 0n, atime_nsec: 0n, mtime_sec: 0n, mtime_nsec: 0n, ctime_sec: 0n, ctime_nsec: 0n, btime_sec: 0n, btime_nsec: 0n, gen: 0n, data_version: 0n,
    }],
    Tstatfs: () => ['Rstatfs', STATFS],
    Tlopen: ({ fid }) => ['Rlopen', { qid: files.has(fid) ? FILE : ROOT, iounit: 0 }],
    Tread: ({ count }) => ['Rread', { data: new Uint8Array(count) }],
    Tflush: () => ['Rflush', {}],
  };
  channel.onBytes(async (bytes) => {
    for (const frame of frames.push(bytes)) {
      const message = decode(frame);
      asked.push(message);
      const answer = (answers[message.name as RequestName] ?? usual[message.name as RequestName]) as ((fields: unknown, message: Message) => readonly [MessageName, never] | undefined) | undefined;
      const reply = answer?.(message.fields, message);
      if (reply === undefined) continue;
      const whole = encode(reply[0], message.tag, reply[1]);
      for (let at = 0; at < whole.length; at += piece) await channel.send(whole.subarray(at, Math.min(whole.length, at + piece)));
    }
  });
  return ours;
}

const STATFS = { type: 0, bsize: 4096, blocks: 100n, bfree: 10n, bavail: 10n, files: 0n, ffree: 0n, fsid: 0n, namelen: 255 };

async function opened(answers: Answers, asked?: Message[], piece?: number): Promise<FileSystem> {
  return open9pFileSystem(await connect9p(hostile(answers, asked, piece)), ABOUT);
}

async function kindOf(work: Promise<unknown> | unknown): Promise<string> {
  try {
    await work;
    return 'nothing';
  } catch (error) {
    if (isDiskError(error)) return error.kind;
    throw error;
  }
}

/** All of a directory. @returns the number of batches */
async function listAll(fs: FileSystem): Promise<number> {
  let cursor: Cursor | undefined;
  for (let batches = 1; ; batches++) {
    ({ next: cursor } = await fs.list(fs.root, cursor));
    if (cursor === undefined) return batches;
  }
}

describe('a server that was taken over', () => {
  it('can\'t make one read many requests by a tiny iounit', async () => {
    const asked: Message[] = [];
    const fs = await opened({ Tlopen: () => ['Rlopen', { qid: FILE, iounit: 1 }] }, asked);
    expect(await fs.read((await fs.lookup(fs.root, 'file'))!, 0, new Uint8Array(SIZE))).toBe(SIZE);
    expect(asked.filter(({ name }) => name === 'Tread').length).toBeLessThanOrEqual(SIZE / 4096);
    await fs.close();
  });

  it.each([[0, 100n, 10n], [1, 100n, 10n], [0xffffffff, (1n << 64n) - 1n, (1n << 64n) - 1n], [4096, 10n, 100n]])('can\'t tell a room that nobody can reckon with: blocks of %i bytes', async (bsize, blocks, bfree) => {
    const fs = await opened({ Tstatfs: () => ['Rstatfs', { ...STATFS, bsize, blocks, bfree }] });
    const { size, free, blockSize } = fs.info;
    expect(blockSize).toBeGreaterThanOrEqual(512);
    expect(blockSize).toBeLessThanOrEqual(1 << 20);
    expect(Number.isSafeInteger(size)).toBe(true);
    expect(free).toBeLessThanOrEqual(size);
    // As it is handed on.
    const [there, here] = channelPair();
    serve9p(here, fs);
    const client = await connect9p(there);
    expect((await client.call('Tstatfs', { fid: 0 })).bsize).toBe(blockSize);
    client.close();
    await fs.close();
  });

  it.each([[1], [2], [3], [7], [100]])('can\'t keep one in a listing that goes round after %i pieces', async (round) => {
    const asked: Message[] = [];
    const fs = await opened({ Treaddir: ({ offset }) => ['Rreaddir', { data: encodeDirent({ qid: FILE, offset: offset < 5n ? offset + 1n : 5n + (offset - 4n) % BigInt(round), type: 8, name: `n${offset}` }) }] }, asked);
    expect(await kindOf(listAll(fs))).toBe('corrupt');
    expect(asked.filter(({ name }) => name === 'Treaddir').length).toBeLessThan(10 * (round + 5));
    await fs.close();
  });

  it.each(['', 'a/b', '/', '../x', 'a\0b'])('can\'t tell an entry\'s name that leads elsewhere: %j', async (name) => {
    const fs = await opened({ Treaddir: () => ['Rreaddir', { data: encodeDirent({ qid: FILE, offset: 1n, type: 8, name }) }] });
    expect(await kindOf(fs.list(fs.root))).toBe('corrupt');
  });

  it('can\'t show ".." as an entry', async () => {
    const fs = await opened({ Treaddir: ({ offset }) => ['Rreaddir', { data: offset > 0n ? new Uint8Array(0) : new Uint8Array(['..', '.', 'x'].flatMap((name, i) => [...encodeDirent({ qid: FILE, offset: BigInt(i + 1), type: 4, name })])) }] });
    expect((await fs.list(fs.root)).entries.map(({ name }) => name)).toEqual(['x']);
  });

  it.each([
    ['another file', { qid: { ...FILE, path: 9n } }], ['a directory', { qid: { ...FILE, type: 0x80 }, mode: 0o040755 }], ['a directory by its mode alone', { mode: 0o040755 }],
    ['of no type', { mode: 0 }], ['of a size beyond 2^53', { size: 1n << 63n }], ['of a time without a place in its second', { mtime_nsec: 1n << 63n }],
  ])('can\'t make of a file what it was not: %s', async (_how, more) => {
    const usual = { valid: GETATTR.basic, qid: FILE, mode: 0o100644, uid: 0, gid: 0, nlink: 1n, rdev: 0n, size: 1n, blksize: 512n, blocks: 0n, atime_sec: 0n, atime_nsec: 0n, mtime_sec: 0n, mtime_nsec: 0n, ctime_sec: 0n, ctime_nsec: 0n, btime_sec: 0n, btime_nsec: 0n, gen: 0n, data_version: 0n };
    let first = true;
    const fs = await opened({
      Tgetattr() {
        // The root's, when it is opened.
        const root = first;
        first = false;
        return ['Rgetattr', root ? { ...usual, qid: ROOT, mode: 0o040755 } : { ...usual, ...more }];
      },
    });
    const node = (await fs.lookup(fs.root, 'file'))!;
    expect(await kindOf(fs.stat(node))).toMatch(/usage|corrupt/);
    expect(await kindOf(fs.read(node, 0, new Uint8Array(10)))).toMatch(/usage|corrupt/);
  });

  it('can\'t give more than was asked for', async () => {
    const fs = await opened({ Tread: ({ count }) => ['Rread', { data: new Uint8Array(count + 1) }] });
    expect(await kindOf(fs.read((await fs.lookup(fs.root, 'file'))!, 0, new Uint8Array(10)))).toBe('corrupt');
  });

  it.each([1, 2, 3, 5, 6, 7, 8, 11, 13])('is understood however its answers are cut: every %i bytes', async (piece) => {
    const fs = await opened({ Treaddir: ({ offset }) => ['Rreaddir', { data: offset > 0n ? new Uint8Array(0) : encodeDirent({ qid: FILE, offset: 1n, type: 8, name: 'file' }) }], Tread: ({ count }) => ['Rread', { data: new Uint8Array(Math.min(count, 99)).fill(7) }] }, [], piece);
    expect((await fs.list(fs.root)).entries.map(({ name }) => name)).toEqual(['file']);
    const into = new Uint8Array(300);
    expect(await fs.read((await fs.lookup(fs.root, 'file'))!, 0, into)).toBe(300);
    expect(into).toEqual(new Uint8Array(300).fill(7));
  });

  it('is gone when it answers what was given up and flushed', async () => {
    let late: number | undefined;
    const [ours, theirs] = channelPair();
    const frames = new Frames(1 << 20);
    theirs.onBytes((bytes) => {
      for (const frame of frames.push(bytes)) {
        const { name, tag } = decode(frame);
        if (name === 'Tversion') void theirs.send(encode('Rversion', tag, { msize: 8192, version: '9P2000.L' }));
        if (name === 'Tattach') void theirs.send(encode('Rattach', tag, { qid: ROOT }));
        if (name === 'Tread') late = tag;
        if (name === 'Tflush') void theirs.send(encode('Rflush', tag, {}));
      }
    });
    const client = await connect9p(ours);
    const abort = new AbortController();
    const read = kindOf(client.call('Tread', { fid: 1, offset: 0n, count: 1 }, { signal: abort.signal }));
    await expect.poll(() => late).toBeDefined();
    abort.abort();
    expect(await read).toBe('cancelled');
    await expect.poll(() => client.inFlight).toBe(0);
    expect(client.failure).toBeUndefined();
    void theirs.send(encode('Rread', late!, { data: new Uint8Array(1) }));
    await expect.poll(() => client.failure?.kind).toBe('corrupt');
  });
});

describe('a client that means harm', () => {
  it.each([
    ['of no type', () => { const frame = encode('Tclunk', 1, { fid: 1 }); frame[4] = 255; return frame; }],
    ['with one tag', () => encode('Tread', 1, { fid: 0, offset: 0n, count: 1 })],
    ['with a tag each', (i: number) => encode('Tclunk', i, { fid: 9 })],
  ])('and reads no answers is read no further: requests %s', async (_how, frame) => {
    let sent = 0;
    let receive: (bytes: Uint8Array) => void | Promise<void> = nothing;
    let end: () => void = nothing;
    const stuck = new Promise<void>((resolve) => { end = resolve; });
    let told: () => void = nothing;
    let ended = false;
    serve9p({ send() { sent++; return stuck; }, onBytes(run) { receive = run; }, onEnd(run) { told = run; }, close() {} }, new MemoryFileSystem(dir({ a: file('x') })), { ended: () => { ended = true; } });
    void receive(encode('Tversion', 0xffff, { msize: 8192, version: '9P2000.L' }));
    const flood = new Uint8Array(Array.from({ length: 2000 }, (_, i) => [...frame(i)]).flat());
    let taken = false;
    void (async () => {
      await receive(flood);
      taken = true;
    })();
    for (let turn = 0; turn < 50; turn++) await new Promise((turned) => { setTimeout(turned, 0); });
    expect(taken).toBe(false);
    expect(sent).toBeLessThan(100);
    end();
    told();
    await expect.poll(() => ended).toBe(true);
  });

  it('gets no memory for attributes that it does not write', async () => {
    const [ours, theirs] = channelPair();
    serve9p(theirs, new WritableMemoryFileSystem(dir({ a: file('x') })), { fids: 1 << 20 });
    const client = await connect9p(ours);
    let given = 0;
    let refused = '';
    for (let i = 0; i < 2000 && refused === ''; i++) {
      const fid = client.takeFid();
      await client.call('Twalk', { fid: 0, newfid: fid, wnames: ['a'] });
      refused = await client.call('Txattrcreate', { fid, name: `user.${i}`, attr_size: 65_536n, flags: 0 }).then(() => '', (error: Error) => error.message);
      if (refused === '') given++;
    }
    expect(refused).not.toBe('');
    expect(given).toBeLessThan(1000);
    // Who lets go of one gets another.
    await client.call('Tclunk', { fid: 1 }).catch(() => undefined);
    const fid = client.takeFid();
    await client.call('Twalk', { fid: 0, newfid: fid, wnames: ['a'] });
    await client.call('Txattrcreate', { fid, name: 'user.last', attr_size: 65_536n, flags: 0 });
    client.close();
  });
});
