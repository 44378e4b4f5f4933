import { describe, expect, test } from 'vitest';
import { formatCount, formatDuration, formatExactSize, formatExactTime, formatMode, formatMoment, formatOctal, formatSize, formatTime } from './format.ts';

process.env['TZ'] = 'Europe/Berlin';

describe('formats', () => {
  test.each([
    [0, '0 B'], [1, '1 B'], [999, '999 B'], [1000, '0.98 KiB'], [1024, '1.00 KiB'], [10_240, '10.0 KiB'], [102_400, '100 KiB'], [1_048_575, '1.00 MiB'], [4_831_838_208, '4.50 GiB'], [2 ** 53, '8.00 PiB'],
  ])('%i bytes are %s', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });

  test('exact sizes and counts', () => {
    expect(formatExactSize(1)).toBe('1 byte');
    expect(formatExactSize(170)).toBe('170 bytes');
    expect(formatExactSize(1_234_567)).toBe('1.18 MiB (1,234,567 bytes)');
    expect(formatCount(1_000_000)).toBe('1,000,000');
  });

  test('times with zone, nanoseconds, before 1970 and after 2446', () => {
    expect(formatTime(1_700_000_000_000_000_000n)).toBe('2023-11-14 23:13');
    expect(formatExactTime(1_700_000_000_123_456_789n)).toBe('2023-11-14 23:13:20.123456789 +01:00');
    expect(formatExactTime(1_720_000_000_000_000_001n)).toBe('2024-07-03 11:46:40.000000001 +02:00');
    expect(formatExactTime(-1n)).toBe('1970-01-01 00:59:59.999999999 +01:00');
    expect(formatTime(15_032_385_535_999_999_999n)).toBe('2446-05-11 00:38');
    // Beyond what a Date holds.
    expect(formatTime(9_000_000_000_000_000n * 1_000_000_000n)).toBe('9000000000000000 s');
  });

  test.each([
    ['file', 0o644, '-rw-r--r--'], ['dir', 0o755, 'drwxr-xr-x'], ['file', 0o4755, '-rwsr-xr-x'], ['file', 0o4644, '-rwSr--r--'], ['dir', 0o1777, 'drwxrwxrwt'], ['dir', 0o3770, 'drwxrws--T'], ['symlink', 0o777, 'lrwxrwxrwx'], ['socket', 0, 's---------'], ['char', 0o620, 'crw--w----'],
  ] as const)('%s of mode %i is %s', (type, mode, text) => {
    expect(formatMode(type, mode)).toBe(text);
  });

  test('octal, durations, moments', () => {
    expect(formatOctal(0o644)).toBe('0644');
    expect(formatOctal(0o4755)).toBe('4755');
    expect([0.4, 45, 200, 3600, 7500].map(formatDuration)).toEqual(['0 s', '45 s', '3 min 20 s', '1 h', '2 h 5 min']);
    const noon = Date.UTC(2024, 5, 1, 10);
    expect(formatMoment(noon, noon + 3_600_000)).toEqual({ today: true, text: '12:00' });
    expect(formatMoment(noon, noon + 86_400_000)).toEqual({ today: false, text: '2024-06-01' });
  });
});
