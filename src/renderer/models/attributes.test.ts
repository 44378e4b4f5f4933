import { expect, test } from 'vitest';
import { parseHex, parseId, parseOctal, parseTime, spellHex, spellTime, withBit } from './attributes.ts';

test('modes are octal, of twelve bits', () => {
  expect(parseOctal('0644')).toBe(0o644);
  expect(parseOctal('4755')).toBe(0o4755);
  for (const wrong of ['', '8', '12345', '-1', '0x1']) expect(parseOctal(wrong), wrong).toBeUndefined();
  expect(withBit(0o644, 0o100, true)).toBe(0o744);
  expect(withBit(0o744, 0o004, false)).toBe(0o740);
});

test('owners are numbers of 32 bits, but for the one that means nobody', () => {
  expect(parseId('0')).toBe(0);
  expect(parseId('4294967294')).toBe(4_294_967_294);
  for (const wrong of ['', '4294967295', '-1', '1.5', 'root']) expect(parseId(wrong), wrong).toBeUndefined();
});

test('times come back to the nanosecond', () => {
  for (const ns of [0n, 1_700_000_000_123_456_789n, -2_147_483_648_000_000_001n, 15_032_385_535_999_999_999n]) expect(parseTime(spellTime(ns)!)).toBe(ns);
  expect(parseTime('2024-02-29 12:30')).toBe(BigInt(new Date(2024, 1, 29, 12, 30).getTime()) * 1_000_000n);
  for (const wrong of ['', '2023-02-29 12:30', '2024-04-31 00:00', '2024-01-01 24:00', '2024-01-01', 'now']) expect(parseTime(wrong), wrong).toBeUndefined();
  expect(spellTime(10n ** 30n)).toBeUndefined();
});

test('bytes are pairs of hex digits', () => {
  expect(parseHex('00 ff\n7A')).toEqual(Uint8Array.of(0, 255, 122));
  expect(parseHex('')).toEqual(new Uint8Array());
  expect(parseHex('0')).toBeUndefined();
  expect(parseHex('zz')).toBeUndefined();
  expect(spellHex(Uint8Array.of(0, 255))).toBe('00 ff');
});
