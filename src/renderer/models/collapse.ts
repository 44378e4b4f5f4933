/**
 * How many steps of a path give way to a "…" so that the rest fits, counted from the second: where it begins and where it ends matter most.
 * @param widths of the steps, in pixels
 * @param more the width of the "…"
 */
export function collapsedSteps(widths: readonly number[], available: number, more: number): number {
  let width = widths.reduce((sum, each) => sum + each, 0);
  if (width <= available) return 0;
  width += more;
  let hidden = 0;
  while (hidden < widths.length - 2 && width > available) width -= widths[1 + hidden++]!;
  return hidden;
}
