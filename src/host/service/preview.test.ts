import { describe, expect, it } from 'vitest';
import { dir, file, MemoryFileSystem, symlink } from '../../engines/testing/memory-filesystem.ts';
import type { Preview } from '../../shared/contract/rows.ts';
import { preview } from './preview.ts';

async function previewOf(content: Uint8Array | string, size?: number): Promise<Preview> {
  const fs = new MemoryFileSystem(dir({ it: file(content, size === undefined ? {} : { size }) }));
  return preview(fs, fs.lookup(fs.root, 'it')!);
}

const bytes = (...parts: (string | number[])[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part, 'latin1')] : part)));

describe('a preview', () => {
  it.each<[string, Uint8Array | string, string, string]>([
    ['plain text', 'hello\n', 'hello\n', 'UTF-8'],
    ['umlauts and emoji', 'grüße 😀', 'grüße 😀', 'UTF-8'],
    ['UTF-8 with a mark', bytes([0xef, 0xbb, 0xbf], 'x'), 'x', 'UTF-8 with BOM'],
    ['UTF-16, little end first', bytes([0xff, 0xfe, 0x61, 0, 0xfc, 0]), 'aü', 'UTF-16LE'],
    ['UTF-16, big end first', bytes([0xfe, 0xff, 0, 0x61, 0, 0xfc]), 'aü', 'UTF-16BE'],
    ['Latin-1', bytes('gr\xfc\xdfe'), 'grüße', 'Latin-1'],
    ['SVG, which could run scripts', '<svg xmlns="http://www.w3.org/2000/svg"/>', '<svg xmlns="http://www.w3.org/2000/svg"/>', 'UTF-8'],
    ['text that begins as bitmaps do', 'BMW is no bitmap, whatever it begins with', 'BMW is no bitmap, whatever it begins with', 'UTF-8'],
  ])('shows %s as text', async (_, content, text, encoding) => {
    expect(await previewOf(content)).toEqual({ kind: 'text', text, encoding, truncated: false });
  });

  it('cuts a long text, also inside a character', async () => {
    const shown = await previewOf(`x${'ü'.repeat(200_000)}`);
    expect(shown).toMatchObject({ kind: 'text', encoding: 'UTF-8', truncated: true });
    expect((shown as { text: string }).text).toBe(`x${'ü'.repeat(131_071)}`);
  });

  it.each([
    ['image/png', bytes('\x89PNG\r\n\x1a\n', [0, 0, 0, 13])], ['image/jpeg', bytes([0xff, 0xd8, 0xff, 0xe0])], ['image/gif', bytes('GIF89a', [0, 0])],
    ['image/webp', bytes('RIFF', [4, 0, 0, 0], 'WEBPVP8 ')], ['image/bmp', bytes('BM', [70, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0])], ['image/avif', bytes([0, 0, 0, 32], 'ftypavif')],
  ])('knows %s by its first bytes', async (mime, content) => {
    expect(await previewOf(content)).toEqual({ kind: 'picture', mime, bytes: content });
  });

  it('reads a picture whole, and none that is too large', async () => {
    const picture = new Uint8Array(1 << 20).fill(7);
    picture.set(bytes('\x89PNG\r\n\x1a\n'));
    const shown = await previewOf(picture);
    expect(shown).toMatchObject({ kind: 'picture', mime: 'image/png' });
    expect(Buffer.compare((shown as { bytes: Uint8Array }).bytes, picture)).toBe(0);
    expect(await previewOf(picture, 17 << 20)).toMatchObject({ kind: 'none' });
  });

  it('shows the start of anything else, and says why there is nothing to show', async () => {
    const binary = Uint8Array.from({ length: 10_000 }, (_, i) => i & 255);
    expect(await previewOf(binary)).toEqual({ kind: 'binary', bytes: binary.slice(0, 4096), truncated: true });
    expect(await previewOf('')).toMatchObject({ kind: 'none', reason: 'The file is empty' });
    const fs = new MemoryFileSystem(dir({ link: symlink('x') }));
    expect(await preview(fs, fs.root)).toMatchObject({ kind: 'none' });
    expect(await preview(fs, fs.lookup(fs.root, 'link')!)).toMatchObject({ kind: 'none' });
  });
});
