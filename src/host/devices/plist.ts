import { ioError } from '../../engines/core/errors.ts';

/** What a property list holds, as far as macOS's programs write it. Dates and data are their texts. */
export type PlistValue = string | number | boolean | readonly PlistValue[] | { readonly [key: string]: PlistValue };

/** Nesting that is believed. */
const DEEPEST = 32;
const TOKEN = /<!--[^]*?-->|<\?[^]*?\?>|<![^>]*>|<(\/?)([a-z]+)[^>]*?(\/?)>|([^<]+)/g;

/**
 * Reads a property list in XML, as `diskutil -plist` prints it (plist(5), PropertyList-1.0.dtd).
 * @throws DiskError io for what is none
 */
export function parsePlist(text: string): PlistValue {
  const tokens = [...text.matchAll(TOKEN)].filter(([, , tag, , words]) => tag !== undefined || words !== undefined);
  let at = 0;
  const next = (): RegExpExecArray => {
    while (at < tokens.length && (tokens[at]![4]?.trim() === '' || tokens[at]![2] === 'plist')) at++;
    const token = tokens[at++];
    if (token === undefined) throw ioError('The property list ends in the middle');
    return token as RegExpExecArray;
  };
  const words = (tag: string): string => {
    const inside = tokens[at]?.[4];
    if (inside !== undefined) at++;
    const end = tokens[at++];
    if (end?.[1] !== '/' || end[2] !== tag) throw ioError(`The property list has no end of <${tag}>`);
    return unescaped(inside ?? '');
  };
  const value = ([, slash, tag = '', empty]: RegExpExecArray, depth: number): PlistValue => {
    if (slash === '/' || depth > DEEPEST) throw ioError('The property list makes no sense');
    switch (tag) {
      case 'true': case 'false': return tag === 'true';
      case 'string': case 'date': case 'data': return empty === '/' ? '' : words(tag);
      case 'integer': case 'real': return Number(words(tag));
      case 'array': return empty === '/' ? [] : items(depth);
      case 'dict': return empty === '/' ? {} : entries(depth);
      default: throw ioError(`The property list has a <${tag}>`);
    }
  };
  const items = (depth: number): PlistValue[] => {
    const found: PlistValue[] = [];
    for (let token = next(); !(token[1] === '/' && token[2] === 'array'); token = next()) found.push(value(token, depth + 1));
    return found;
  };
  const entries = (depth: number): Record<string, PlistValue> => {
    const found = new Map<string, PlistValue>();
    for (let token = next(); !(token[1] === '/' && token[2] === 'dict'); token = next()) {
      if (token[2] !== 'key') throw ioError('The property list has a value without a key');
      const key = words('key');
      found.set(key, value(next(), depth + 1));
    }
    return Object.fromEntries(found);
  };
  return value(next(), 0);
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: '\'' };

function unescaped(text: string): string {
  return text.replaceAll(/&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|([a-z]+));/g, (whole, hex: string | undefined, decimal: string | undefined, name: string | undefined) => {
    if (name !== undefined) return ENTITIES[name] ?? whole;
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
