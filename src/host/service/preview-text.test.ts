import { describe, expect, it } from 'vitest';
import { TEXT_ENCODINGS, type TextEncoding } from '../../shared/contract/preview.ts';
import { decodePart, guessEncoding, markLength, textPart } from './preview-text.ts';

/** Bytes of a text, found by asking the decoder what each byte and each pair of bytes means. */
function encode(encoding: TextEncoding, text: string): Uint8Array {
  if (encoding === 'utf-8') return new TextEncoder().encode(text);
  if (encoding.startsWith('utf-')) {
    const wide = encoding.startsWith('utf-32') ? 4 : 2;
    const units = wide === 4 ? Array.from(text, (c) => c.codePointAt(0)!) : text.split('').map((c) => c.charCodeAt(0));
    const bytes = units.flatMap((unit) => Array.from({ length: wide }, (_, i) => (unit / 2 ** (8 * i)) & 255));
    if (encoding.endsWith('be')) for (let i = 0; i < bytes.length; i += wide) bytes.splice(i, wide, ...bytes.slice(i, i + wide).toReversed());
    return Uint8Array.from(bytes);
  }
  const decode = (...bytes: number[]): string => decodePart(Uint8Array.from(bytes), encoding, false).text;
  const codes = new Map<string, number[]>();
  for (let a = 0; a < 256; a++) codes.set(decode(a), [a]);
  for (let a = 0x81; a < 0xff; a++) {
    for (let b = 0x30; b < 0xff; b++) {
      const made = decode(a, b);
      if ([...made].length === 1 && made !== '\ufffd' && !codes.has(made)) codes.set(made, [a, b]);
    }
  }
  return Uint8Array.from(Array.from(text).flatMap((character) => codes.get(character)!));
}

const guess = (bytes: Uint8Array): string | undefined => guessEncoding(bytes, false)?.encoding;

describe('the encoding of a text', () => {
  it.each<[TextEncoding, string]>([
    ['utf-8', 'grüße 日本語'],
    ['utf-16le', 'Ein Text ohne Zeichen am Anfang.\n'],
    ['utf-16be', 'Ein Text ohne Zeichen am Anfang.\n'],
    ['utf-16le', 'Ab'],
    ['utf-32le', 'Ein Text ohne Zeichen am Anfang.\n'],
    ['utf-32be', 'Ein Text ohne Zeichen am Anfang.\n'],
    ['utf-16le', '日本語の文書。 改行と 空白が ある。\nもう 一行。\n'],
    ['windows-1252', 'Der Bär läuft über die Straße “schnell” – für 5 €'],
    ['windows-1252', 'Grüße'],
    ['windows-1251', 'Это текстовый файл на русском языке, для проверки кодировки.'],
    ['koi8-r', 'Это текстовый файл на русском языке, для проверки кодировки.'],
    ['shift_jis', '日本語のテキストファイルです。これは文字コードの判定を試すためのものです。'],
    ['euc-jp', '日本語のテキストファイルです。これは文字コードの判定'],
    ['gb18030', '这是一个中文文本文件，用来测试编码的检测。'],
    ['big5', '這是一個中文文字檔案，用來測試編碼的偵測。'],
    ['euc-kr', '이것은 한국어 텍스트 파일입니다. 인코딩을 검사합니다.'],
  ])('%s is found: %s', (encoding, text) => {
    const bytes = encode(encoding, text);
    expect(guess(bytes)).toBe(encoding);
    expect(decodePart(bytes, encoding, false).text).toBe(text);
  });

  it('marks are believed, that of UTF-32 before that of UTF-16', () => {
    expect(guessEncoding(Uint8Array.of(0xff, 0xfe, 0, 0, 65, 0, 0, 0), false)).toEqual({ encoding: 'utf-32le', mark: 4 });
    expect(guessEncoding(Uint8Array.of(0, 0, 0xfe, 0xff, 0, 0, 0, 65), false)).toEqual({ encoding: 'utf-32be', mark: 4 });
    expect(guessEncoding(Uint8Array.of(0xff, 0xfe, 65, 0), false)).toEqual({ encoding: 'utf-16le', mark: 2 });
    expect(markLength(Uint8Array.of(0xef, 0xbb, 0xbf), 'utf-8')).toBe(3);
    expect(markLength(Uint8Array.of(0xef, 0xbb, 0xbf), 'utf-16le')).toBe(0);
  });

  it.each<[string, Uint8Array]>([
    ['zeros', new Uint8Array(512)],
    ['zeros with an end', Uint8Array.from({ length: 512 }, (_, i) => (i > 509 ? 0x55 : 0))],
    ['all bytes', Uint8Array.from({ length: 1024 }, (_, i) => i & 255)],
    ['numbers of 16 bits', Uint8Array.from({ length: 1024 }, (_, i) => (i & 1 ? 0 : i & 255))],
    ['numbers of 32 bits', Uint8Array.from({ length: 1024 }, (_, i) => (i & 3 ? 0 : i & 31))],
    ['controls', new Uint8Array(100).fill(7)],
  ])('%s are no text', (_, bytes) => {
    expect(guess(bytes)).toBeUndefined();
  });

  it.each(TEXT_ENCODINGS)('%s: parts cut anywhere make the whole', (encoding) => {
    const text = encoding.startsWith('utf') ? 'a😀ü日\nxyz 😀😀 日本' : { shift_jis: '日本語 です\n改行', 'euc-jp': '日本語 です\n改行', gb18030: '中文 文本\n文件', big5: '中文 文本\n文件', 'euc-kr': '한국어 파일\n입니다' }[encoding as string] ?? 'plain text\nof bytes';
    const bytes = encode(encoding, text);
    // Elsewhere a part ends after a space or a newline: one is in every nine bytes of these.
    for (const length of encoding.startsWith('utf') ? [6, 7, 9, 11, 13] : [9, 11, 13]) {
      let whole = '';
      let steps = 0;
      for (let next: number | undefined = 0; next !== undefined && steps < 100; steps++) {
        const part = textPart(bytes.subarray(next, next + length), next, bytes.length, encoding);
        whole += part.text;
        expect(part.next ?? Infinity).toBeGreaterThan(next);
        next = part.next;
      }
      expect(whole).toBe(text);
    }
  });
});
