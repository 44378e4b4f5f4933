/**
 * Where a long list is scrolled to. Chromium draws no element taller than some 33 million pixels, which is 1.4 million rows: beyond
 * `TALLEST` the scrolled element is a scale of the list. Its scroll bar then tells of the whole, and small steps (the wheel, a row, a
 * page) are kept exact beside it.
 */

/** The tallest that the scrolled element gets, in pixels: below what any engine can draw. */
export const TALLEST = 16_000_000;

/** Pixels of a row, by density. */
export const ROWS = { compact: 24, comfortable: 28 } as const;

export interface ListSize {
  /** Pixels of all rows. */
  readonly content: number;
  /** Pixels of the window on them. */
  readonly viewport: number;
}

/** Pixels of the scrolled element. */
export function scrolledHeight({ content }: ListSize): number {
  return Math.min(content, TALLEST);
}

/** Whether pixels of the scroll bar are more than one of the list. */
export function isScaled({ content }: ListSize): boolean {
  return content > TALLEST;
}

/** The farthest that the list scrolls, in its own pixels. */
export function lastTop({ content, viewport }: ListSize): number {
  return Math.max(0, content - viewport);
}

/** The list's own pixel at the window's top, for a position of the scroll bar. */
export function topAt(size: ListSize, scroll: number): number {
  if (!isScaled(size)) return Math.max(0, scroll);
  return clampTop(size, (scroll / (scrolledHeight(size) - size.viewport)) * lastTop(size));
}

/** The position of the scroll bar for a pixel of the list. */
export function scrollAt(size: ListSize, top: number): number {
  if (!isScaled(size)) return clampTop(size, top);
  return (clampTop(size, top) / lastTop(size)) * (scrolledHeight(size) - size.viewport);
}

export function clampTop(size: ListSize, top: number): number {
  return Math.min(lastTop(size), Math.max(0, top));
}

/** The rows that are in the window, also those cut at its edges: [first, last + 1). */
export function rowsAt({ viewport }: ListSize, top: number, row: number, count: number): [first: number, end: number] {
  const first = Math.min(count, Math.max(0, Math.floor(top / row)));
  return [first, Math.min(count, Math.max(first, Math.ceil((top + viewport) / row)))];
}

/** The nearest position at which a row is wholly in view; in the middle where `centred` and it is not. */
export function topShowing(size: ListSize, top: number, index: number, row: number, centred = false): number {
  const at = index * row;
  if (at >= top && at + row <= top + size.viewport) return top;
  if (centred) return clampTop(size, at - (size.viewport - row) / 2);
  return clampTop(size, at < top ? at : at + row - size.viewport);
}

/** How far `delta` pixels of a wheel take the list, in steps that the bar of a scaled list could not take. */
export function wheelPixels(delta: number, mode: number, row: number, viewport: number): number {
  // WheelEvent.deltaMode: pixels, lines, pages. A line is what Chromium takes for one elsewhere: three rows a notch.
  return mode === 0 ? delta : mode === 1 ? delta * row : delta * viewport;
}
