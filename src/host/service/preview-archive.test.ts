import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { padding, ustarHeader } from '../../engines/archives/tar/header.ts';
import { encodeRecords } from '../../engines/archives/tar/pax.ts';
import { dir, file, MemoryFileSystem } from '../../engines/testing/memory-filesystem.ts';
import type { Preview } from '../../shared/contract/preview.ts';
import { nodeJob } from '../session.ts';
import { preview } from './preview.ts';

type Archive = Extract<Preview, { kind: 'archive' }>;

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A filesystem that counts the bytes that are read of it. */
class CountingFileSystem extends MemoryFileSystem {
  bytes = 0;
  override read(id: number, at: number, into: Uint8Array): number {
    this.bytes += into.length;
    return super.read(id, at, into);
  }
}

async function archiveOf(content: Uint8Array, size?: number): Promise<{ archive: Archive; read: number }> {
  const fs = new CountingFileSystem(dir({ it: file(content, size === undefined ? {} : { size }) }));
  const shown = await preview(fs, fs.lookup(fs.root, 'it')!, nodeJob());
  expect(shown.kind).toBe('archive');
  return { archive: shown as Archive, read: fs.bytes };
}

const member = (path: string, size: number, more: { typeflag?: string; link?: string; content?: Uint8Array } = {}): Uint8Array => {
  const header = ustarHeader({ path: ascii(path), mode: 0o644, uid: 0, gid: 0, size, mtime: 0, typeflag: more.typeflag ?? '0', ...(more.link === undefined ? {} : { link: ascii(more.link) }) });
  const content = more.content ?? new Uint8Array(size);
  return Buffer.concat([header, content, new Uint8Array(padding(content.length))]);
};
const END = new Uint8Array(1024);
const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

describe('a tar', () => {
  const records = encodeRecords([['path', `evil\u202e${'n'.repeat(200)}`], ['size', '700']]);
  const tar = Buffer.concat([
    member('docs/', 0, { typeflag: '5' }), member('docs/a.txt', 5), member('link', 0, { typeflag: '2', link: '../../etc/passwd' }), member('again', 0, { typeflag: '1', link: 'docs/a.txt' }),
    member('x', records.length, { typeflag: 'x', content: records }), member('x', 0, { content: new Uint8Array(700) }),
    END,
  ]);

  const rows = [
    { display: 'docs/', type: 'dir', size: 0 }, { display: 'docs/a.txt', type: 'file', size: 5 }, { display: 'link', type: 'symlink', size: 0, target: '../../etc/passwd' },
    { display: 'again', type: 'file', size: 0, target: 'docs/a.txt' }, { display: `evil\\u{202e}${'n'.repeat(200)}`, type: 'file', size: 700 },
  ];

  it('is listed, names escaped', async () => {
    expect((await archiveOf(tar)).archive).toEqual({ kind: 'archive', format: 'tar', rows, more: false });
  });

  it('is listed in a gzip, too', async () => {
    expect((await archiveOf(gzipSync(tar))).archive).toEqual({ kind: 'archive', format: 'tar.gz', rows, more: false });
  });

  it('of gigabytes is stepped over, and listed up to a thousand members', async () => {
    const header = member('huge', 0o77777777777, { content: new Uint8Array(0) });
    const { archive, read } = await archiveOf(header, 2 ** 33 + 1024);
    expect(archive).toEqual({ kind: 'archive', format: 'tar', rows: [{ display: 'huge', type: 'file', size: 2 ** 33 - 1 }], more: false });
    expect(read).toBeLessThan(1 << 20);
    const many = (await archiveOf(Buffer.concat([...Array.from({ length: 1500 }, (_, i) => member(`f${i}`, 1)), END]))).archive;
    expect(many.rows).toHaveLength(1000);
    expect(many.more).toBe(true);
  });

  it('that is damaged keeps what was found, and says so', async () => {
    const cut = await archiveOf(Buffer.concat([member('one', 3), new Uint8Array(512).fill(9)]));
    expect(cut.archive).toMatchObject({ rows: [{ display: 'one' }], more: true, error: { fault: { kind: 'corrupt' }, message: expect.stringContaining('checksum') as string } });
    const short = await archiveOf(member('one', 100_000).subarray(0, 512));
    expect(short.archive).toMatchObject({ rows: [{ display: 'one' }], error: { message: expect.stringContaining('middle') as string } });
  });

  it('of a hostile gzip is unpacked up to a limit', async () => {
    const bomb = gzipSync(Buffer.concat([member('bomb', 200 << 20), END]));
    const { archive } = await archiveOf(bomb);
    expect(archive).toEqual({ kind: 'archive', format: 'tar.gz', rows: [{ display: 'bomb', type: 'file', size: 200 << 20 }], more: true });
  });
});

describe('a gzip', () => {
  it('tells its one file', async () => {
    expect((await archiveOf(gzipSync('hello'))).archive).toEqual({ kind: 'archive', format: 'gzip', rows: [{ display: '', type: 'file', size: 5 }], total: 1, more: false });
  });

  it('that does not unpack says why', async () => {
    const bytes = gzipSync('hello '.repeat(100));
    bytes.fill(0xff, 12);
    expect((await archiveOf(bytes)).archive).toMatchObject({ format: 'gzip', error: { fault: { kind: 'corrupt' } } });
  });
});

describe('a gzip of nothing, again and again', () => {
  it('is looked at up to a bound', async () => {
    const one = gzipSync('');
    const content = new Uint8Array(1 << 20);
    for (let at = 0; at + one.length <= content.length; at += one.length) content.set(one, at);
    const { archive, read } = await archiveOf(content, 2 ** 40);
    expect(archive).toMatchObject({ format: 'gzip', more: true });
    expect(read).toBeLessThan(1 << 20);
  });
});

describe('names in archives', () => {
  it('are shown up to a bound, whatever the archive says', async () => {
    const long = ascii(`${'\u202e'.repeat(20_000)}\0`);
    const tar = Buffer.concat([member('x', long.length, { typeflag: 'L', content: long }), member('x', 0), END]);
    expect((await archiveOf(tar)).archive.rows[0]!.display).toHaveLength(4097);
    const zip = zipSync({ ['n'.repeat(60_000)]: new Uint8Array(1) });
    expect((await archiveOf(zip)).archive.rows[0]!.display).toBe(`${'n'.repeat(4096)}…`);
  });
});

describe('a zip', () => {
  const zip = zipSync({ 'docs/': new Uint8Array(0), 'docs/a.txt': ascii('hello'), 'evil\u202e../../x': ascii('1'), '日本': new Uint8Array(70_000) });

  it('is listed from its directory alone', async () => {
    const { archive } = await archiveOf(zip);
    expect(archive).toEqual({ kind: 'archive', format: 'zip', total: 4, more: false, rows: [
      { display: 'docs/', type: 'dir', size: 0 }, { display: 'docs/a.txt', type: 'file', size: 5 }, { display: 'evil\\u{202e}../../x', type: 'file', size: 1 }, { display: '日本', type: 'file', size: 70_000 },
    ] });
  });

  it('is found behind a program that unpacks it, and lists a thousand members', async () => {
    const behind = Buffer.concat([zip.subarray(0, 4), new Uint8Array(1000), zip]);
    expect((await archiveOf(behind)).archive.rows).toHaveLength(4);
    const many = zipSync(Object.fromEntries(Array.from({ length: 1200 }, (_, i) => [`f${i}`, new Uint8Array(1)])));
    expect((await archiveOf(many)).archive).toMatchObject({ total: 1200, more: true });
  });

  it('that lies keeps what was found, and never throws', async () => {
    const end = zip.length - 22;
    const told = Uint8Array.from(zip);
    view(told).setUint16(end + 10, 60_000, true);
    const { archive } = await archiveOf(told);
    expect(archive.rows).toHaveLength(4);
    expect(archive.error?.message).toContain('ends after 4 of 60000');
    const outside = Uint8Array.from(zip);
    view(outside).setUint32(end + 12, 0x7fffffff, true);
    expect((await archiveOf(outside)).archive).toMatchObject({ rows: [], error: { message: expect.stringContaining('outside') as string } });
    expect((await archiveOf(zip.subarray(0, end))).archive).toMatchObject({ rows: [], error: { message: expect.stringContaining('no end record') as string } });
    for (let i = 0; i < zip.length; i++) {
      const flipped = Uint8Array.from(zip);
      flipped[i]! ^= 0xff;
      const fs = new MemoryFileSystem(dir({ it: file(flipped) }));
      expect((await preview(fs, fs.lookup(fs.root, 'it')!, nodeJob())).kind).toBeTypeOf('string');
    }
  });
});
