/**
 * A set of row indexes as sorted, disjoint, non-touching, half-open ranges [from, to). "Everything" of a folder of a
 * million entries is one range, so that selecting all costs nothing.
 */
export type Ranges = readonly (readonly [from: number, to: number])[];

export const NO_RANGES: Ranges = [];

/** The range [from, to), empty when it is. */
export function span(from: number, to: number): Ranges {
  return from < to ? [[from, to]] : NO_RANGES;
}

export function hasIndex(ranges: Ranges, index: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [from, to] = ranges[middle]!;
    if (index < from) high = middle - 1;
    else if (index >= to) low = middle + 1;
    else return true;
  }
  return false;
}

/** How many indexes are in the set. */
export function countOf(ranges: Ranges): number {
  let count = 0;
  for (const [from, to] of ranges) count += to - from;
  return count;
}

export function union(a: Ranges, b: Ranges): Ranges {
  const all = [...a, ...b].toSorted((x, y) => x[0] - y[0]);
  const merged: [number, number][] = [];
  for (const [from, to] of all) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** What is in `a` and not in `b`. */
export function subtract(a: Ranges, b: Ranges): Ranges {
  const left: [number, number][] = [];
  for (const [from, to] of a) {
    let at = from;
    for (const [start, end] of b) {
      if (end <= at) continue;
      if (start >= to) break;
      if (start > at) left.push([at, start]);
      at = Math.max(at, end);
    }
    if (at < to) left.push([at, to]);
  }
  return left;
}

export function toggleIndex(ranges: Ranges, index: number): Ranges {
  const one = span(index, index + 1);
  return hasIndex(ranges, index) ? subtract(ranges, one) : union(ranges, one);
}

/** What of [0, count) is not in the set. */
export function complement(ranges: Ranges, count: number): Ranges {
  return subtract(span(0, count), ranges);
}

/** The only index of a set of one, else undefined. */
export function onlyIndex(ranges: Ranges): number | undefined {
  const [first] = ranges;
  return ranges.length === 1 && first !== undefined && first[1] - first[0] === 1 ? first[0] : undefined;
}
