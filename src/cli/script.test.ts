import { describe, expect, it } from 'vitest';
import { decodeName } from '../engines/core/names.ts';
import { wordsOf } from './script.ts';

describe('a line of a script', () => {
  it.each<[string, string[]]>([
    ['', []], ['   \t ', []], ['# all of it', []], ['mkdir /a', ['mkdir', '/a']], ['  put\ta   b  ', ['put', 'a', 'b']], ['rm a#b # and not this', ['rm', 'a#b']],
    [`rm 'a b' "c d" e\\ f`, ['rm', 'a b', 'c d', 'e f']], [`'a'"b"c`, ['abc']], [`'' ""`, ['', '']], [`'\\n' "\\n" \\n`, ['\\n', '\n', '\n']],
    [`"a\\"b" 'c"d' "e'f" \\\\`, ['a"b', 'c"d', "e'f", '\\']], ['\\x41\\u{1F600} größe', ['A😀', 'größe']], ['"#" \\#', ['#', '#']], ['a\r', ['a']],
  ])('%j is %j', (line, words) => {
    expect(wordsOf(line)).toEqual(words);
  });

  it('holds names that are not UTF-8', () => {
    expect(wordsOf('"bad\\xff\\xfename"')).toEqual([decodeName(Uint8Array.of(0x62, 0x61, 0x64, 0xff, 0xfe, 0x6e, 0x61, 0x6d, 0x65))]);
  });

  it.each([[`'a`, 'not closed'], ['"a\\"', 'not closed'], ['a\\', 'ends with a backslash']])('%j says what is wrong', (line, what) => {
    expect(() => wordsOf(line)).toThrow(what);
  });
});
