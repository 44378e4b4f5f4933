import { type Segment, visible } from './visible-text.ts';

/** A line of a log as a program wrote it. */
export interface LogLine {
  readonly text: string;
  /** Where it comes from, for filters. */
  readonly from?: string;
  /** Milliseconds since the beginning. */
  readonly at?: number;
}

/** Lines that a window keeps of one log. */
export const MOST_LINES = 20_000;

/** Characters of a line that are laid out: one of a megabyte would be laid out as a whole. */
const LONGEST = 2000;

export interface Log {
  readonly lines: readonly LogLine[];
  /** Lines that are no longer kept, the oldest ones. */
  readonly dropped: number;
}

export const NO_LINES: Log = { lines: [], dropped: 0 };

/** A log with more lines; the oldest go when there are too many. */
export function withLines({ lines, dropped }: Log, more: readonly LogLine[]): Log {
  const all = [...lines, ...more];
  const over = Math.max(0, all.length - MOST_LINES);
  return { lines: over === 0 ? all : all.slice(over), dropped: dropped + over };
}

/** How many lines there are of each origin. */
export function originsOf({ lines }: Log): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { from } of lines) if (from !== undefined) counts.set(from, (counts.get(from) ?? 0) + 1);
  return counts;
}

/** A line for showing: nothing in it acts, and it is not endless. `left`: characters that are not shown. */
export function shownLine(text: string): { readonly segments: readonly Segment[]; readonly left: number } {
  // Never half a surrogate pair: the other half would be spelled.
  const end = text.length <= LONGEST ? text.length : LONGEST - (/[\ud800-\udbff]/.test(text[LONGEST - 1]!) ? 1 : 0);
  return { segments: visible(text.slice(0, end).replaceAll('\n', '\\x0a')), left: text.length - end };
}

/** A log as text for a report: what would act in a terminal that it is pasted into is spelled. */
export function plainText(lines: readonly LogLine[], origin: (from: string) => string): string {
  return lines.map(({ text, from, at }) => [at === undefined ? '' : `${(at / 1000).toFixed(3)}\t`, from === undefined ? '' : `${origin(from)}\t`, visible(text.replaceAll('\n', '\\x0a')).map((segment) => segment.text).join('')].join('')).join('\n');
}
