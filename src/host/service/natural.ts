/**
 * The order in which people expect names: digits by their value, letters regardless of case, then lower case first, then by code
 * units. It is the order of Intl.Collator (CLDR root, numeric); names of printable ASCII are compared by hand in the same order,
 * because the collator takes microseconds and a folder has a hundred thousand names.
 */
const collator = new Intl.Collator('en', { numeric: true });

/** Printable ASCII in CLDR's root order, a digit's place taken by "0" and a letter's by its lower case. */
const ORDER = ' _-,;:!?.\'"()[]{}@*/\\&#%`^+<=>|~$0abcdefghijklmnopqrstuvwxyz';
const WEIGHTS = new Uint8Array(128);
for (let i = 0; i < ORDER.length; i++) {
  WEIGHTS[ORDER.charCodeAt(i)] = i + 1;
  WEIGHTS[ORDER[i]!.toUpperCase().charCodeAt(0)] = i + 1;
}
const DIGIT = WEIGHTS[0x30]!;
for (let code = 0x30; code <= 0x39; code++) WEIGHTS[code] = DIGIT;

/** Compares two names; 0 only for the same name. */
export function compareNatural(a: string, b: string): number {
  let i = 0;
  let j = 0;
  let byCase = 0;
  while (i < a.length && j < b.length) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(j);
    const weightX = x < 128 ? WEIGHTS[x]! : 0;
    const weightY = y < 128 ? WEIGHTS[y]! : 0;
    if (weightX === 0 || weightY === 0) return byCollator(a, b);
    if (weightX !== weightY) return isPlain(a, i) && isPlain(b, j) ? weightX - weightY : byCollator(a, b);
    if (weightX !== DIGIT) {
      if (byCase === 0 && x !== y) byCase = y - x;
      i++;
      j++;
      continue;
    }
    while (a.charCodeAt(i) === 0x30 && isDigit(a, i + 1)) i++;
    while (b.charCodeAt(j) === 0x30 && isDigit(b, j + 1)) j++;
    const startX = i;
    const startY = j;
    let difference = 0;
    for (; isDigit(a, i) && isDigit(b, j); i++, j++) {
      if (difference === 0) difference = a.charCodeAt(i) - b.charCodeAt(j);
    }
    // A longer run is a larger number; runs past the collator's own limit are its business.
    if (i - startX > 200 || j - startY > 200) return byCollator(a, b);
    if (isDigit(a, i)) difference = 1;
    else if (isDigit(b, j)) difference = -1;
    if (difference !== 0) return isPlain(a, i) && isPlain(b, j) ? difference : byCollator(a, b);
  }
  if (!isPlain(a, i) || !isPlain(b, j)) return byCollator(a, b);
  return a.length - i - (b.length - j) || byCase || (a < b ? -1 : a > b ? 1 : 0);
}

function byCollator(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}

function isDigit(name: string, i: number): boolean {
  const code = name.charCodeAt(i);
  return code >= 0x30 && code <= 0x39;
}

/** A combining character further on could still change the weight of what stands here only if it comes next. */
function isPlain(name: string, i: number): boolean {
  return i + 1 >= name.length || name.charCodeAt(i + 1) < 128;
}

/** Comparisons a name after which keys are worth making: the first rows of a listing are found with fewer. */
const WORTH = 3;

/**
 * `compareNatural` of names by their indexes, for many of them. Where more is asked than who comes first, each name gets a number as a
 * key, made of what follows the beginning that all share; most pairs are told apart by it. The rest, and names that need the collator,
 * are compared as a whole.
 */
export function naturalOrder(names: readonly string[]): (a: number, b: number) => number {
  let left = names.length * WORTH;
  let keys: Float64Array | undefined;
  return (a, b) => {
    if (keys === undefined) {
      if (--left < 0) keys = keysOf(names);
    } else {
      // Without a key it is NaN, which is neither less nor more.
      if (keys[a]! < keys[b]!) return -1;
      if (keys[a]! > keys[b]!) return 1;
    }
    return compareNatural(names[a]!, names[b]!);
  };
}

function keysOf(names: readonly string[]): Float64Array {
  const keys = new Float64Array(names.length);
  const skip = sharedStart(names);
  for (let i = 0; i < names.length; i++) keys[i] = keyOf(names[i]!, skip);
  return keys;
}

/** Characters that all names begin with and that decide nothing: no part of a number, and nothing that a combining character could follow. */
function sharedStart(names: readonly string[]): number {
  const [first = ''] = names;
  let length = first.length;
  for (const name of names) {
    let same = 0;
    while (same < length && name.charCodeAt(same) === first.charCodeAt(same)) same++;
    length = same;
  }
  for (let i = 0; i < length; i++) {
    const code = first.charCodeAt(i);
    if (code >= 128 || WEIGHTS[code] === 0) length = i;
  }
  length = Math.max(0, length - 1);
  while (length > 0 && isDigit(first, length - 1)) length--;
  return length;
}

/** What a double holds exactly, less the widest field. */
const ROOM = 2 ** 47;
const FULL = 2 ** 53;

/** Digits of one number of which a key has room for the count. */
const LONGEST_NUMBER = 60;

/**
 * A name's key: for each character its weight in 6 bits; for a number the weight of a digit, how many digits it has in 6 bits, and the
 * digits in 4 bits each; as much as there is room for, and zeros. Names that begin alike have fields of the same widths up to where they
 * differ, so the keys are in the order of the names. NaN for a name that needs the collator.
 */
function keyOf(name: string, from: number): number {
  let key = 0;
  // How far the key has been shifted.
  let scale = 1;
  for (let i = from; i < name.length && scale < ROOM;) {
    const code = name.charCodeAt(i);
    const weight = code < 128 ? WEIGHTS[code]! : 0;
    if (weight === 0 || !isPlain(name, i)) return Number.NaN;
    key = key * 64 + weight;
    scale *= 64;
    if (weight !== DIGIT) {
      i++;
      continue;
    }
    while (name.charCodeAt(i) === 0x30 && isDigit(name, i + 1)) i++;
    let end = i;
    while (isDigit(name, end) && end - i <= LONGEST_NUMBER) end++;
    if (end - i > LONGEST_NUMBER || !isPlain(name, end - 1)) return Number.NaN;
    if (scale >= ROOM) break;
    key = key * 64 + end - i;
    scale *= 64;
    for (; i < end && scale < ROOM; i++) {
      key = key * 16 + name.charCodeAt(i) - 0x30;
      scale *= 16;
    }
  }
  return key * (FULL / scale);
}
