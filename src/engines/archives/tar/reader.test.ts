import { execFileSync } from 'node:child_process';
import { closeSync, linkSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeName } from '../../core/names.ts';
import { decodeAcl } from '../../core/acl.ts';
import { missingTools } from '../../testing/tools.ts';
import { encodeAcl } from './acl-text.ts';
import { TAR_END, type TarEntry, tarHead } from './entry.ts';
import { joined } from './pax.ts';
import { type TarBytes, type TarMember, TarReader } from './reader.ts';

/** Gives pieces of at most `most` bytes, so that nothing depends on how a pipe cuts. */
function bytesOf(all: Uint8Array, most = 700): TarBytes {
  let at = 0;
  return {
    take(length) { return all.slice(at, (at += Math.min(length, all.length - at))); },
    some(length) { return all.subarray(at, (at += Math.min(length, most, all.length - at))); },
  };
}

interface Read { readonly member: TarMember; readonly contents: Uint8Array }

async function readAll(all: Uint8Array): Promise<Map<string, Read>> {
  const reader = new TarReader(bytesOf(all));
  const found = new Map<string, Read>();
  for (let member = await reader.next(); member !== undefined; member = await reader.next()) {
    const contents = new Uint8Array(member.size);
    for await (const { at, bytes } of reader.contents()) contents.set(bytes, at);
    found.set(member.path.replace(/^\.\//, '').replace(/\/$/, ''), { member, contents });
  }
  return found;
}

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
const SPARSE_AT = 5 * 1024 * 1024;

describe('what our own writer wrote', () => {
  const acl = Uint8Array.of(2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 0xe8, 3, 0, 0, 4, 0, 4, 0, 255, 255, 255, 255, 0x10, 0, 4, 0, 255, 255, 255, 255, 0x20, 0, 0, 0, 255, 255, 255, 255);
  const cases: TarEntry[] = [
    { path: 'a', type: 'file', mode: 0o4755, uid: 1000, gid: 100, size: 3, mtime: 1_700_000_000_000_000_005n, atime: -1n },
    { path: `${'d'.repeat(200)}/${'n'.repeat(200)}`, type: 'file', mode: 0o600, uid: 2 ** 31, gid: 2 ** 31, size: 0, mtime: 0n },
    { path: decodeName(Uint8Array.of(0xff, 0x41)), type: 'symlink', mode: 0o777, uid: 0, gid: 0, size: 0, mtime: 0n, target: 't'.repeat(300) },
    { path: 'device', type: 'char', mode: 0o600, uid: 0, gid: 0, size: 0, mtime: 0n, device: { major: 4_000_000, minor: 7 } },
    { path: 'again', type: 'link', mode: 0o600, uid: 0, gid: 0, size: 0, mtime: 0n, target: 'a' },
    { path: 'attributes', type: 'fifo', mode: 0o600, uid: 0, gid: 0, size: 0, mtime: 0n, xattrs: [['user.a=b%', Uint8Array.of(0, 10, 255)], ['system.posix_acl_access', acl]] },
    { path: 'sparse', type: 'file', mode: 0o600, uid: 0, gid: 0, size: 100_000, mtime: 0n, runs: [[4096, 3], [8192, 5]] },
    { path: 'hole', type: 'file', mode: 0o600, uid: 0, gid: 0, size: 5000, mtime: 0n, runs: [] },
  ];

  it.each(cases)('$path comes back', async (entry) => {
    const head = tarHead(entry);
    const data = new Uint8Array(entry.runs ? entry.runs.reduce((sum, [, length]) => sum + length, 0) : entry.type === 'file' ? entry.size : 0).fill(0x78);
    const all = joined([head.bytes, data, new Uint8Array(head.padding), tarHead({ ...cases[0]!, path: 'next' }).bytes, Uint8Array.of(1, 2, 3), new Uint8Array(509), TAR_END]);
    const reader = new TarReader(bytesOf(all));
    const { stored: _, lost, runs, ...member } = (await reader.next())!;
    expect(lost).toEqual([]);
    const { runs: wanted, ...rest } = entry;
    expect(member).toEqual(rest);
    const filled = (wanted ?? []).filter(([, length]) => length > 0);
    if (wanted) expect(runs).toEqual(filled);
    const pieces: [number, number][] = [];
    for await (const { at, bytes } of reader.contents()) pieces.push([at, bytes.length]);
    if (wanted) expect(pieces).toEqual(filled);
    expect((await reader.next())?.path).toBe('next');
    // Contents that nobody reads are stepped over.
    expect(await reader.next()).toBeUndefined();
  });
});

describe.skipIf(missingTools('tar') !== undefined)('what other programs wrote', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clutch-tar-'));
  const long = 'l'.repeat(150);
  beforeAll(() => {
    mkdirSync(join(folder, 'dir', long), { recursive: true });
    writeFileSync(join(folder, 'dir', 'hello.txt'), 'hello, world\n', { mode: 0o640 });
    writeFileSync(join(folder, 'dir', long, `${long}.txt`), 'deep');
    writeFileSync(join(folder, 'dir', 'größe'), 'x'.repeat(5000));
    linkSync(join(folder, 'dir', 'hello.txt'), join(folder, 'dir', 'same.txt'));
    symlinkSync('hello.txt', join(folder, 'dir', 'short'));
    symlinkSync('t'.repeat(180), join(folder, 'dir', 'long link'));
    const fd = openSync(join(folder, 'dir', 'sparse'), 'w');
    // More runs than fit an old GNU header.
    for (let i = 0; i < 40; i++) writeSync(fd, Buffer.alloc(4096, 65 + i), 0, 4096, SPARSE_AT + i * 65_536);
    closeSync(fd);
    utimesSync(join(folder, 'dir', 'hello.txt'), 1_600_000_000.25, 1_600_000_000.25);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const made = (tool: string, ...args: string[]): Uint8Array => execFileSync(tool, [...args, '-C', folder, '-cf', '-', 'dir'], { maxBuffer: 1 << 28 });
  const archives: [string, string, string[]][] = [
    ['GNU tar, gnu', 'tar', ['--format=gnu', '-S']], ['GNU tar, oldgnu', 'tar', ['--format=oldgnu', '-S']], ['GNU tar, pax 1.0', 'tar', ['--format=posix', '-S']],
    ['GNU tar, pax 0.1', 'tar', ['--format=posix', '-S', '--sparse-version=0.1']], ['GNU tar, pax 0.0', 'tar', ['--format=posix', '-S', '--sparse-version=0.0']],
    ...(missingTools('bsdtar') === undefined ? [['libarchive, pax', 'bsdtar', ['--format=pax']], ['libarchive, gnutar', 'bsdtar', ['--format=gnutar']]] as [string, string, string[]][] : []),
  ];

  it.each(archives)('%s', async (_, tool, args) => {
    const found = await readAll(made(tool, ...args));
    expect([...found.keys()].length).toBe(9);
    const hello = found.get('dir/hello.txt')!;
    const same = found.get('dir/same.txt')!;
    const [first, second] = hello.member.type === 'file' ? [hello, same] : [same, hello];
    expect([text(first.contents), first.member.mode, second.member.type, second.member.target]).toEqual(['hello, world\n', 0o640, 'link', first.member.path]);
    const exact = args.includes('--format=posix') || args.includes('--format=pax');
    expect(first.member.mtime).toBe(exact ? 1_600_000_000_250_000_000n : 1_600_000_000_000_000_000n);
    expect(text(found.get(`dir/${long}/${long}.txt`)!.contents)).toBe('deep');
    expect(found.get('dir/größe')!.member.size).toBe(5000);
    expect(found.get('dir/short')!.member.target).toBe('hello.txt');
    expect(found.get('dir/long link')!.member.target).toBe('t'.repeat(180));
    const sparse = found.get('dir/sparse')!;
    expect(sparse.member.size).toBe(SPARSE_AT + 39 * 65_536 + 4096);
    for (let i = 0; i < 40; i++) expect([sparse.contents[SPARSE_AT + i * 65_536 - 1], sparse.contents[SPARSE_AT + i * 65_536], sparse.contents[SPARSE_AT + i * 65_536 + 4095]]).toEqual([0, 65 + i, 65 + i]);
    if (tool === 'tar') expect(sparse.member.stored).toBeLessThan(1024 * 1024);
  });

  it('the old form before POSIX, which cannot say long names', async () => {
    writeFileSync(join(folder, 'old'), 'old');
    const all = execFileSync('tar', ['--format=v7', '-C', folder, '-cf', '-', 'old']);
    expect(text((await readAll(all)).get('old')!.contents)).toBe('old');
    expect(readdirSync(folder)).toContain('old');
  });
});

describe('damage', () => {
  const file = tarHead({ path: 'a', type: 'file', mode: 0, uid: 0, gid: 0, size: 600, mtime: 0n });
  const whole = joined([file.bytes, new Uint8Array(600 + file.padding), TAR_END]);

  it('a wrong checksum, an early end and an endless row of headers are told', async () => {
    const wrong = whole.slice();
    wrong[0] = 0x62;
    await expect(readAll(wrong)).rejects.toMatchObject({ fault: { kind: 'corrupt' }, message: expect.stringContaining('checksum') });
    for (const end of [0, 100, 512 + 10, 512 + 610, 512 + 1024, 512 + 1024 + 100]) await expect(readAll(whole.subarray(0, end))).rejects.toMatchObject({ fault: { kind: 'corrupt' } });
    const long = tarHead({ path: 'p'.repeat(300), type: 'file', mode: 0, uid: 0, gid: 0, size: 0, mtime: 0n }).bytes;
    await expect(readAll(joined(Array.from({ length: 40 }, () => long.subarray(0, 1024))))).rejects.toMatchObject({ message: expect.stringContaining('more than 32 headers') });
  });

  it.each([
    ['runs that overlap', '2\n0\n300\n100\n300\n'], ['a run past the end', '1\n1000\n600\n'], ['more than there is', '1\n0\n700\n'], ['no numbers', 'x\n'], ['a number without an end', '1'.repeat(600)], ['millions of runs', '99999999\n'],
  ])('a sparse map of %s is refused', async (_, map) => {
    const sparse = tarHead({ path: 'a', type: 'file', mode: 0, uid: 0, gid: 0, size: 1100, mtime: 0n, runs: [[0, 600]] });
    const bytes = joined([sparse.bytes, new Uint8Array(1024), TAR_END]);
    const at = sparse.bytes.length - 512;
    bytes.fill(0, at, at + 512);
    bytes.set(new TextEncoder().encode(map).subarray(0, 512), at);
    await expect(readAll(bytes)).rejects.toMatchObject({ fault: { kind: 'corrupt' } });
  });
});

describe('ACLs as text', () => {
  it.each([
    ['user::rw-,user:1000:r--,group::r-x,mask::rwx,other::---', ['user::rw-', 'user:1000:r--', 'group::r-x', 'mask::rwx', 'other::---']],
    ['user::rwx,user:ada:r-x:1000,group::r-x,mask:r-x,other:r--', ['user::rwx', 'user:1000:r-x', 'group::r-x', 'mask::r-x', 'other::r--']],
    ['u::rw-\ng::r--\no::r--\n', ['user::rw-', 'group::r--', 'other::r--']],
  ])('%s', (spelled, entries) => {
    const acl = encodeAcl(spelled);
    expect('blob' in acl && decodeAcl(acl.blob)).toEqual(entries);
  });

  it('says what it does not know', () => {
    expect(encodeAcl('user:ada:r--')).toEqual({ reason: '"ada" is a name without its number' });
    expect(encodeAcl('nobody')).toEqual({ reason: '"nobody" is no entry' });
  });
});
