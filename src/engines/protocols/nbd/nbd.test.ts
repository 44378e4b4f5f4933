import { describe, expect, it } from 'vitest';
import { type BlockDevice, checkRange, type Extent } from '../../core/bytes/device.ts';
import { FaultyDevice } from '../../core/bytes/faulty.ts';
import { MemoryDevice } from '../../core/bytes/memory.ts';
import { OverlayDevice } from '../../core/bytes/overlay.ts';
import { channelPair } from '../../core/channel.ts';
import { DiskError, usage } from '../../core/errors.ts';
import { jobContext } from '../../core/job.ts';
import { layoutGaps, layoutProblems } from '../../testing/layouts.ts';
import { type NbdExport, type NbdOptions, newStatistics, serveNbd } from './index.ts';
import { ExportReply, Greeting, OptionHeader, OptionReply, Request, SimpleReply, StructuredReply } from './layout.ts';
import { join, TestClient, text, u16, u32, u64 } from './testing/client.ts';

const MIB = 1024 * 1024;

function job(signal = { aborted: false }): NbdOptions['job'] {
  return jobContext({ now: () => performance.now(), nextTurn: () => new Promise((resolve) => { setTimeout(resolve, 0); }), signal });
}

function serve(device: BlockDevice, { readOnly = false, ...rest }: Partial<NbdExport> = {}, options: Partial<NbdOptions> = {}) {
  const [here, there] = channelPair();
  const statistics = newStatistics();
  const connection = serveNbd(there, [{ name: '', device, readOnly, ...rest }], { job: job(), statistics, ...options });
  return { client: new TestClient(here), connection, statistics };
}

/** Bytes that tell where they lie. */
function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0, state = seed; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

/** A device that knows its holes, and has none of its bytes in memory as far as its readers can see. */
class HoleyDevice implements BlockDevice {
  readonly size: number;
  readonly blockSize = 512;
  readonly #bytes: Uint8Array;
  readonly #holes: readonly Extent[];
  writes = 0;
  flushes = 0;

  constructor(bytes: Uint8Array, holes: readonly Extent[]) {
    this.size = bytes.length;
    this.#bytes = bytes;
    this.#holes = holes;
    for (const { at, length } of holes) bytes.fill(0, at, at + length);
  }

  read(at: number, into: Uint8Array): void {
    checkRange(this, at, into.length);
    into.set(this.#bytes.subarray(at, at + into.length));
  }

  write(at: number, from: Uint8Array): void {
    checkRange(this, at, from.length);
    this.writes++;
    this.#bytes.set(from, at);
  }

  flush(): void {
    this.flushes++;
  }

  *holes(at: number, length: number): Iterable<Extent> {
    for (const hole of this.#holes) {
      const from = Math.max(at, hole.at);
      const to = Math.min(at + length, hole.at + hole.length);
      if (from < to) yield { at: from, length: to - from };
    }
  }

  close(): void {}
}

describe('the messages', () => {
  it('are without overlaps and gaps', () => {
    for (const message of [Greeting, OptionHeader, OptionReply, ExportReply, Request, SimpleReply, StructuredReply]) {
      expect(layoutProblems(message)).toEqual([]);
      expect(layoutGaps(message)).toEqual([]);
    }
  });
});

describe('the handshake', () => {
  it('opens an export by GO and by its name, and tells size, flags and block sizes', async () => {
    const { client } = serve(new MemoryDevice(new Uint8Array(MIB)), { name: 'disk', description: 'a disk' });
    expect(await client.greet()).toBe(3);
    const info = await client.option(6, text('disk'), u16(3), u16(1), u16(2), u16(3));
    expect(info.map(({ type }) => type)).toEqual([3, 3, 3, 3, 1]);
    // HAS_FLAGS, SEND_FLUSH, SEND_FUA, SEND_TRIM, SEND_WRITE_ZEROES, CAN_MULTI_CONN, SEND_CACHE; DF only with structured replies.
    expect(info[0]!.data).toEqual(join(u16(0), u64(BigInt(MIB)), u16(0x56d)));
    expect(new TextDecoder().decode(info[1]!.data.subarray(2))).toBe('disk');
    expect(new TextDecoder().decode(info[2]!.data.subarray(2))).toBe('a disk');
    expect(info[3]!.data).toEqual(join(u16(3), u32(1), u32(4096), u32(32 * MIB)));
    client.sendOption(1, new TextEncoder().encode('disk'));
    expect(await client.take(10)).toEqual(join(u64(BigInt(MIB)), u16(0x56d)));
    expect((await client.simple(client.request(0, 0, 512), 512)).data).toEqual(new Uint8Array(512));
  });

  it('sends 124 zeros to a client that does not do without them', async () => {
    const { client } = serve(new MemoryDevice(new Uint8Array(512)), { readOnly: true });
    await client.greet(1);
    client.sendOption(1);
    expect(await client.take(134)).toEqual(join(u64(512n), u16(0x503), new Uint8Array(124)));
  });

  it('lists exports, and answers what it does not know', async () => {
    const [here, there] = channelPair();
    const device = new MemoryDevice(new Uint8Array(512));
    const { ended } = serveNbd(there, [{ name: 'a', device, readOnly: true, description: 'first' }, { name: 'ü', device, readOnly: true }], { job: job() });
    const client = new TestClient(here);
    await client.greet();
    const listed = await client.option(3);
    expect(listed.map(({ type }) => type)).toEqual([2, 2, 1]);
    expect(listed[0]!.data).toEqual(join(text('a'), new TextEncoder().encode('first')));
    expect(listed[1]!.data).toEqual(text('ü'));
    expect((await client.option(3, u16(0)))[0]!.type).toBe(0x8000_0003);
    for (const unknown of [4, 5, 11, 99, 0xffff_ffff]) expect((await client.option(unknown))[0]!.type).toBe(0x8000_0001);
    expect((await client.option(7, text('b'), u16(0)))[0]!.type).toBe(0x8000_0006);
    expect((await client.option(7, text('a'), u16(2)))[0]!.type).toBe(0x8000_0003);
    expect((await client.option(6, u32(0xffff_ffff)))[0]!.type).toBe(0x8000_0003);
    expect((await client.option(10, text('a'), u32(0)))[0]!.type).toBe(0x8000_0003);
    await client.option(8);
    const contexts = async (option: number, ...queries: string[]) => (await client.option(option, text('a'), u32(queries.length), ...queries.map(text))).map(({ type, data }) => (type === 4 ? new TextDecoder().decode(data.subarray(4)) : type));
    expect(await contexts(9)).toEqual(['base:allocation', 1]);
    expect(await contexts(9, 'base:')).toEqual(['base:allocation', 1]);
    expect(await contexts(9, 'qemu:dirty', 'base:other')).toEqual([1]);
    expect(await contexts(10)).toEqual([1]);
    expect(await contexts(10, 'base:')).toEqual([1]);
    expect(await contexts(10, 'x-y:z', 'base:allocation')).toEqual(['base:allocation', 1]);
    expect((await client.option(10, text('a'), u32(0x4000_0000)))[0]!.type).toBe(0x8000_0003);
    expect((await client.option(2))[0]!.type).toBe(1);
    expect(await ended).toBeUndefined();
  });

  it('counts and tells the clients that opened an export, and no others', async () => {
    const opened: string[] = [];
    const { client, connection, statistics } = serve(new MemoryDevice(new Uint8Array(512)), { name: 'x' }, { onOpen: (name) => opened.push(name) });
    await client.greet();
    await client.option(3);
    expect(statistics.connections).toBe(0);
    await client.option(7, text('x'), u16(0));
    client.request(2, 0, 0);
    expect(await connection.ended).toBeUndefined();
    expect([opened, statistics.connections]).toEqual([['x'], 1]);
  });

  it.each([
    ['unknown flags', [u32(4)]],
    ['an option before fixed newstyle', [u32(0), new TextEncoder().encode('IHAVEOPT'), u32(3), u32(0)]],
    ['an option without its magic', [u32(3), new Uint8Array(16)]],
    ['an option too large', [u32(3), new TextEncoder().encode('IHAVEOPT'), u32(3), u32(0xffff_ffff)]],
    ['an export that is not there', [u32(3), new TextEncoder().encode('IHAVEOPT'), u32(1), text('none')]],
  ])('ends at %s', async (_what, parts) => {
    const { client, connection } = serve(new MemoryDevice(new Uint8Array(512)));
    client.send(...parts);
    await client.ended();
    expect((await connection.ended)?.message).toContain('does not keep to the protocol');
  });

  it('ends when there is no end of options', async () => {
    const { client, connection } = serve(new MemoryDevice(new Uint8Array(512)));
    await client.greet();
    for (let i = 0; i < 1000; i++) await client.option(3);
    await client.ended();
    expect((await connection.ended)?.message).toContain('options');
  });

  it('refuses exports that clients could not tell apart or name', () => {
    const device = new MemoryDevice(new Uint8Array(512));
    const [, there] = channelPair();
    const one = { name: 'a', device, readOnly: true };
    expect(() => serveNbd(there, [one, one], { job: job() })).toThrow(DiskError);
    expect(() => serveNbd(there, [{ ...one, name: 'ä'.repeat(3000) }], { job: job() })).toThrow(DiskError);
  });
});

describe('requests', () => {
  it('read and write any range, simple and structured, in pieces and whole', async () => {
    const expected = pattern(3 * MIB);
    const { client, statistics } = serve(new HoleyDevice(expected.slice(), []));
    const { client: simple } = serve(new MemoryDevice(expected.slice()));
    expect(await client.open()).toEqual({ size: BigInt(3 * MIB), flags: 0x5ed });
    await simple.open('', { structured: false });
    for (const [at, length] of [[0, 1], [511, 1026], [4096, 4096], [0, 3 * MIB], [MIB - 3, MIB + 7], [3 * MIB - 1, 1]] as const) {
      expect(Buffer.compare(await client.read(at, length), expected.subarray(at, at + length))).toBe(0);
      expect(Buffer.compare(await client.read(at, length, 4), expected.subarray(at, at + length))).toBe(0);
      expect(Buffer.compare((await simple.simple(simple.request(0, at, length), length)).data, expected.subarray(at, at + length))).toBe(0);
      const bytes = pattern(length, at + 7);
      expect(await client.write(at, bytes, at % 2)).toBe(0);
      expect((await simple.simple(simple.request(1, at, length, { data: bytes }))).error).toBe(0);
      expected.set(bytes, at);
    }
    expect(Buffer.compare(await client.read(0, 3 * MIB), expected)).toBe(0);
    expect(Buffer.compare((await simple.simple(simple.request(0, 0, 3 * MIB), 3 * MIB)).data, expected)).toBe(0);
    expect(statistics).toMatchObject({ connections: 1, errors: 0, requests: 19 });
    expect(statistics.bytesWritten).toBe(1 + 1026 + 4096 + 3 * MIB + MIB + 7 + 1);
  });

  it('do not break up an answer that must be whole', async () => {
    const { client } = serve(new HoleyDevice(pattern(2 * MIB), [{ at: 65536, length: MIB }]));
    await client.open();
    expect((await client.chunks(client.request(0, 0, 2 * MIB, { flags: 4 }))).map(({ type }) => type)).toEqual([1]);
  });

  it('are answered in order when many are under way, and together', async () => {
    const bytes = pattern(MIB);
    const { client } = serve(new MemoryDevice(bytes));
    await client.open();
    const cookies = Array.from({ length: 200 }, (_, i) => client.request(0, i * 4096, 4096));
    for (const [i, cookie] of cookies.entries()) {
      const [chunk] = await client.chunks(cookie);
      expect(Buffer.compare(chunk!.payload.subarray(8), bytes.subarray(i * 4096, (i + 1) * 4096))).toBe(0);
    }
  });

  it('tell holes as such, in what is read and when asked', async () => {
    const holes = [{ at: 8192, length: 65536 }, { at: 300_000, length: 100 }, { at: MIB - 4096, length: 4096 }];
    const bytes = pattern(MIB + 100);
    const { client } = serve(new HoleyDevice(bytes, holes));
    await client.open();
    const chunks = await client.chunks(client.request(0, 0, MIB + 512));
    expect(chunks.map(({ type }) => type)).toEqual([1, 2, 1, 1, 1, 1, 2, 1]);
    expect(Buffer.compare(await client.read(0, MIB + 512), join(bytes, new Uint8Array(412)))).toBe(0);
    expect((await client.chunks(client.request(0, 8192, 65536))).map(({ type, payload }) => [type, payload.length])).toEqual([[2, 12]]);
    expect((await client.chunks(client.request(0, 8192, 512))).map(({ type, payload }) => [type, payload.length])).toEqual([[1, 520]]);
    expect(await client.allocation(0, MIB + 512)).toEqual([[8192, 0], [65536, 3], [300_000 - 73728, 0], [100, 3], [MIB - 4096 - 300_100, 0], [4096, 3], [512, 0]]);
    expect(await client.allocation(10_000, MIB - 10_000, 8)).toEqual([[63728, 3]]);
    expect(await client.allocation(0, MIB, 8)).toEqual([[8192, 0]]);
    expect(await client.result(client.request(7, 0, 0))).toBe(22);
  });

  it('tell no more extents than an answer may have', async () => {
    const holes = Array.from({ length: 10_000 }, (_, i) => ({ at: i * 1024, length: 512 }));
    const { client } = serve(new HoleyDevice(new Uint8Array(10_000 * 1024), holes));
    await client.open();
    const extents = await client.allocation(0, 10_000 * 1024);
    expect(extents).toHaveLength(4096);
    expect(new Set(extents.map(([length]) => length))).toEqual(new Set([512]));
  });

  it('can be asked for the allocation only as was agreed', async () => {
    const { client } = serve(new MemoryDevice(new Uint8Array(MIB)));
    await client.greet();
    await client.option(8);
    await client.option(7, text(''), u16(0));
    expect(await client.result(client.request(7, 0, 4096))).toBe(22);
  });

  it('zero, and leave alone what is zero already', async () => {
    const bytes = pattern(4 * MIB);
    const device = new HoleyDevice(bytes, [{ at: MIB, length: 2 * MIB }]);
    const { client, statistics } = serve(device);
    await client.open();
    expect(await client.result(client.request(6, MIB, 2 * MIB))).toBe(0);
    expect(device.writes).toBe(0);
    expect(await client.result(client.request(6, MIB, 2 * MIB, { flags: 2 }))).toBe(0);
    expect(device.writes).toBe(8);
    expect(await client.result(client.request(6, 5, 4 * MIB - 10))).toBe(0);
    expect([...bytes.subarray(0, 7), ...bytes.subarray(4 * MIB - 7)]).toEqual([...pattern(5), 0, 0, 0, 0, ...pattern(4 * MIB).subarray(4 * MIB - 5)]);
    expect(bytes.subarray(5, 4 * MIB - 5).every((byte) => byte === 0)).toBe(true);
    expect(statistics.bytesWritten).toBe(2 * MIB + 2 * MIB - 10);
  });

  it('flush when they are to, and take advice', async () => {
    const device = new HoleyDevice(pattern(MIB), []);
    const { client } = serve(device);
    await client.open();
    expect(await client.result(client.request(3, 0, 0))).toBe(0);
    expect(device.flushes).toBe(1);
    for (const [type, data] of [[1, new Uint8Array(512)], [6, undefined], [4, undefined]] as const) {
      expect(await client.result(client.request(type, 512, 512, { flags: 1, ...(data && { data }) }))).toBe(0);
    }
    expect(device.flushes).toBe(4);
    expect(await client.result(client.request(5, 0, MIB))).toBe(0);
    expect(await client.result(client.request(4, 0, MIB))).toBe(0);
    expect(device.flushes).toBe(4);
    expect(Buffer.compare(await client.read(4096, 4096), pattern(MIB).subarray(4096, 8192))).toBe(0);
  });

  it('are refused where they are wrong, and the next one is served', async () => {
    const device = new MemoryDevice(pattern(MIB));
    const { client, statistics } = serve(device);
    await client.open();
    const refused: [request: bigint, error: number][] = [
      [client.request(0, MIB, 1), 22],
      [client.request(0, MIB - 1, 2), 22],
      [client.request(0, 2n ** 64n - 1n, 512), 22],
      [client.request(0, 0, 33 * MIB), 22],
      [client.request(1, MIB, 600_000, { data: new Uint8Array(600_000) }), 28],
      [client.request(1, 2n ** 63n + 5n, 3, { data: new Uint8Array(3) }), 28],
      [client.request(6, MIB - 1, 2), 28],
      [client.request(4, MIB - 1, 2), 22],
      [client.request(5, MIB - 1, 2), 22],
      [client.request(7, MIB - 1, 2), 22],
      [client.request(8, 0, 0), 22],
      [client.request(77, 0, 0), 22],
      [client.request(0, 0, 512, { flags: 2 }), 22],
      [client.request(1, 0, 512, { flags: 4, data: new Uint8Array(512) }), 22],
      [client.request(6, 0, 512, { flags: 16 }), 22],
      [client.request(3, 0, 0, { flags: 8 }), 22],
    ];
    for (const [cookie, error] of refused) expect(await client.result(cookie)).toBe(error);
    expect(statistics.errors).toBe(refused.length);
    expect(Buffer.compare(await client.read(0, MIB), pattern(MIB))).toBe(0);
    expect((await client.chunks(client.request(0, 0, 0))).map(({ type }) => type)).toEqual([0]);
  });

  it('change nothing on a read-only export, or through a fence that went up in the middle', async () => {
    const readOnly = serve(new MemoryDevice(pattern(MIB)), { readOnly: true });
    const { write: _none, ...bare } = new HoleyDevice(new Uint8Array(512), []);
    const bareDevice = serve({ ...bare, read: (_at, into) => { into.fill(0); }, close() {} });
    expect((await readOnly.client.open()).flags & 2).toBe(2);
    expect((await bareDevice.client.open()).flags & 2).toBe(2);
    for (const type of [1, 4, 6]) expect(await readOnly.client.result(readOnly.client.request(type, 0, 512, type === 1 ? { data: new Uint8Array(512) } : {}))).toBe(1);
    expect(await readOnly.client.result(readOnly.client.request(3, 0, 0))).toBe(0);

    let fenced = false;
    const written: [number, number][] = [];
    const device = new MemoryDevice(new Uint8Array(4 * MIB));
    const { client } = serve(device, { onWrite: (at, length) => { written.push([at, length]); fenced = written.length === 3; } }, { fenced: () => fenced });
    await client.open();
    expect(await client.write(0, new Uint8Array(512))).toBe(0);
    expect(await client.write(0, pattern(MIB))).toBe(108);
    expect(written).toEqual([[0, 512], [0, 262_144], [262_144, 262_144]]);
    expect(await client.result(client.request(6, 0, MIB))).toBe(108);
    expect(await client.result(client.request(4, 0, MIB))).toBe(108);
    expect(Buffer.compare(await client.read(0, MIB), join(pattern(MIB).subarray(0, MIB / 2), new Uint8Array(MIB / 2)))).toBe(0);
  });

  it('end a disk in the middle of a sector with zeros', async () => {
    const bytes = pattern(1000);
    const { client } = serve(new HoleyDevice(bytes, []));
    expect((await client.open()).size).toBe(1024n);
    expect(await client.read(0, 1024)).toEqual(join(bytes, new Uint8Array(24)));
    expect(await client.read(1000, 24)).toEqual(new Uint8Array(24));
    expect(await client.write(512, join(new Uint8Array(488).fill(7), new Uint8Array(24)))).toBe(0);
    expect(await client.write(512, new Uint8Array(512).fill(8))).toBe(28);
    expect(await client.write(1010, new Uint8Array(14))).toBe(0);
    expect(await client.read(0, 1024)).toEqual(join(pattern(512), new Uint8Array(488).fill(7), new Uint8Array(24)));
    expect(await client.result(client.request(6, 0, 1024))).toBe(0);
    expect(bytes).toEqual(new Uint8Array(1000));
    expect(await client.allocation(0, 1024)).toEqual([[1024, 0]]);
  });

  it('tell what failed below, in their own numbers', async () => {
    const bad = new FaultyDevice(new HoleyDevice(pattern(MIB), []), { badRanges: [{ at: 600_000, length: 1 }], writesBeforeLoss: 1 });
    const { client } = serve(bad);
    const { client: simple } = serve(bad);
    await client.open();
    await simple.open('', { structured: false });
    const chunks = await client.chunks(client.request(0, 0, MIB));
    expect(chunks.map(({ type, flags }) => [type, flags])).toEqual([[1, 0], [1, 0], [0x8001, 1]]);
    expect(new DataView(chunks[2]!.payload.buffer).getUint32(0)).toBe(5);
    expect(new TextDecoder().decode(chunks[2]!.payload.subarray(6))).toContain('failed');
    for (const length of [512, MIB - 599_999]) expect((await simple.simple(simple.request(0, 599_999, length))).error).toBe(5);
    expect((await simple.simple(simple.request(0, 0, 512), 512)).error).toBe(0);
    expect(await client.write(0, new Uint8Array(512))).toBe(0);
    expect(await client.write(0, new Uint8Array(512))).toBe(5);
    const { client: full } = serve({ ...new HoleyDevice(new Uint8Array(512), []), read() {}, close() {}, write() { throw usage('ENOSPC', 'full'); } });
    await full.open();
    expect(await full.write(0, new Uint8Array(512).fill(1))).toBe(28);
  });
});

describe('a connection', () => {
  it('sees at once what another one wrote, and an overlay has it, not the device below', async () => {
    const original = pattern(MIB);
    const below = new MemoryDevice(original.slice());
    const overlay = new OverlayDevice(below);
    const [a, b] = [serve(overlay).client, serve(overlay).client];
    await a.open();
    await b.open();
    expect(await a.write(1000, new Uint8Array(10_000).fill(9))).toBe(0);
    expect(await b.read(1000, 10_000)).toEqual(new Uint8Array(10_000).fill(9));
    overlay.discard();
    expect(Buffer.compare(await b.read(0, MIB), original)).toBe(0);
  });

  it('lets others have their turns while it works for long', async () => {
    let now = 0;
    let turns = 0;
    const paused = jobContext({ now: () => now, nextTurn: async () => { turns++; }, signal: { aborted: false } });
    const { client } = serve(new HoleyDevice(pattern(8 * MIB), []), { onWrite: () => { now += 6; } }, { job: paused });
    await client.open();
    expect(await client.result(client.request(6, 0, 8 * MIB, { flags: 2 }))).toBe(0);
    expect(turns).toBe(16);
  });

  it('holds its client back when it does not read, and keeps little', async () => {
    const [here, there] = channelPair();
    let served = 0;
    const counting = { ...new HoleyDevice(new Uint8Array(MIB), []), read(_at: number, into: Uint8Array) { served += into.length; }, close() {} };
    const stuck = { ...there, send: (bytes: Uint8Array) => (bytes.length > 60_000 ? new Promise<void>(() => {}) : there.send(bytes)) };
    serveNbd(stuck, [{ name: '', device: counting, readOnly: true }], { job: job() });
    const client = new TestClient(here);
    await client.open();
    for (let i = 0; i < 1000; i++) client.request(0, 0, MIB);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
    expect(served).toBeGreaterThan(0);
    expect(served).toBeLessThan(2 * MIB);
  });

  it.each([
    ['a request without its magic', (client: TestClient) => client.send(new Uint8Array(28))],
    ['a write larger than any may be', (client: TestClient) => { client.request(1, 0, 0xffff_ffff); }],
  ])('ends at %s', async (_what, act) => {
    const { client, connection } = serve(new MemoryDevice(pattern(MIB)));
    await client.open();
    act(client);
    await client.ended();
    expect((await connection.ended)?.message).toContain('does not keep to the protocol');
  });

  it('ends in order with DISC and between requests, and with an error in the middle of one', async () => {
    const ways: [(client: TestClient) => void, boolean][] = [
      [(client) => { client.request(2, 0, 0); }, true],
      [(client) => client.close(), true],
      [(client) => { client.send(u32(0x25609513)); client.close(); }, false],
      [(client) => { client.request(1, 0, 4096, { data: new Uint8Array(4095) }); client.close(); }, false],
    ];
    for (const [leave, inOrder] of ways) {
      const bytes = pattern(MIB);
      const { client, connection } = serve(new MemoryDevice(bytes));
      await client.open();
      leave(client);
      expect((await connection.ended) === undefined).toBe(inOrder);
      // What did not come as a whole was not begun.
      expect(Buffer.compare(bytes, pattern(MIB))).toBe(0);
    }
  });

  it('ends when it is closed, or its job is cancelled, whatever it is doing', async () => {
    const { client, connection } = serve(new MemoryDevice(new Uint8Array(MIB)));
    await client.open();
    client.request(1, 0, MIB, { data: new Uint8Array(1000) });
    connection.close();
    expect(await connection.ended).toBeUndefined();
    const signal = { aborted: false };
    const other = serve(new MemoryDevice(new Uint8Array(MIB)), {}, { job: job(signal) });
    await other.client.open();
    signal.aborted = true;
    other.client.request(1, 0, MIB, { data: new Uint8Array(MIB) });
    expect((await other.connection.ended)?.kind).toBe('cancelled');
  });
});

describe('hostile clients', () => {
  /** What an honest client sends, from its first byte to its last. */
  const honest = join(
    u32(3),
    ...[[3], [8], [10, text(''), u32(1), text('base:allocation')], [6, text(''), u16(1), u16(3)], [7, text(''), u16(0)]].map(([option, ...data]) => join(new TextEncoder().encode('IHAVEOPT'), u32(option as number), u32(join(...(data as Uint8Array[])).length), ...(data as Uint8Array[]))),
    ...[[0, 0, 4096], [1, 512, 1024], [3, 0, 0], [6, 4096, 8192], [7, 0, 65536], [5, 0, 4096], [4, 0, 512], [0, 65000, 536]].map(([type, at, length], i) => join(u32(0x25609513), u16(0), u16(type!), u64(BigInt(i)), u64(BigInt(at!)), u32(length!), type === 1 ? pattern(length!) : new Uint8Array(0))),
  );

  it('end or are answered, whatever they send', async () => {
    let state = 20_261_122;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    let opened = 0;
    for (let round = 0; round < 1500; round++) {
      const bytes = honest.slice(0, random(5) === 0 ? random(honest.length) : honest.length);
      // Half of the rounds leave the handshake alone: few would ever come to the requests.
      const from = round % 2 === 0 ? 0 : 170;
      for (let count = 1 + random(4); count > 0 && bytes.length > from; count--) {
        const at = from + random(bytes.length - from);
        bytes[at] = random(3) === 0 ? [0, 0xff, 0x80, 1][random(4)]! : bytes[at]! ^ (1 << random(8));
      }
      const [here, there] = channelPair();
      const statistics = newStatistics();
      const device = new OverlayDevice(new HoleyDevice(new Uint8Array(65536), [{ at: 4096, length: 8192 }]));
      const { ended } = serveNbd(there, [{ name: '', device, readOnly: false }], { job: job(), statistics });
      const client = new TestClient(here);
      const cut = random(bytes.length + 1);
      client.send(bytes.subarray(0, cut));
      client.send(bytes.subarray(cut));
      client.close();
      const error = await ended;
      if (error !== undefined) expect(error.message).toContain('does not keep to the protocol');
      opened += statistics.connections;
    }
    expect(opened).toBeGreaterThan(500);
  });
});
