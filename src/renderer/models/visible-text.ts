/** Characters that would act instead of being seen: controls but tab and newline, what reorders text, what breaks lines unseen, half pairs. */
// oxlint-disable-next-line no-control-regex
const ACTING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\p{Cs}\u{e0000}-\u{e007f}]/u;
const ALL_ACTING = new RegExp(ACTING.source, 'gu');

/** Characters of a block: a line of text and those after it are laid out together, and only when they are near the window. */
const BLOCK = 4096;

/** A line that is longer is cut: one of ten megabytes would be laid out as a whole. */
const LONGEST_LINE = 16_384;

/** Marks of a block that are elements of their own; text that is all controls would be a hundred thousand of them. */
const MAX_MARKS = 300;

export interface TextBlock {
  readonly text: string;
  /** It goes on in the middle of a line. */
  readonly continued: boolean;
}

/** Cuts a text into blocks of whole lines (the newline between two blocks is in neither), and lines that are too long in the middle. */
export function textBlocks(text: string, continued = false): TextBlock[] {
  const blocks: TextBlock[] = [];
  let middle = continued;
  for (let at = 0; at < text.length;) {
    const newline = text.lastIndexOf('\n', at + BLOCK);
    const next = newline >= at ? newline : text.indexOf('\n', at);
    const end = next < 0 ? text.length : next;
    if (end - at <= LONGEST_LINE) {
      blocks.push({ text: text.slice(at, end), continued: middle });
      middle = next < 0;
      at = end + 1;
    } else {
      // Never half a surrogate pair.
      const cut = at + LONGEST_LINE - (/[\ud800-\udbff]/.test(text[at + LONGEST_LINE - 1]!) ? 1 : 0);
      blocks.push({ text: text.slice(at, cut), continued: middle });
      middle = true;
      at = cut;
    }
  }
  return blocks;
}

/** A text as far as it has come. */
export interface LoadedText {
  /** Blocks by part, so that a part that is there stays as it is. */
  readonly parts: readonly (readonly TextBlock[])[];
  /** The beginning of a line whose rest comes with the next part. */
  readonly rest: string;
  /** Whether the next part goes on in the middle of a line that is shown already. */
  readonly continued: boolean;
}

export const NO_TEXT: LoadedText = { parts: [], rest: '', continued: false };

/** A text with its next part. @param last whether nothing comes after it */
export function withPart(loaded: LoadedText, part: string, last: boolean): LoadedText {
  const text = loaded.rest + part;
  const start = text.lastIndexOf('\n') + 1;
  // A line that is too long to wait for is cut here, as it would be anyway.
  const end = last || text.length - start > LONGEST_LINE ? text.length : start;
  return { parts: [...loaded.parts, textBlocks(text.slice(0, end), loaded.continued)], rest: text.slice(end), continued: end === 0 ? loaded.continued : end !== start };
}

/** A run of plain text, or one character that is spelled. */
export interface Segment {
  readonly text: string;
  readonly mark: boolean;
}

/** Text for showing: what would act is spelled "\x1b", "\u{202e}". The carriage returns of DOS lines are not worth a word. */
export function visible(text: string): Segment[] {
  const unix = text.replaceAll('\r\n', '\n').replace(/\r$/, '');
  if (!ACTING.test(unix)) return [{ text: unix, mark: false }];
  const segments: Segment[] = [];
  let at = 0;
  for (const { 0: character, index } of unix.matchAll(ALL_ACTING)) {
    if (segments.length > 2 * MAX_MARKS) return [{ text: unix.replaceAll(ALL_ACTING, spelled), mark: false }];
    if (index > at) segments.push({ text: unix.slice(at, index), mark: false });
    segments.push({ text: spelled(character), mark: true });
    at = index + character.length;
  }
  if (at < unix.length) segments.push({ text: unix.slice(at), mark: false });
  return segments;
}

/** The same as one string: what a guest's kernel says stands in errors, notes and steps. What is escaped already stays as it is. */
export function visibleText(text: string): string {
  return ACTING.test(text) ? visible(text).map((segment) => segment.text).join('') : text;
}

function spelled(character: string): string {
  const code = character.codePointAt(0)!;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}
