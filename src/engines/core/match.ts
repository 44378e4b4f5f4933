import { displayName, type Name } from './names.ts';

/** Whether a name is one of those that are looked for. */
export type NameMatch = (name: Name) => boolean;

/**
 * What a person means who types `query`: names that hold it anywhere or, where it has "*" (any characters) or "?" (one character),
 * names that it describes from end to end. Case makes no difference, nor does the way in which an accented letter is composed.
 * An empty query is in every name. Takes time in proportion to the name's length times the query's, whatever both are.
 */
export function matchName(query: string): NameMatch {
  const wanted = fold(query);
  const test = isPattern(query) ? (folded: string) => matchesPattern(folded, wanted) : (folded: string) => folded.includes(wanted);
  // Bytes that spell no character are shown as "\xff": who types a backslash may mean what is seen.
  if (!query.includes('\\')) return (name) => test(fold(name));
  return (name) => test(fold(name)) || test(fold(displayName(name)));
}

/** Whether a query describes whole names. */
function isPattern(query: string): boolean {
  return query.includes('*') || query.includes('?');
}

// oxlint-disable-next-line no-control-regex
const ASCII = /^[\u0000-\u007f]*$/;

/** Alike for names that differ in case or composition only. Undecodable bytes (lone surrogates) stay as they are. */
function fold(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  // By way of the capitals, "ß" is "ss" and both small sigmas are one; "İ" leaves its dot behind.
  return text.normalize('NFC').toUpperCase().toLowerCase().replaceAll('ς', 'σ').replaceAll('i\u0307', 'i').normalize('NFC');
}

/** Goes back to the last star only: a star before it can't do better than it did, so nothing here is exponential. */
function matchesPattern(name: string, pattern: string): boolean {
  let at = 0;
  let step = 0;
  let star = -1;
  let from = 0;
  while (at < name.length) {
    const wanted = pattern[step];
    if (wanted === '*') {
      star = step++;
      from = at;
    } else if (wanted === '?') {
      at += isPair(name, at) ? 2 : 1;
      step++;
    } else if (wanted === name[at]) {
      at++;
      step++;
    } else if (star >= 0) {
      step = star + 1;
      at = ++from;
    } else {
      return false;
    }
  }
  while (pattern[step] === '*') step++;
  return step === pattern.length;
}

/** Whether a character of two code units begins here. */
function isPair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
}
