import { decodeName, encodeName, type Name } from '../engines/core/names.ts';

/** What a backslash and a letter stand for, outside of single quotes. */
const LETTERS: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

/**
 * The words of a line of a script; none of an empty line or of one that is a comment. Names keep all their bytes.
 * @throws Error with what is wrong with the line
 */
export function wordsOf(line: string): Name[] {
  const words: Name[] = [];
  for (let at = 0; at < line.length;) {
    if (/[ \t\r]/.test(line[at]!)) {
      at++;
      continue;
    }
    if (line[at] === '#') break;
    const { word, end } = readWord(line, at);
    words.push(word);
    at = end;
  }
  return words;
}

function readWord(line: string, from: number): { readonly word: Name; readonly end: number } {
  const bytes: number[] = [];
  let quote = '';
  let at = from;
  while (at < line.length) {
    const char = String.fromCodePoint(line.codePointAt(at)!);
    if (quote === '' && /[ \t\r]/.test(char)) break;
    at += char.length;
    if (char === quote) quote = '';
    else if (quote === '' && (char === '"' || char === "'")) quote = char;
    else if (char === '\\' && quote !== "'") {
      const { value, length } = readEscape(line.slice(at));
      bytes.push(...value);
      at += length;
    } else bytes.push(...encodeName(char));
  }
  if (quote !== '') throw new Error(`a ${quote} is not closed`);
  return { word: decodeName(Uint8Array.from(bytes)), end: at };
}

/** What follows a backslash: its bytes, and how many characters it takes. */
function readEscape(rest: string): { readonly value: Iterable<number>; readonly length: number } {
  const byte = /^x([0-9a-f]{2})/i.exec(rest);
  if (byte) return { value: [Number.parseInt(byte[1]!, 16)], length: 3 };
  const character = /^u\{([0-9a-f]{1,6})\}/i.exec(rest);
  const code = Number.parseInt(character?.[1] ?? '0', 16);
  if (character && code <= 0x10ffff) return { value: encodeName(String.fromCodePoint(code)), length: character[0].length };
  if (rest === '') throw new Error('the line ends with a backslash');
  const plain = String.fromCodePoint(rest.codePointAt(0)!);
  return { value: encodeName(LETTERS[plain] ?? plain), length: plain.length };
}
