import type { GuestLog, GuestLogLine } from './machine.ts';

/** Lines that are kept, and characters in all of them and in one. */
const MOST_LINES = 4000;
const MOST_CHARACTERS = 1 << 20;
const LONGEST_LINE = 2000;

/** Lines of one source that are taken in one second: a guest that floods its console must not keep us busy. */
const MOST_PER_SECOND = 1000;

/** What a guest said and did, as it comes. */
export class LogBook implements GuestLog {
  readonly #lines: GuestLogLine[] = [];
  readonly #listeners = new Set<(line: GuestLogLine) => void>();
  readonly #begin = performance.now();
  readonly #rates = new Map<GuestLogLine['from'], { second: number; count: number }>();
  #characters = 0;

  get lines(): readonly GuestLogLine[] {
    return this.#lines;
  }

  onLine(run: (line: GuestLogLine) => void): () => void {
    this.#listeners.add(run);
    return () => { this.#listeners.delete(run); };
  }

  /** Milliseconds since the launch. */
  now(): number {
    return Math.round(performance.now() - this.#begin);
  }

  add(from: GuestLogLine['from'], text: string): void {
    const at = this.now();
    const second = Math.floor(at / 1000);
    let rate = this.#rates.get(from);
    if (rate?.second !== second) {
      if (rate !== undefined && rate.count > MOST_PER_SECOND) this.#keep({ at, from, text: `(${rate.count - MOST_PER_SECOND} lines left out)` });
      this.#rates.set(from, rate = { second, count: 0 });
    }
    if (++rate.count > MOST_PER_SECOND) return;
    this.#keep({ at, from, text: text.length > LONGEST_LINE ? `${text.slice(0, LONGEST_LINE)} …` : text });
  }

  /** The last lines that came from there, oldest first. */
  last(from: GuestLogLine['from'], count: number): string[] {
    return this.#lines.filter((line) => line.from === from && line.text.trim() !== '').slice(-count).map((line) => line.text);
  }

  #keep(line: GuestLogLine): void {
    this.#lines.push(line);
    this.#characters += line.text.length;
    let gone = 0;
    while (this.#lines.length - gone > MOST_LINES || this.#characters > MOST_CHARACTERS) this.#characters -= this.#lines[gone++]!.text.length;
    if (gone > 0) this.#lines.splice(0, gone);
    for (const run of this.#listeners) run(line);
  }
}
