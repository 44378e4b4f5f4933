/** Below this many items a segment is sorted whole. */
const SMALL = 512;

/** A segment is that many times as long as what is wanted of its start: then its least items are picked out in one pass. */
const MUCH_LONGER = 8;

/** Halving a million items down to SMALL takes 11 splits. */
const MAX_SPLITS = 64;

/**
 * Sorted order of `count` items, made only where it is looked at: a quicksort that leaves alone the segments that nobody asks for.
 * The first screen of a folder of 100,000 entries costs a few passes over the names instead of a whole sort.
 */
export class LazyOrder {
  readonly #items: Uint32Array;
  readonly #compare: (a: number, b: number) => number;
  /** Starts of segments: every item of a segment sorts before every item of the next. A segment of `sorted` is in order. */
  readonly #starts: number[];
  readonly #sorted = new Set<number>();

  /** @param compare of two items' numbers; never 0 for different items */
  constructor(count: number, compare: (a: number, b: number) => number) {
    this.#items = new Uint32Array(count);
    for (let i = 0; i < count; i++) this.#items[i] = i;
    this.#compare = compare;
    this.#starts = [0];
  }

  get length(): number {
    return this.#items.length;
  }

  /** The items that stand in [from, to), which may reach past the end. */
  range(from: number, to: number): Uint32Array {
    const end = Math.min(to, this.length);
    for (let at = from; at < end;) at = this.#settle(at, end);
    return this.#items.subarray(from, Math.max(from, end));
  }

  /** All items in order. */
  all(): Uint32Array {
    return this.range(0, this.length);
  }

  /** Where an item stands: as many places from the start as there are items before it. Nothing is sorted for it. */
  placeOf(item: number): number {
    let place = 0;
    for (let other = 0; other < this.length; other++) {
      if (other !== item && this.#compare(other, item) < 0) place++;
    }
    return place;
  }

  /** Sorts the segment that holds `at`, split until it lies within [.., end) or is small. @returns the segment's end */
  #settle(at: number, end: number): number {
    // Names chosen to make every pivot a bad one end in the platform's own sort instead of in quadratic time.
    for (let splits = 0; ; splits++) {
      const index = this.#segmentOf(at);
      const start = this.#starts[index]!;
      const stop = this.#starts[index + 1] ?? this.length;
      if (this.#sorted.has(start)) return stop;
      if (stop - start <= SMALL || splits > MAX_SPLITS || (start >= at && stop <= end)) {
        this.#items.subarray(start, stop).sort(this.#compare);
        this.#sorted.add(start);
        return stop;
      }
      const wanted = start === at && end - at <= (stop - start) / MUCH_LONGER ? this.#pick(start, stop, end - at) : false;
      const middle = wanted ? end : this.#partition(start, stop);
      this.#starts.splice(index + 1, 0, middle);
    }
  }

  /**
   * Brings the least `count` items of a segment to its start, in any order: a heap of the least so far, its greatest on top, against
   * which each other item is compared once. @returns false when too many were less, as in a listing that is in the opposite order:
   * halving is quicker then
   */
  #pick(start: number, stop: number, count: number): boolean {
    const items = this.#items;
    const compare = this.#compare;
    const sink = (from: number): void => {
      const item = items[start + from]!;
      let at = from;
      for (;;) {
        let child = 2 * at + 1;
        if (child >= count) break;
        if (child + 1 < count && compare(items[start + child + 1]!, items[start + child]!) > 0) child++;
        if (compare(items[start + child]!, item) <= 0) break;
        items[start + at] = items[start + child]!;
        at = child;
      }
      items[start + at] = item;
    };
    for (let at = (count >> 1) - 1; at >= 0; at--) sink(at);
    let top = items[start]!;
    let less = 0;
    const most = (stop - start) / MUCH_LONGER;
    for (let at = start + count; at < stop; at++) {
      const item = items[at]!;
      if (compare(item, top) > 0) continue;
      if (++less > most) return false;
      items[at] = top;
      items[start] = item;
      sink(0);
      top = items[start]!;
    }
    return true;
  }

  #segmentOf(at: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Hoare's partition round the median of five. @returns where the second part starts; both parts have items */
  #partition(start: number, stop: number): number {
    const items = this.#items;
    const compare = this.#compare;
    const step = Math.floor((stop - start - 1) / 4);
    const samples = [0, 1, 2, 3, 4].map((i) => items[start + i * step]!).toSorted(compare);
    const pivot = samples[2]!;
    let i = start - 1;
    let j = stop;
    for (;;) {
      do i++; while (compare(items[i]!, pivot) < 0);
      do j--; while (compare(items[j]!, pivot) > 0);
      if (i >= j) return Math.max(start + 1, Math.min(j + 1, stop - 1));
      const item = items[i]!;
      items[i] = items[j]!;
      items[j] = item;
    }
  }
}
