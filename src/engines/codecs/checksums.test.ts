import { describe, expect, it } from 'vitest';
import { crc16 } from './crc16.ts';
import { crc32c, crc32cOf32, crc32cOfZeros } from './crc32c.ts';

const ascii = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const whole = (bytes: Uint8Array) => ~crc32c(0xffffffff, bytes) >>> 0;

describe('crc32c', () => {
  it('gives the check value of the CRC catalogue and the vectors of RFC 3720 B.4', () => {
    expect(whole(ascii('123456789'))).toBe(0xe3069283);
    expect(whole(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(whole(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(whole(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(whole(Uint8Array.from({ length: 32 }, (_, i) => 31 - i))).toBe(0x113fdb5c);
  });

  it('is the same in one go and in pieces, at every length and offset', () => {
    const bytes = Uint8Array.from({ length: 100 }, (_, i) => (i * 37 + 11) & 0xff);
    for (let length = 0; length <= 80; length++) {
      const at = length % 19;
      let byByte = 0x12345678;
      for (let i = at; i < at + length; i++) byByte = crc32c(byByte, bytes, i, i + 1);
      expect(crc32c(0x12345678, bytes, at, at + length)).toBe(byByte);
    }
  });

  it('counts words of zeros, wherever they stand', () => {
    for (let zeros = 0; zeros < 0x400; zeros++) {
      const bytes = Uint8Array.from({ length: 40 }, (_, i) => ((zeros >>> (i >>> 2)) & 1 ? 0 : i * 91 + 7));
      let byByte = 0x12345678;
      for (let i = 0; i < bytes.length; i++) byByte = crc32c(byByte, bytes, i, i + 1);
      expect(crc32c(0x12345678, bytes)).toBe(byByte);
    }
  });

  it('chains numbers and zeros as their bytes', () => {
    expect(crc32cOf32(0x9abcdef0, 0x81020304)).toBe(crc32c(0x9abcdef0, Uint8Array.of(4, 3, 2, 0x81)));
    expect(crc32cOfZeros(0x9abcdef0, 7)).toBe(crc32c(0x9abcdef0, new Uint8Array(7)));
  });
});

describe('crc16', () => {
  it('gives the check values of the CRC catalogue', () => {
    expect(crc16(0, ascii('123456789'))).toBe(0xbb3d);
    expect(crc16(0xffff, ascii('123456789'))).toBe(0x4b37);
  });
});
