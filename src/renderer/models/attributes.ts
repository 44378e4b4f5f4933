/** What is typed to change attributes of an entry: permissions of twelve bits, owners, times, bytes. */

/** The mode that octal digits spell; undefined when they spell none. */
export function parseOctal(text: string): number | undefined {
  return /^[0-7]{1,4}$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

/** A mode with one bit turned on or off. */
export function withBit(mode: number, bit: number, on: boolean): number {
  return on ? mode | bit : mode & ~bit;
}

/** An owner's or group's number: 32 bits. */
export function parseId(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  // The highest number means "nobody in particular" to the system calls that set it.
  return id < 0xffff_ffff ? id : undefined;
}

const LOCAL = /^(-?\d{4,6})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?$/;

/** Nanoseconds since 1970 of a local time: "2024-03-01 09:05", with ":07" and ".123456789" where they are known. Undefined when it is none. */
export function parseTime(text: string): bigint | undefined {
  const parts = LOCAL.exec(text.trim());
  if (parts === null) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((part) => Number(part ?? 0)) as [number, number, number, number, number, number];
  const date = new Date(2000, 0, 1);
  date.setFullYear(year, month - 1, day);
  date.setHours(hour, minute, second, 0);
  // What a calendar does not have (the 31st of April, hour 25) comes out as something else.
  if (date.getMonth() !== month - 1 || date.getDate() !== day || minute > 59 || second > 59 || hour > 23) return undefined;
  const time = date.getTime();
  return Number.isNaN(time) ? undefined : BigInt(time) * 1_000_000n + BigInt((parts[7] ?? '').padEnd(9, '0'));
}

/** A time as `parseTime` reads it, to the nanosecond; undefined where no calendar goes so far. */
export function spellTime(ns: bigint): string | undefined {
  const fraction = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const date = new Date(Number((ns - fraction) / 1_000_000n));
  if (Number.isNaN(date.getTime()) || date.getFullYear() < 0 || date.getFullYear() > 9999) return undefined;
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(fraction).padStart(9, '0')}`;
}

/** The bytes that hex digits spell, spaces aside; undefined when they spell none. */
export function parseHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  const digits = text.replace(/\s/g, '');
  if (!/^(?:[0-9a-f]{2})*$/i.test(digits)) return undefined;
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16));
}

/** Bytes as hex digits in pairs. */
export function spellHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
