import type { EntryRow } from '../../shared/contract/rows.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

/** Bytes for people, three figures: "0 B", "1.50 KiB", "12.3 MiB", "456 GiB". */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 999.5 would be rounded to four figures.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  if (unit === 0) return `${value} ${UNITS[0]}`;
  return `${value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)} ${UNITS[unit]}`;
}

/** Digits in groups of three: "1,234,567". */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** "1,234,567 bytes" beside a rounded size. */
export function formatExactSize(bytes: number): string {
  return bytes < 1000 ? `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}` : `${formatSize(bytes)} (${formatCount(bytes)} bytes)`;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** A Date for nanoseconds since 1970, or undefined outside of what a Date can hold (a hostile inode may say the year 300,000). */
function dateOf(ns: bigint): Date | undefined {
  const date = new Date(Number(ns / 1_000_000n));
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function dayOf(date: Date): string {
  return `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** Local time to the minute, the same width in every row: "2024-03-01 09:05". */
export function formatTime(ns: bigint): string {
  const date = dateOf(ns);
  return date === undefined ? `${ns / 1_000_000_000n} s` : `${dayOf(date)} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Local time to the nanosecond with its offset from UTC: "2024-03-01 09:05:07.123456789 +01:00". */
export function formatExactTime(ns: bigint): string {
  const date = dateOf(ns);
  const fraction = String(((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n).padStart(9, '0');
  if (date === undefined) return `${ns / 1_000_000_000n}.${fraction} s`;
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  // A Date rounds towards zero, time goes forward: before 1970 a fraction belongs to the second before.
  const second = ns < 0n && ns % 1_000_000_000n !== 0n ? dateOf(ns - (((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n)) ?? date : date;
  return `${dayOf(second)} ${two(second.getHours())}:${two(second.getMinutes())}:${two(second.getSeconds())}.${fraction} ${zone}`;
}

const TYPE_LETTERS: Readonly<Record<EntryRow['type'], string>> = { file: '-', dir: 'd', symlink: 'l', char: 'c', block: 'b', fifo: 'p', socket: 's' };

/** "drwxr-sr-t", as ls(1) spells it. */
export function formatMode(type: EntryRow['type'], mode: number): string {
  const triple = (shift: number, special: boolean, letter: string): string => {
    const bits = (mode >> shift) & 7;
    const execute = (bits & 1) !== 0;
    const last = special ? (execute ? letter : letter.toUpperCase()) : execute ? 'x' : '-';
    return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${last}`;
  };
  return TYPE_LETTERS[type] + triple(6, (mode & 0o4000) !== 0, 's') + triple(3, (mode & 0o2000) !== 0, 's') + triple(0, (mode & 0o1000) !== 0, 't');
}

/** "0644", "4755". */
export function formatOctal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

/** Seconds for people: "under a second" is 0 s; "45 s", "3 min 20 s", "2 h 5 min". */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return whole % 60 === 0 ? `${whole / 60} min` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** "0x1f400" for places. */
export function formatOffset(at: number): string {
  return `0x${at.toString(16)}`;
}

/** The day and time of a moment in milliseconds since 1970: "today 14:05", else the date. */
export function formatMoment(ms: number, now: number): { today: boolean; text: string } {
  const date = new Date(ms);
  const today = dayOf(date) === dayOf(new Date(now));
  return { today, text: today ? `${two(date.getHours())}:${two(date.getMinutes())}` : dayOf(date) };
}
