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
