/**
 * Scrolling over more rows than a page can be tall: Chromium cuts elements at some 16 million pixels, a device may have 2^49 rows. Up to a
 * limit a row has its own pixels; beyond it the scroll bar is a scale of the whole, and rows are moved to by number. In rows, where
 * list-scroll counts in pixels: those of 2^49 rows are more than a number holds exactly.
 */

/** CSS pixels a row. */
export const HEX_ROW = 20;

/** The tallest that the scrolled content gets. */
const TALLEST = 8_000_000;

export interface HexScroll {
  /** Rows in all. */
  readonly rows: number;
  /** Pixels of the window on them. */
  readonly viewport: number;
}

export function isScaled({ rows }: HexScroll): boolean {
  return rows * HEX_ROW > TALLEST;
}

/** Pixels of the content. */
export function contentHeight(scroll: HexScroll): number {
  return Math.min(scroll.rows * HEX_ROW, TALLEST);
}

/** Rows that are wholly in view, at least one. */
export function rowsInView({ viewport }: HexScroll): number {
  return Math.max(1, Math.floor(viewport / HEX_ROW));
}

/** The last row that can be the first in view. */
export function lastTop(scroll: HexScroll): number {
  return Math.max(0, scroll.rows - (isScaled(scroll) ? rowsInView(scroll) : scroll.viewport / HEX_ROW));
}

/** The first row in view at a scroll position; a fraction where rows have their own pixels. */
export function topAt(scroll: HexScroll, pixels: number): number {
  if (!isScaled(scroll)) return clampTop(scroll, pixels / HEX_ROW);
  const way = Math.max(1, contentHeight(scroll) - scroll.viewport);
  return clampTop(scroll, Math.round((pixels / way) * lastTop(scroll)));
}

/** The scroll position at which `top` is the first row. */
export function pixelsAt(scroll: HexScroll, top: number): number {
  if (!isScaled(scroll)) return top * HEX_ROW;
  const last = lastTop(scroll);
  return last === 0 ? 0 : (top / last) * Math.max(1, contentHeight(scroll) - scroll.viewport);
}

export function clampTop(scroll: HexScroll, top: number): number {
  return Math.min(lastTop(scroll), Math.max(0, top));
}

/** The first row in view so that `row` is seen: unmoved where it is, else just so far, or with some rows above it after a jump. */
export function topShowing(scroll: HexScroll, top: number, row: number, jump: boolean): number {
  const visible = rowsInView(scroll);
  if (row >= top && row + 1 <= top + visible) return top;
  if (jump) return clampTop(scroll, row - Math.floor(visible / 4));
  return clampTop(scroll, row < top ? row : row - visible + 1);
}
