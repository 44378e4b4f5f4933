import { SaxesParser } from 'saxes';
import { type DiskError, ioError } from '../../engines/core/errors.ts';

/** What a property list holds, as far as macOS's programs write it. Dates and data are their texts. */
export type PlistValue = string | number | boolean | readonly PlistValue[] | { readonly [key: string]: PlistValue };

/** Nesting that is believed. */
const DEEPEST = 32;

function wrong(what: string): DiskError {
  return ioError(`The property list makes no sense: ${what}`);
}

/** A list or a dictionary that is not at its end. */
interface Open {
  readonly tag: string;
  readonly items: PlistValue[];
  readonly entries: Map<string, PlistValue>;
  key: string | undefined;
}

/**
 * Reads a property list in XML, as `diskutil -plist` prints it (plist(5), PropertyList-1.0.dtd).
 * @throws DiskError io for what is none
 */
export function parsePlist(text: string): PlistValue {
  const parser = new SaxesParser();
  const open: Open[] = [{ tag: 'plist', items: [], entries: new Map(), key: undefined }];
  let words = '';
  const add = (value: PlistValue): void => {
    const into = open.at(-1)!;
    if (into.tag !== 'dict') into.items.push(value);
    else if (into.key === undefined) throw wrong('a value has no key');
    else into.entries.set(into.key, value);
    into.key = undefined;
  };
  parser.on('error', (error) => { throw wrong(error.message); });
  parser.on('text', (more) => { words += more; });
  parser.on('opentag', ({ name }) => {
    if (open.length > DEEPEST) throw wrong('it is nested too deeply');
    words = '';
    if (name === 'dict' || name === 'array') open.push({ tag: name, items: [], entries: new Map(), key: undefined });
  });
  parser.on('closetag', ({ name }) => {
    switch (name) {
      case 'plist': return;
      case 'key': open.at(-1)!.key = words; return;
      case 'true': case 'false': add(name === 'true'); return;
      case 'string': case 'date': case 'data': add(words); return;
      case 'integer': case 'real': add(Number(words)); return;
      case 'dict': case 'array': {
        const { items, entries } = open.pop()!;
        add(name === 'dict' ? Object.fromEntries(entries) : items);
        return;
      }
      default: throw wrong(`it has a <${name}>`);
    }
  });
  parser.write(text).close();
  const [value] = open[0]!.items;
  if (value === undefined) throw wrong('it is empty');
  return value;
}
