import { describe, expect, test } from 'vitest';
import { fuzzyScore } from './fuzzy.ts';

const ranked = (query: string, texts: string[]) => texts.map((text) => [text, fuzzyScore(query, text)] as const).filter(([, score]) => score !== undefined).toSorted((a, b) => b[1]! - a[1]!).map(([text]) => text);

describe('fuzzy', () => {
  test('takes letters in order, and nothing else', () => {
    expect(fuzzyScore('xtr', 'Extract to…')).toBeDefined();
    expect(fuzzyScore('txe', 'Extract to…')).toBeUndefined();
    expect(fuzzyScore('', 'anything')).toBe(0);
    expect(fuzzyScore('q', '')).toBeUndefined();
  });

  test('prefers the beginning, then the beginnings of words, then runs', () => {
    expect(ranked('pre', ['Compress', 'Show preview', 'Preview pane'])).toEqual(['Preview pane', 'Show preview', 'Compress']);
    expect(ranked('ci', ['Clipping', 'Close image', 'Copy inode'])[0]).not.toBe('Clipping');
    expect(ranked('close oth', ['Close images after this one', 'Close other images'])[0]).toBe('Close other images');
  });
});
