import { describe, expect, it } from 'vitest';
import type { FileSystem } from '../../engines/core/filesystem.ts';
import { dir, file, MemoryFileSystem, type MemoryNode, symlink } from '../../engines/testing/memory-filesystem.ts';
import type { Preview, TextEncoding } from '../../shared/contract/preview.ts';
import { nodeJob } from '../session.ts';
import { preview, readText } from './preview.ts';

async function previewOf(node: MemoryNode, encoding?: TextEncoding): Promise<Preview> {
  const fs = new MemoryFileSystem(dir({ it: node }));
  return preview(fs, fs.lookup(fs.root, 'it')!, nodeJob(), { encoding });
}

const bytes = (...parts: (string | number[])[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part, 'latin1')] : part)));

/** A file that takes its time, and counts how often it was asked. */
class SlowFileSystem extends MemoryFileSystem {
  reads = 0;

  override read(id: number, at: number, into: Uint8Array): number {
    this.reads++;
    const until = performance.now() + 20;
    while (performance.now() < until);
    return super.read(id, at, into);
  }
}

describe('a preview', () => {
  it.each<[string, Uint8Array | string, string, TextEncoding, boolean?]>([
    ['plain text', 'hello\n', 'hello\n', 'utf-8'],
    ['umlauts and emoji', 'grüße 😀', 'grüße 😀', 'utf-8'],
    ['UTF-8 with a mark', bytes([0xef, 0xbb, 0xbf], 'x'), 'x', 'utf-8', true],
    ['UTF-16, little end first', bytes([0xff, 0xfe, 0x61, 0, 0xfc, 0]), 'aü', 'utf-16le', true],
    ['UTF-16, big end first', bytes([0xfe, 0xff, 0, 0x61, 0, 0xfc]), 'aü', 'utf-16be', true],
    ['Latin-1', bytes('gr\xfc\xdfe'), 'grüße', 'windows-1252'],
    ['SVG, which could run scripts', '<svg xmlns="http://www.w3.org/2000/svg"/>', '<svg xmlns="http://www.w3.org/2000/svg"/>', 'utf-8'],
    ['HTML, which could, too', '<!doctype html><script>alert(1)</script>', '<!doctype html><script>alert(1)</script>', 'utf-8'],
    ['text that begins as bitmaps do', 'BMW is no bitmap, whatever it begins with', 'BMW is no bitmap, whatever it begins with', 'utf-8'],
  ])('shows %s as text', async (_, content, text, encoding, mark = false) => {
    expect(await previewOf(file(content))).toEqual({ kind: 'text', encoding, mark, part: { text }, size: typeof content === 'string' ? Buffer.byteLength(content) : content.length });
  });

  it('gives a long text in parts of whole characters, which make the whole', async () => {
    const text = `x${'ü'.repeat(400_000)}`;
    const fs = new MemoryFileSystem(dir({ it: file(text) }));
    const node = fs.lookup(fs.root, 'it')!;
    const first = await preview(fs, node, nodeJob());
    expect(first).toMatchObject({ kind: 'text', encoding: 'utf-8', part: { text: `x${'ü'.repeat(131_071)}`, next: 262_143 } });
    let whole = '';
    let parts = 0;
    for (let next: number | undefined = 0; next !== undefined; parts++) {
      const part = await readText(fs, node, next, 'utf-8', nodeJob());
      whole += part.text;
      next = part.next;
    }
    expect(whole).toBe(text);
    expect(parts).toBe(4);
  });

  it('reads a text as it is told to, binary or not', async () => {
    expect(await previewOf(file(bytes([0x8c, 0xbe])), 'shift_jis')).toMatchObject({ kind: 'text', encoding: 'shift_jis', part: { text: '言' } });
    expect(await previewOf(file(bytes([0, 1, 2])), 'utf-8')).toMatchObject({ kind: 'text', part: { text: '\0\x01\x02' } });
  });

  it('reads a picture whole, and none that is too large in bytes, in pixels, or makes no sense', async () => {
    const picture = new Uint8Array(1 << 20).fill(7);
    picture.set(bytes('\x89PNG\r\n\x1a\n', [0, 0, 0, 13], 'IHDR', [0, 0, 0, 96, 0, 0, 0, 64]));
    const shown = await previewOf(file(picture));
    expect(shown).toMatchObject({ kind: 'picture', mime: 'image/png', width: 96, height: 64 });
    expect(Buffer.compare((shown as { bytes: Uint8Array }).bytes, picture)).toBe(0);
    expect(await previewOf(file(picture, { size: 33 << 20 }))).toMatchObject({ kind: 'no-picture', reason: 'bytes' });
    picture.set([0, 0, 0xff, 0xff], 16);
    picture.set([0, 0, 0xff, 0xff], 20);
    expect(await previewOf(file(picture))).toEqual({ kind: 'no-picture', mime: 'image/png', reason: 'pixels', width: 65535, height: 65535, limit: 100_000_000 });
    expect(await previewOf(file(bytes('\x89PNG\r\n\x1a\n', [0])))).toMatchObject({ kind: 'no-picture', reason: 'damaged' });
  });

  it('shows the start of anything else, and says which disk image it is', async () => {
    const binary = Uint8Array.from({ length: 10_000 }, (_, i) => i & 255);
    expect(await previewOf(file(binary))).toEqual({ kind: 'binary', bytes: binary.slice(0, 4096), size: 10_000 });
    const disk = new Uint8Array(1 << 16);
    disk.set([0x80, 0, 2, 0, 0x83, 0, 0, 0, 1, 0, 0, 0, 100, 0, 0, 0], 446);
    disk.set([0x55, 0xaa], 510);
    expect(await previewOf(file(disk))).toMatchObject({ kind: 'binary', image: 'MBR' });
  });

  it('tells what has no bytes to show', async () => {
    expect(await previewOf(file(''))).toEqual({ kind: 'none', reason: 'empty' });
    expect(await previewOf(symlink('x'))).toEqual({ kind: 'none', reason: 'link' });
    expect(await previewOf({ type: 'fifo' })).toEqual({ kind: 'none', reason: 'pipe' });
    expect(await previewOf({ type: 'block', device: { major: 8, minor: 1 } })).toEqual({ kind: 'device', type: 'block', major: 8, minor: 1 });
    const names = Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`f${i}`, file()]));
    const shown = await previewOf(dir({ ...names, 'a\u202eb': dir() }));
    expect(shown).toMatchObject({ kind: 'folder', count: 121, more: false });
    const list = (shown as Extract<Preview, { kind: 'folder' }>).names;
    expect(list).toHaveLength(50);
    expect(list.slice(0, 4).map((each) => each.display)).toEqual(['a\\u{202e}b', 'f0', 'f1', 'f2']);
  });

  it('throws what the bytes throw', async () => {
    await expect(previewOf(file('x'.repeat(1000), { damagedAt: 10 }))).rejects.toMatchObject({ message: 'the bytes are damaged' });
  });

  it('stops within two reads of a slow disk when nobody wants it any longer', async () => {
    const fs = new SlowFileSystem(dir({ it: file(new Uint8Array(4 << 20).fill(65)) }));
    const signal = { aborted: false };
    const shown = preview(fs as FileSystem, fs.lookup(fs.root, 'it')!, nodeJob({ signal }));
    setImmediate(() => { signal.aborted = true; });
    await expect(shown).rejects.toMatchObject({ kind: 'cancelled' });
    expect(fs.reads).toBeLessThanOrEqual(2);
  });
});
