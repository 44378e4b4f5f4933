import { describe, expect, test } from 'vitest';
import { draftOf, freeName, nameLength, nameOfDraft, problemOf, stemLength } from './naming.ts';

const EXT4 = { longest: 255, unit: 'bytes', forbidden: '', caseSensitive: true } as const;
const FAT = { longest: 255, unit: 'UTF-16 units', forbidden: '"*:<>?\\|', caseSensitive: false } as const;

describe('names that are typed', () => {
  test('are measured in the unit of the filesystem', () => {
    expect(nameLength('für', EXT4)).toBe(4);
    expect(nameLength('für', FAT)).toBe(3);
    expect(nameLength('a\udcff', EXT4)).toBe(2);
    expect(problemOf('é'.repeat(128), EXT4, [])).toEqual({ kind: 'too-long', over: 1 });
    expect(problemOf('é'.repeat(128), FAT, [])).toBeUndefined();
  });

  test('are held against the rules, and against what is there', () => {
    expect(problemOf('', EXT4, [])).toEqual({ kind: 'empty' });
    expect(problemOf('..', EXT4, [])).toEqual({ kind: 'dots' });
    expect(problemOf('a/b', EXT4, [])).toEqual({ kind: 'forbidden', character: '/' });
    expect(problemOf('a:b', EXT4, [])).toBeUndefined();
    expect(problemOf('a:b', FAT, [])).toEqual({ kind: 'forbidden', character: ':' });
    expect(problemOf('etc', EXT4, ['ETC', 'etc'])).toEqual({ kind: 'taken', other: 'etc' });
    expect(problemOf('etc', EXT4, ['ETC'])).toBeUndefined();
    expect(problemOf('etc', FAT, ['ETC'])).toEqual({ kind: 'taken', other: 'ETC' });
  });

  test('keep what can’t be shown through a field, and take no backslash for more than it is elsewhere', () => {
    const hostile = 'line\nbreak\u202e\udcff.txt';
    expect(draftOf(hostile)).toBe('line\\x0abreak\\u{202e}\\xff.txt');
    expect(nameOfDraft(draftOf(hostile), hostile)).toBe(hostile);
    expect(nameOfDraft('x\\x0a\\u{202d}', hostile)).toBe('x\n\\u{202d}');
    expect(nameOfDraft('a\\x0a', 'plain')).toBe('a\\x0a');
  });

  test('are selected without their extension', () => {
    expect(stemLength('a.tar.gz', false)).toBe(5);
    expect(stemLength('.profile', false)).toBe(8);
    expect(stemLength('photos.old', true)).toBe(10);
    expect(stemLength('README', false)).toBe(6);
  });

  test('are made up where they are free', () => {
    const spell = (n: number): string => (n === 1 ? 'New' : `New ${n}`);
    expect(freeName(spell, new Set())).toBe('New');
    expect(freeName(spell, new Set(['New', 'New 2']))).toBe('New 3');
    expect(freeName(spell, new Set(['New', 'New 3']))).toBe('New 2');
  });
});
