import { describe, expect, it } from 'vitest';
import { pictureSize, pictureType } from './preview-picture.ts';

const bytes = (...parts: (string | number[])[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part, 'latin1')] : part)));
const be = (value: number, length = 4): number[] => Array.from({ length }, (_, i) => Math.floor(value / 2 ** (8 * (length - 1 - i))) & 255);
const le = (value: number, length = 4): number[] => be(value, length).toReversed();
const box = (type: string, ...parts: number[][]): number[] => {
  const content = parts.flat();
  return [...be(content.length + 8), ...Buffer.from(type, 'latin1'), ...content];
};
const zeros = (length: number): number[] => Array.from({ length }, () => 0);

const PNG = bytes('\x89PNG\r\n\x1a\n', be(13), 'IHDR', be(640), be(480), [8, 6, 0, 0, 0]);
const ispe = (width: number, height: number): number[] => box('ispe', be(0), be(width), be(height));
const avif = (...sizes: [number, number][]): Uint8Array => bytes(box('ftyp', [...Buffer.from('avif')], be(0)), box('meta', be(0), box('iprp', box('ipco', ...sizes.map(([w, h]) => ispe(w, h))))));

describe('a picture', () => {
  it.each<[string, string, Uint8Array, number, number]>([
    ['PNG', 'image/png', PNG, 640, 480],
    ['JPEG behind a thumbnail', 'image/jpeg', bytes([0xff, 0xd8, 0xff, 0xe1], be(20, 2), zeros(18), [0xff, 0xff, 0xdb, 0, 3, 0], [0xff, 0xc2, 0, 11, 8], be(300, 2), be(400, 2), [1, 1, 0x11, 0]), 400, 300],
    ['GIF', 'image/gif', bytes('GIF89a', le(10, 2), le(20, 2), [0, 0, 0]), 10, 20],
    ['GIF with a frame larger than its screen', 'image/gif', bytes('GIF89a', le(1, 2), le(1, 2), [0x80, 0, 0], zeros(6), [0x21, 0xf9, 4, 0, 0, 0, 0, 0], [0x2c], le(5, 2), le(6, 2), le(60_000, 2), le(50_000, 2), [0, 2, 1, 0, 0, 0x3b]), 60_005, 50_006],
    ['WebP, lossy', 'image/webp', bytes('RIFF', le(30), 'WEBPVP8 ', le(10), zeros(6), le(320, 2), le(0xc000 | 240, 2)), 320, 240],
    ['WebP, lossless', 'image/webp', bytes('RIFF', le(30), 'WEBPVP8L', le(10), [0x2f], le(((240 - 1) << 14) | (320 - 1))), 320, 240],
    ['WebP, extended', 'image/webp', bytes('RIFF', le(30), 'WEBPVP8X', le(10), le(0), le(16_383, 3), le(16_382, 3)), 16_384, 16_383],
    ['BMP', 'image/bmp', bytes('BM', le(70), le(0), le(54), le(40), le(7), le(9)), 7, 9],
    ['BMP from the top', 'image/bmp', bytes('BM', le(70), le(0), le(54), le(40), le(7), le(2 ** 32 - 9)), 7, 9],
    ['BMP of OS/2', 'image/bmp', bytes('BM', le(70), le(0), le(26), le(12), le(7, 2), le(9, 2)), 7, 9],
    ['AVIF, by its largest part', 'image/avif', avif([64, 64], [4000, 3000]), 4000, 3000],
    ['ICO with a PNG that its directory makes small', 'image/x-icon', bytes(le(0, 2), le(1, 2), le(2, 2), [16, 16, 0, 0], le(1, 2), le(32, 2), le(40), le(38), [32, 32, 0, 0], le(1, 2), le(32, 2), le(PNG.length + 40), le(78), le(40), le(16), le(32), zeros(28), [...PNG]), 640, 480],
  ])('%s tells its size', (_, mime, picture, width, height) => {
    expect(pictureType(picture)).toBe(mime);
    expect(pictureSize(mime, picture)).toEqual({ width, height });
    // Cut anywhere, it says less or nothing, and never throws.
    for (let length = 0; length < picture.length; length++) {
      const cut = pictureSize(mime, picture.subarray(0, length));
      expect(cut === undefined || cut.width * cut.height <= width * height).toBe(true);
    }
  });

  it('says nothing without sense', () => {
    expect(pictureSize('image/png', bytes('\x89PNG\r\n\x1a\n', be(13), 'IDAT', be(1), be(1)))).toBeUndefined();
    expect(pictureSize('image/png', bytes('\x89PNG\r\n\x1a\n', be(13), 'IHDR', be(0), be(1)))).toBeUndefined();
    expect(pictureSize('image/jpeg', bytes([0xff, 0xd8, 0xff, 0xda]))).toBeUndefined();
    // Segments and boxes that lead nowhere, or round and round.
    expect(pictureSize('image/jpeg', new Uint8Array(1 << 20).fill(0xff))).toBeUndefined();
    expect(pictureSize('image/avif', bytes(box('ftyp', [...Buffer.from('avif')]), be(4), 'meta', be(1), 'meta'))).toBeUndefined();
    expect(pictureSize('image/svg+xml', PNG)).toBeUndefined();
  });

  it('icons and bitmaps need more than their few magic bytes', () => {
    expect(pictureType(bytes([0, 0, 1, 0, 0xff, 0xff], zeros(64)))).toBeUndefined();
    expect(pictureType(bytes([0, 0, 1, 0, 1, 0], zeros(64)))).toBeUndefined();
    expect(pictureType(bytes('BM and more text than that'))).toBeUndefined();
  });
});
