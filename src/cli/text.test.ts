import { describe, expect, it } from 'vitest';
import { timeText } from './text.ts';

describe('timeText', () => {
  it('tells the second in UTC, and its nine digits where they are wanted', () => {
    expect(timeText(1_700_000_000_123_456_789n)).toBe('2023-11-14 22:13:20');
    expect(timeText(1_700_000_000_000_000_789n, true)).toBe('2023-11-14 22:13:20.000000789');
  });

  it('rounds down before 1970', () => {
    expect(timeText(-1n, true)).toBe('1969-12-31 23:59:59.999999999');
    expect(timeText(-1_000_000_000n, true)).toBe('1969-12-31 23:59:59.000000000');
  });

  it('counts the seconds where no calendar goes, exactly', () => {
    expect(timeText((2n ** 63n - 1n) * 1_000_000_000n)).toBe(`@${2n ** 63n - 1n}`);
    expect(timeText(-(2n ** 62n) * 1_000_000_000n - 1n)).toBe(`@${-(2n ** 62n) - 1n}`);
  });
});
