import type { EntryType, Stat } from '../engines/core/filesystem.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Bytes for people: "512 B", "1.5 MiB". */
export function humanSize(bytes: number): string {
  let unit = 0;
  let value = bytes;
  // What would be rounded up to 1024 is one of the next unit.
  while (value >= (unit === 0 ? 1024 : 1023.5) && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

const TYPE_LETTERS: Record<EntryType, string> = { file: '-', dir: 'd', symlink: 'l', char: 'c', block: 'b', fifo: 'p', socket: 's' };

/** "drwxr-xr-x", as ls(1) spells it, with setuid, setgid and sticky. */
export function modeText(type: EntryType, mode: number): string {
  const triple = (shift: number, special: number, letter: string) => {
    const bits = mode >> shift;
    const run = mode & special ? (bits & 1 ? letter : letter.toUpperCase()) : bits & 1 ? 'x' : '-';
    return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${run}`;
  };
  return TYPE_LETTERS[type] + triple(6, 0o4000, 's') + triple(3, 0o2000, 's') + triple(0, 0o1000, 't');
}

/** Four octal digits, as `walk --json` has them. */
export function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

/** Size, or for devices "major, minor". */
export function sizeText(stat: Pick<Stat, 'type' | 'size' | 'device'>): string {
  return stat.device === undefined ? String(stat.size) : `${stat.device.major}, ${stat.device.minor}`;
}

const NS = 1_000_000_000n;

/** "2023-11-14 22:13:20" in UTC (an image does not know the zone of its machine), with all nine digits of the second when `precise`. */
export function timeText(nanoseconds: bigint, precise = false): string {
  // Rounds down, for times before 1970 too.
  const rest = Number(nanoseconds % NS);
  const seconds = Number(nanoseconds / NS) - (rest < 0 ? 1 : 0);
  const date = new Date(seconds * 1000);
  // Formats with 64-bit seconds can name times that no calendar has.
  if (Number.isNaN(date.getTime())) return `@${nanoseconds / NS - (rest < 0 ? 1n : 0n)}`;
  const text = date.toISOString().slice(0, -'.000Z'.length).replace('T', ' ');
  return precise ? `${text}.${String(rest < 0 ? rest + 1e9 : rest).padStart(9, '0')}` : text;
}

/** Pads on the left or right to a width in characters. */
export const left = (text: string, width: number): string => text.padEnd(width);
export const right = (text: string, width: number): string => text.padStart(width);

/** Lines of equally wide columns; the last one is left ragged. `align` has one letter a column: l or r. */
export function table(rows: readonly (readonly string[])[], align: string, gap = '  '): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => { widths[i] = Math.max(widths[i] ?? 0, cell.length); });
  return rows.map((row) => row.map((cell, i) => {
    if (align[i] === 'r') return right(cell, widths[i]!);
    return i === row.length - 1 ? cell : left(cell, widths[i]!);
  }).join(gap).trimEnd());
}

/** "1 file", "2 files". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
