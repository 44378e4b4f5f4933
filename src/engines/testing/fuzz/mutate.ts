import type { Random } from './random.ts';
import type { Target, TargetField } from './targets.ts';

/** Numbers at which length, count and offset checks go wrong; each is cut to the field's width. */
const INTERESTING: readonly bigint[] = [
  0n, 1n, 2n, 3n, 4n, 7n, 8n, 10n, 11n, 12n, 15n, 16n, 31n, 32n, 60n, 64n, 127n, 128n, 129n, 255n, 256n, 257n, 511n, 512n, 1023n, 1024n, 1025n, 4095n, 4096n, 0x7fffn, 0x8000n, 0x8001n,
  0xfffcn, 0xfffen, 0xffffn, 0x10000n, 0x10001n, 0x7fffffffn, 0x80000000n, 0xfffffffen, 0xffffffffn, 0x100000000n, 0x1fffffffffffffn, 0x20000000000000n, 0x7fffffffffffffffn, 0x8000000000000000n, 0xffffffffffffffffn,
];

/** Longest run that is swapped, copied or filled, in bytes. */
const RUN = 4096;

/** An image that is changed and changed back: a seed is loaded once, not once a mutation. */
export class Mutable {
  readonly bytes: Uint8Array;
  /** The structures that are known to lie in it. */
  readonly targets: readonly Target[];
  readonly #byKind: ReadonlyMap<string, readonly Target[]>;
  readonly #kinds: readonly string[];
  /** What the changed bytes were, newest last. */
  readonly #undo: { at: number; was: Uint8Array }[] = [];
  #size: number;

  constructor(bytes: Uint8Array, targets: readonly Target[]) {
    this.bytes = bytes;
    this.#size = bytes.length;
    const byKind = new Map<string, Target[]>();
    for (const target of targets) {
      if (!target.fields.every((field) => target.at + field.offset + field.size <= bytes.length)) continue;
      const same = byKind.get(target.kind);
      if (same === undefined) byKind.set(target.kind, [target]);
      else same.push(target);
    }
    this.targets = [...byKind.values()].flat();
    this.#byKind = byKind;
    this.#kinds = [...byKind.keys()];
  }

  /** The mutated image: a view, good until `restore`. */
  get image(): Uint8Array {
    return this.bytes.subarray(0, this.#size);
  }

  /** One to four mutations. @returns what was done, for a report */
  mutate(random: Random): string {
    const done: string[] = [];
    const count = 1 + random.below(4);
    for (let i = 0; i < count; i++) done.push(this.#one(random));
    return done.join('; ');
  }

  restore(): void {
    for (let change = this.#undo.pop(); change !== undefined; change = this.#undo.pop()) this.bytes.set(change.was, change.at);
    this.#size = this.bytes.length;
  }

  #one(random: Random): string {
    const dice = random.below(100);
    if (dice < 65 && this.#kinds.length > 0) return this.#structure(random);
    if (dice < 78) return this.#flip(random);
    if (dice < 86) return this.#move(random);
    if (dice < 96) return this.#fill(random);
    return this.#cut(random);
  }

  /** Changes one to three fields of a structure, and in half of the cases makes its checksum right again. */
  #structure(random: Random): string {
    const kind = random.pick(this.#kinds);
    const target = random.pick(this.#byKind.get(kind)!);
    const sealed = target.seal !== undefined && random.oneIn(2);
    const count = 1 + random.below(3);
    const names: string[] = [];
    for (let i = 0; i < count; i++) {
      const field = random.pick(target.fields);
      const at = target.at + field.offset;
      this.#save(at, field.size);
      this.#setField(random, at, field);
      names.push(`+${field.offset}`);
    }
    if (sealed) {
      for (const [at, length] of target.seal!.writes) this.#save(at, length);
      target.seal!.apply(this.bytes);
    }
    return `${kind} at ${target.at} ${names.join(' ')}${sealed ? ' sealed' : ''}`;
  }

  #setField(random: Random, at: number, field: TargetField): void {
    if (field.size > 8 || ![1, 2, 4, 8].includes(field.size)) {
      this.#setField(random, at + random.below(field.size), { offset: 0, size: 1, bigEndian: false });
      return;
    }
    const read = (): bigint => {
      let value = 0n;
      for (let i = 0; i < field.size; i++) value |= BigInt(this.bytes[at + (field.bigEndian ? field.size - 1 - i : i)]!) << BigInt(8 * i);
      return value;
    };
    const choice = random.below(10);
    const old = read();
    const value = choice < 5 ? random.pick(INTERESTING)
      : choice < 7 ? old + BigInt(random.below(9) - 4)
        : choice < 8 ? old ^ (1n << BigInt(random.below(field.size * 8)))
          : BigInt(random.below(2 ** 32)) | (BigInt(random.below(2 ** 32)) << 32n);
    for (let i = 0; i < field.size; i++) this.bytes[at + (field.bigEndian ? field.size - 1 - i : i)] = Number((value >> BigInt(8 * i)) & 0xffn);
  }

  #flip(random: Random): string {
    const count = 1 + random.below(16);
    const places: number[] = [];
    for (let i = 0; i < count; i++) {
      const at = this.#place(random);
      this.#save(at, 1);
      this.bytes[at] = random.oneIn(2) ? this.bytes[at]! ^ (1 << random.below(8)) : random.below(256);
      places.push(at);
    }
    return `bytes at ${places.join(' ')}`;
  }

  /** Copies or swaps two runs: a block that turns up where another belongs has a right checksum of its own. */
  #move(random: Random): string {
    const length = Math.min(random.pick([16, 128, 256, 512, 1024, RUN]), this.bytes.length);
    const align = (at: number): number => Math.min(at - (at % length), this.bytes.length - length);
    const from = align(this.#place(random));
    const to = align(this.#place(random));
    this.#save(from, length);
    this.#save(to, length);
    const moved = this.bytes.slice(from, from + length);
    const swapped = random.oneIn(2);
    if (swapped) this.bytes.copyWithin(from, to, to + length);
    this.bytes.set(moved, to);
    return `${length} bytes ${swapped ? 'swapped between' : 'copied from'} ${from} and ${to}`;
  }

  #fill(random: Random): string {
    const length = Math.min(1 + random.below(random.pick([8, 64, 1024, RUN])), this.bytes.length);
    const at = Math.min(this.#place(random), this.bytes.length - length);
    const value = random.pick([0, 0, 0xff, 0x41]);
    this.#save(at, length);
    this.bytes.fill(value, at, at + length);
    return `${length} bytes at ${at} become ${value}`;
  }

  #cut(random: Random): string {
    this.#size = random.oneIn(2) ? random.below(this.bytes.length + 1) : Math.max(0, this.bytes.length - random.below(8192));
    return `cut to ${this.#size} bytes`;
  }

  /** Mostly near a known structure: most of an image is file data, which no check depends on. */
  #place(random: Random): number {
    if (this.#kinds.length > 0 && !random.oneIn(4)) {
      const target = random.pick(this.#byKind.get(random.pick(this.#kinds))!);
      return Math.min(this.bytes.length - 1, target.at + random.below(1024));
    }
    return random.below(this.bytes.length);
  }

  #save(at: number, length: number): void {
    this.#undo.push({ at, was: this.bytes.slice(at, at + length) });
  }
}
