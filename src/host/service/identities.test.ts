import { describe, expect, it } from 'vitest';
import { corrupt } from '../../engines/core/errors.ts';
import { dir, file, MemoryFileSystem, type MemoryNode, symlink } from '../../engines/testing/memory-filesystem.ts';
import { nodeJob } from '../session.ts';
import { identitiesOf, parseNames } from './identities.ts';

const PASSWD = 'root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000:Ada:/home/ada:/bin/sh\n';
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const image = (etc: Record<string, MemoryNode> | [string, MemoryNode][]): MemoryFileSystem => new MemoryFileSystem(dir([['etc', dir(etc)]]));

describe('names of users and groups', () => {
  it('come from the filesystem itself, and are read once', async () => {
    const fs = image({ passwd: file(PASSWD), group: file('root:x:0:\nadm:x:4:ada\n') });
    let reads = 0;
    const { read } = fs;
    fs.read = (...args) => { reads++; return read.apply(fs, args); };
    const who = await identitiesOf(fs);
    expect([who.user(0), who.user(1000), who.user(4), who.user(1001)]).toEqual(['root', 'ada', undefined, undefined]);
    expect([who.group(0), who.group(4), who.group(1000)]).toEqual(['root', 'adm', undefined]);
    const before = reads;
    expect(await identitiesOf(fs)).toBe(who);
    // Known names cost no turn of the event loop.
    expect(identitiesOf(fs)).toBe(who);
    expect(reads).toBe(before);
  });

  it('are asked for once, however many ask at the same time', async () => {
    const fs = image({ passwd: file(PASSWD) });
    const [a, b] = await Promise.all([identitiesOf(fs), identitiesOf(fs)]);
    expect(a).toBe(b);
  });

  it('follow symlinks inside the image only', async () => {
    const inside = new MemoryFileSystem(dir([['etc', symlink('/usr/etc')], ['usr', dir([['etc', dir({ passwd: symlink('../../../../../passwd.real') })]])], ['passwd.real', file(PASSWD)]]));
    expect((await identitiesOf(inside)).user(1000)).toBe('ada');
    const outside = image({ passwd: symlink('/proc/self/root/etc/passwd') });
    expect((await identitiesOf(outside)).user(0)).toBeUndefined();
  });

  it.each<[string, MemoryFileSystem]>([
    ['no /etc at all', new MemoryFileSystem(dir())],
    ['a folder in the place of the file', image({ passwd: dir(), group: dir() })],
    ['a symlink to itself', image({ passwd: symlink('passwd') })],
    ['a device', image({ passwd: { type: 'char', device: { major: 1, minor: 5 } } })],
    ['damaged bytes', image({ passwd: file(PASSWD, { damagedAt: 3 }) })],
    ['a damaged node', image({ passwd: file(PASSWD, { fault: corrupt('inode 12', 'its checksum does not match') }) })],
  ])('are none, without an error: %s', async (_what, fs) => {
    expect((await identitiesOf(fs)).user(0)).toBeUndefined();
  });

  it('are taken of the first line of a number, and of sound lines only', async () => {
    const names = await parseNames(encode(['ada:x:1:', 'eve:x:1:', ':x:2:', 'half:x', '+nis:x:3:', '-no:x:4:', '0:x:5:', 'hex:x:0x6:', 'minus:x:-7:', 'huge:x:4294967296:', 'last:x:4294967295:', 'spaced:x: 8:', '', '#comment', 'crlf:x:9:1\r'].join('\n')), nodeJob());
    expect([...names]).toEqual([[1, 'ada'], [4_294_967_295, 'last'], [9, 'crlf']]);
  });

  it('are escaped and cut for showing', async () => {
    const names = await parseNames(Uint8Array.from([...encode('a\u202eb\u0007:x:1:\n'), 0xff, 0xfe, ...encode(`:x:2:\n${'n'.repeat(10_000)}:x:3:\n${'\u0001'.repeat(60)}:x:4:\n`)]), nodeJob());
    expect(names.get(1)).toBe('a\\u{202e}b\\x07');
    expect(names.get(2)).toBe('\\xff\\xfe');
    expect(names.get(3)).toBe(`${'n'.repeat(63)}…`);
    expect(names.get(4)).toHaveLength(64);
  });

  it('end where the bounds are', async () => {
    const lines = await parseNames(encode(Array.from({ length: 100_002 }, (_, i) => `u${i}:x:${i}:`).join('\n')), nodeJob());
    expect([lines.size, lines.has(99_999), lines.has(100_000)]).toEqual([100_000, true, false]);
    // A file that says it is huge is read to its bound, and half a line at the end is no line.
    const long = image({ passwd: file(`${'x'.repeat(1024 * 1024 - 10)}\nada:x:1000:1000::/home/ada:`, { size: 2 ** 40 }) });
    expect((await identitiesOf(long)).user(10)).toBeUndefined();
    expect((await identitiesOf(long)).user(1000)).toBeUndefined();
  });

  it('leave the event loop its turns, however many there are', async () => {
    let clock = 0;
    let turns = 0;
    // Each look at the clock is 20 ms later: every breath that is taken is a turn.
    await parseNames(encode('a:x:1:\n'.repeat(90_000)), nodeJob({ now: () => { clock += 20; return clock; }, nextTurn: async () => { turns++; } }));
    expect(turns).toBeGreaterThan(1000);
  });
});
