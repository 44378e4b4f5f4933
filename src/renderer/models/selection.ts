import { complement, NO_RANGES, type Ranges, span, subtract, toggleIndex, union } from './ranges.ts';

/**
 * A selection as on a desktop: the rows chosen, the row that the keyboard is on, and the anchor from which Shift
 * extends. Indexes are rows of one listing; -1 is none.
 */
export interface Selection {
  readonly ranges: Ranges;
  readonly focus: number;
  readonly anchor: number;
  /** While Ctrl+Shift extends: what was selected before, to which the range from the anchor is added. */
  readonly base?: Ranges;
}

export const NOTHING_SELECTED: Selection = { ranges: NO_RANGES, focus: -1, anchor: -1 };

/** Click, or an arrow without a modifier: this row alone. */
export function only(index: number): Selection {
  return { ranges: span(index, index + 1), focus: index, anchor: index };
}

/** Ctrl+click, Ctrl+Space: in or out, the rest stays. */
export function toggled(selection: Selection, index: number): Selection {
  return { ranges: toggleIndex(selection.ranges, index), focus: index, anchor: index };
}

/**
 * Shift+click, Shift+arrow: from the anchor to here. With Ctrl what was selected before stays, and the range alone grows and shrinks.
 * Without an anchor it is the row that the keyboard is on, or the first.
 */
export function extended(selection: Selection, index: number, keep = false): Selection {
  const anchor = selection.anchor < 0 ? Math.max(selection.focus, 0) : selection.anchor;
  const range = span(Math.min(anchor, index), Math.max(anchor, index) + 1);
  if (!keep) return { ranges: range, focus: index, anchor };
  const base = selection.base ?? selection.ranges;
  return { ranges: union(base, range), focus: index, anchor, base };
}

/** Ctrl+arrow: the keyboard moves, the selection stays. */
export function focused({ ranges, anchor }: Selection, index: number): Selection {
  return { ranges, focus: index, anchor };
}

/** Ctrl+A. */
export function everything({ focus, anchor }: Selection, count: number): Selection {
  return { ranges: span(0, count), focus: Math.min(Math.max(focus, 0), count - 1), anchor };
}

/** Escape: the keyboard stays where it is. */
export function cleared({ focus, anchor }: Selection): Selection {
  return { ranges: NO_RANGES, focus, anchor };
}

export function inverted({ ranges, focus, anchor }: Selection, count: number): Selection {
  return { ranges: complement(ranges, count), focus, anchor };
}

/** The rubber band: what it covers, added to (or with `flip` flipped against) what was selected before it began. */
export function banded(before: Selection, from: number, to: number, flip: boolean): Selection {
  const band = span(from, to);
  const ranges = flip ? union(subtract(before.ranges, band), subtract(band, before.ranges)) : band;
  return { ranges, focus: from < to ? to - 1 : before.focus, anchor: from < to ? from : before.anchor };
}

/** The selection cut to a listing that now has `count` rows. */
export function clamped(selection: Selection, count: number): Selection {
  const outside = span(count, Number.MAX_SAFE_INTEGER);
  return { ranges: subtract(selection.ranges, outside), focus: Math.min(selection.focus, count - 1), anchor: Math.min(selection.anchor, count - 1) };
}

export type MoveKey = 'ArrowUp' | 'ArrowDown' | 'PageUp' | 'PageDown' | 'Home' | 'End';

/** Where a key takes the keyboard in a listing of `count` rows, `page` of which fit the window. */
export function moved(focus: number, key: MoveKey, count: number, page: number): number {
  if (count === 0) return -1;
  const to = {
    ArrowUp: focus < 0 ? count - 1 : focus - 1,
    ArrowDown: focus + 1,
    PageUp: focus - Math.max(1, page - 1),
    PageDown: Math.max(focus, 0) + Math.max(1, page - 1),
    Home: 0,
    End: count - 1,
  }[key];
  return Math.min(Math.max(to, 0), count - 1);
}

export function isMoveKey(key: string): key is MoveKey {
  return key === 'ArrowUp' || key === 'ArrowDown' || key === 'PageUp' || key === 'PageDown' || key === 'Home' || key === 'End';
}
