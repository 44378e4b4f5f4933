/** Characters of a name that are put into the page. Longer names are cut: 10,000 characters in one cell cost every layout. */
export const LONGEST_SHOWN = 300;

/** A name in three parts, so that spaces at its ends can be made visible. */
export interface ShownName {
  readonly before: number;
  readonly text: string;
  readonly after: number;
}

/** Splits a display name (already escaped by the host) for showing. */
export function shownName(display: string): ShownName {
  const text = display.trim();
  if (text === '') return { before: Math.min(display.length, LONGEST_SHOWN), text: '', after: 0 };
  const before = display.length - display.trimStart().length;
  const after = display.length - display.trimEnd().length;
  return { before: Math.min(before, 20), text: cut(text), after: Math.min(after, 20) };
}

/** A text for showing, cut to `most` characters. */
export function cut(text: string, most = LONGEST_SHOWN): string {
  if (text.length <= most) return text;
  // Never half a surrogate pair.
  const end = /[\ud800-\udbff]/.test(text[most - 1]!) ? most - 1 : most;
  return `${text.slice(0, end)}…`;
}

/** The suffix of a name in upper case ("PNG"), or '' where it has none that says anything. */
export function suffixOf(name: string): string {
  const dot = name.lastIndexOf('.');
  const suffix = dot > 0 ? name.slice(dot + 1) : '';
  return /^[A-Za-z0-9]{1,5}$/.test(suffix) ? suffix.toUpperCase() : '';
}
