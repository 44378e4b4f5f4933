import { describe, expect, test } from 'vitest';
import { hexLines } from './hex.ts';
import { LONGEST_SHOWN, shownName, suffixOf } from './names.ts';
import { isTyping, NOTHING_TYPED, typed } from './type-ahead.ts';

describe('names', () => {
  test('spaces at the ends are counted, so that they can be shown', () => {
    expect(shownName(' a b  ')).toEqual({ before: 1, text: 'a b', after: 2 });
    expect(shownName('   ')).toEqual({ before: 3, text: '', after: 0 });
  });

  test('a name of 10,000 characters is cut, and never in half a character', () => {
    const { text } = shownName('x'.repeat(10_000));
    expect(text).toHaveLength(LONGEST_SHOWN + 1);
    expect(shownName(`${'x'.repeat(LONGEST_SHOWN - 1)}😀tail`).text.isWellFormed()).toBe(true);
  });

  test.each([['a.PNG', 'PNG'], ['a.tar.gz', 'GZ'], ['.bashrc', ''], ['noise.\u202egpj', ''], ['a.verylongsuffix', ''], ['none', '']])('the suffix of %j is %j', (name, suffix) => {
    expect(suffixOf(name)).toBe(suffix);
  });
});

describe('type-ahead', () => {
  test('a word grows on the row that fits; the same letter steps on; a pause begins anew', () => {
    const f = typed(NOTHING_TYPED, 'f', 1000, 4);
    expect(f).toMatchObject({ prefix: 'f', from: 5 });
    const fi = typed(f.next, 'i', 1200, 7);
    expect(fi).toMatchObject({ prefix: 'fi', from: 7 });
    expect(typed(f.next, 'f', 1200, 7)).toMatchObject({ prefix: 'f', from: 8 });
    expect(typed(fi.next, 'x', 5000, 7)).toMatchObject({ prefix: 'x', from: 8 });
    expect(isTyping(fi.next, 1300)).toBe(true);
    expect(isTyping(fi.next, 9000)).toBe(false);
  });
});

describe('hex', () => {
  test('sixteen bytes a line, the last one short', () => {
    const lines = hexLines(Uint8Array.from({ length: 18 }, (_, i) => i + 0x3f), 0x200);
    expect(lines).toEqual([
      { at: '00000200', hex: '3f 40 41 42 43 44 45 46  47 48 49 4a 4b 4c 4d 4e', text: '?@ABCDEFGHIJKLMN' },
      { at: '00000210', hex: '4f 50', text: 'OP' },
    ]);
  });
});
