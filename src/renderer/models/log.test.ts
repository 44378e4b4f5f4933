import { describe, expect, test } from 'vitest';
import { MOST_LINES, NO_LINES, originsOf, plainText, shownLine, withLines } from './log.ts';

describe('a log', () => {
  test('keeps the newest lines and counts those that are gone', () => {
    const line = (n: number) => ({ text: `${n}`, from: n % 2 === 0 ? 'console' : 'qmp' });
    const log = withLines(withLines(NO_LINES, Array.from({ length: MOST_LINES }, (_, n) => line(n))), [line(MOST_LINES), line(MOST_LINES + 1)]);
    expect(log.lines.length).toBe(MOST_LINES);
    expect(log.dropped).toBe(2);
    expect(log.lines[0]!.text).toBe('2');
    expect(log.lines.at(-1)!.text).toBe(`${MOST_LINES + 1}`);
    expect([...originsOf(log)]).toEqual([['console', MOST_LINES / 2], ['qmp', MOST_LINES / 2]]);
  });

  test('shows what would act in words, and of an endless line its beginning', () => {
    const { segments, left } = shownLine('\u001b[31mred\u202etxt\u0007\nnext');
    expect(segments.map(({ text }) => text).join('')).toBe('\\x1b[31mred\\u{202e}txt\\x07\\x0anext');
    expect(left).toBe(0);
    const long = shownLine('x'.repeat(10_000));
    expect(long.segments.map(({ text }) => text.length)).toEqual([2000]);
    expect(long.left).toBe(8000);
    // A pair is not cut in its middle.
    expect(shownLine(`${'x'.repeat(1999)}😀y`)).toEqual({ segments: [{ text: 'x'.repeat(1999), mark: false }], left: 3 });
  });

  test('is text without anything that acts, whole', () => {
    expect(plainText([{ at: 1234, from: 'console', text: 'a\u001b[2Jb' }, { text: 'y'.repeat(3000) }], (from) => from.toUpperCase())).toBe(`1.234\tCONSOLE\ta\\x1b[2Jb\n${'y'.repeat(3000)}`);
  });
});
