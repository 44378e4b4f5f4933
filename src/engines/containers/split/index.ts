import { usage } from '../../core/errors.ts';

/**
 * Images cut into files: "disk.img.001", ".002" … (7-Zip, FTK, dd tools) or from ".000", of any width, and "disk.img.aa", ".ab" …
 * (split(1)). Pure part: which names make the set. The host opens them and joins them with ConcatDevice.
 */

/**
 * The set that `name` belongs to, in order; undefined when it is not a part of one, or the only one.
 * @param present names in the same folder
 * @throws usage ENOENT when a part is missing
 */
export function splitSiblings(name: string, present: readonly string[]): string[] | undefined {
  const dot = name.lastIndexOf('.');
  const base = name.slice(0, dot + 1);
  const suffix = name.slice(dot + 1);
  if (dot <= 0) return undefined;
  const numbering = /^\d{2,}$/.test(suffix) ? numeric(suffix.length) : /^[a-z]{2,}$/.test(suffix) ? alphabetic(suffix.length) : undefined;
  const own = numbering?.index(suffix);
  if (numbering === undefined || own === undefined) return undefined;
  const indices = new Set<number>();
  for (const other of [...present, name]) {
    if (!other.startsWith(base)) continue;
    const index = numbering.index(other.slice(base.length));
    if (index !== undefined) indices.add(index);
  }
  const first = numbering.firsts.find((index) => indices.has(index));
  if (first === undefined) {
    // "backup.2024" or "disk.img" is no part; "disk.002" beside "disk.003" is, and its first part is gone.
    if (numbering.letters || suffix.length !== 3 || indices.size < 2) return undefined;
    throw missing(base + numbering.text(1));
  }
  if (indices.size === 1) return undefined;
  const last = Math.max(...indices);
  // Numbers far apart belong to other files ("disk.001" beside "disk.867"): more parts are missing than there.
  if (last - first + 1 > 2 * indices.size) {
    const end = contiguousEnd(indices, first);
    if (own <= end) return names(base, first, end, numbering);
  }
  for (let index = first; index <= last; index++) {
    if (!indices.has(index)) throw missing(base + numbering.text(index));
  }
  return names(base, first, last, numbering);
}

interface Numbering {
  readonly letters: boolean;
  /** What the first part may be numbered. */
  readonly firsts: readonly number[];
  /** The number that a suffix spells; undefined when it is none of this numbering. */
  index(suffix: string): number | undefined;
  text(index: number): string;
}

/** 001 to 999, then 1000: the width is a minimum. */
function numeric(width: number): Numbering {
  return {
    letters: false,
    firsts: [0, 1],
    index(suffix) {
      if (!/^\d{1,9}$/.test(suffix)) return undefined;
      const index = Number(suffix);
      return this.text(index) === suffix ? index : undefined;
    },
    text: (index) => String(index).padStart(Math.min(width, 9), '0'),
  };
}

/** aa, ab … az, ba … */
function alphabetic(width: number): Numbering {
  return {
    letters: true,
    firsts: [0],
    index: (suffix) => (suffix.length === width && width <= 6 && /^[a-z]+$/.test(suffix) ? [...suffix].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 97, 0) : undefined),
    text: (index) => Array.from({ length: width }, (_, i) => String.fromCharCode(97 + (Math.floor(index / 26 ** (width - 1 - i)) % 26))).join(''),
  };
}

function contiguousEnd(indices: ReadonlySet<number>, first: number): number {
  let end = first;
  while (indices.has(end + 1)) end++;
  return end;
}

function names(base: string, first: number, last: number, numbering: Numbering): string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => base + numbering.text(first + i));
}

function missing(name: string): Error {
  return usage('ENOENT', `The part ${name} of the split image is missing`, 'Put all parts into one folder.');
}
