import { describe, expect, test } from 'vitest';
import { type LoadedText, NO_TEXT, textBlocks, visible, visibleText, withPart } from './visible-text.ts';

const joined = (text: string): string => textBlocks(text).map((block, i) => `${i > 0 && !block.continued ? '\n' : ''}${block.text}`).join('');

describe('text for showing', () => {
  test('what would act is spelled, what is seen is not', () => {
    expect(visible('plain\ttext\nläuft')).toEqual([{ text: 'plain\ttext\nläuft', mark: false }]);
    expect(visible('a\u001b[31m\u202eb')).toEqual([{ text: 'a', mark: false }, { text: '\\x1b', mark: true }, { text: '[31m', mark: false }, { text: '\\u{202e}', mark: true }, { text: 'b', mark: false }]);
    expect(visible('dos\r\nlines\r')).toEqual([{ text: 'dos\nlines', mark: false }]);
    expect(visible('old\rmac')[1]).toEqual({ text: '\\x0d', mark: true });
    expect(visible('family 👩‍👧 and می‌خواهم')).toHaveLength(1);
  });

  test('text that is all controls is no crowd of elements', () => {
    const segments = visible('\u0007'.repeat(100_000));
    expect(segments).toHaveLength(1);
    expect(segments[0]!.text).toHaveLength(400_000);
  });

  test('is cut at newlines, and nothing of it is lost', () => {
    const text = Array.from({ length: 5000 }, (_, i) => `line ${i}`).join('\n');
    const blocks = textBlocks(text);
    expect(blocks.length).toBeGreaterThan(8);
    expect(blocks.every((block) => block.text.length <= 4096 && !block.continued)).toBe(true);
    expect(joined(text)).toBe(text);
    expect(joined('\n\na\n')).toBe('\n\na');
  });

  test('comes in parts that end anywhere, and its lines stay whole', () => {
    const text = Array.from({ length: 3000 }, (_, i) => `line ${i}`).join('\n');
    let loaded: LoadedText = NO_TEXT;
    for (let at = 0; at < text.length; at += 1000) loaded = withPart(loaded, text.slice(at, at + 1000), at + 1000 >= text.length);
    expect(loaded.parts.flat().some((block) => block.continued)).toBe(false);
    expect(loaded.parts.flat().map((block) => block.text).join('\n')).toBe(text);
    let long: LoadedText = NO_TEXT;
    for (let i = 0; i < 4; i++) long = withPart(long, 'x'.repeat(20_000), i === 3);
    expect(long.parts.flat().map((block) => block.text).join('')).toBe('x'.repeat(80_000));
    expect(long.parts.flat().filter((block) => !block.continued)).toHaveLength(1);
    expect(withPart(withPart(NO_TEXT, 'a\nb', false), 'c\n', true).parts).toEqual([[{ text: 'a', continued: false }], [{ text: 'bc', continued: false }]]);
  });

  test('a line of ten megabytes is cut in its middle, never inside of a character', () => {
    const text = `x${'😀'.repeat(500_000)}`;
    const blocks = textBlocks(text);
    expect(blocks.every((block, i) => block.text.length <= 16_384 && block.continued === i > 0 && block.text.isWellFormed())).toBe(true);
    expect(joined(text)).toBe(text);
  });

  test('is one string for a sentence; what is spelled already stays as it is', () => {
    expect(visibleText('a \u001b[31mred\u202e word')).toBe('a \\x1b[31mred\\u{202e} word');
    expect(visibleText('\\x1b two\nlines')).toBe('\\x1b two\nlines');
  });
});
