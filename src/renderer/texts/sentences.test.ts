import { describe, expect, it } from 'vitest';
import { sentences } from './sentences.ts';

describe('sentences', () => {
  it('are closed once, and apart from each other', () => {
    expect(sentences('The process ended', undefined, 'Open it again.')).toBe('The process ended. Open it again.');
    expect(sentences('Reading …', '', 'Why?')).toBe('Reading … Why?');
    expect(sentences(undefined)).toBe('');
  });
});
