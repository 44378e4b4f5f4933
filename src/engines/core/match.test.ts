import { describe, expect, it } from 'vitest';
import { matchName } from './match.ts';
import { decodeName } from './names.ts';

const matches = (query: string, name: string): boolean => matchName(query)(name);

describe('names that are looked for', () => {
  it('hold the query anywhere, whatever its case', () => {
    expect(matches('READ', 'old-readme.txt')).toBe(true);
    expect(matches('read me', 'readme')).toBe(false);
    expect(matches('', 'anything')).toBe(true);
  });

  it.each([
    ['*.txt', 'a.TXT', true], ['*.txt', 'a.txt.gz', false], ['a*', 'ba', false], ['?.c', 'x.c', true], ['?.c', 'xy.c', false],
    ['*', '', true], ['?', '', false], ['a*b*c', 'a-b-b-c', true], ['a*b*c', 'a-c-b', false], ['**a**', 'xay', true], ['a?c*', 'abcdef', true],
    // One character, however many code units or bytes it has; a byte that spells none is one too.
    ['?.png', '\u{1f600}.png', true], ['??', '\u{1f600}', false], ['*?', '\u{1f600}', true], ['?.dat', `${decodeName(Uint8Array.of(0xff))}.dat`, true],
    // Nothing but the two signs has a meaning.
    ['*.[ch]', 'a.c', false], ['*.[ch]', 'a.[ch]', true], ['*.+(x)', 'a.+(x)', true], ['*\\.a', 'x.a', false],
  ])('%s describes %s: %s', (query, name, expected) => {
    expect(matches(query, name)).toBe(expected);
  });

  it('are the same however a letter is composed or cased', () => {
    expect(matches('CAFÉ', 'cafe\u0301 menu')).toBe(true);
    expect(matches('cafe\u0301', 'Café')).toBe(true);
    expect(matches('straße', 'STRASSE 1')).toBe(true);
    expect(matches('ΟΔΟΣ', 'οδος')).toBe(true);
    expect(matches('οδός', 'ΟΔΌΣ-2')).toBe(true);
    expect(matches('istanbul', 'İstanbul')).toBe(true);
    expect(matches('ПРИВЕТ*', 'привет.txt')).toBe(true);
  });

  it('are found beside bytes that spell nothing, and by how such bytes are shown', () => {
    const name = decodeName(Uint8Array.of(0x61, 0xff, 0xc3, 0x62));
    expect(matches('B', name)).toBe(true);
    expect(matches('a*b', name)).toBe(true);
    expect(matches('\\xff', name)).toBe(true);
    expect(matches('a\\xff\\xc3?', name)).toBe(true);
    expect(matches('\\xfe', name)).toBe(false);
    expect(matches('\\n', 'a\nb')).toBe(false);
    expect(matches('\\x0a', 'a\nb')).toBe(true);
  });

  it('never take long', () => {
    const started = performance.now();
    expect(matches(`${'*a'.repeat(200)}b`, 'a'.repeat(10_000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
