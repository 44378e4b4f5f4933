/** Characters of a line that never ends, after which it is cut. */
const LONGEST = 64 * 1024;

/** Cuts a stream of bytes into lines of text, without their line feeds. Bytes that are no UTF-8 become U+FFFD. */
export class Lines {
  readonly #decoder = new TextDecoder();
  readonly #onLine: (line: string) => void;
  readonly #longest: number;
  #rest = '';

  /** @param longest characters after which a line is cut where it stands */
  constructor(onLine: (line: string) => void, longest = LONGEST) {
    this.#onLine = onLine;
    this.#longest = longest;
  }

  push(bytes: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) this.#tell(line);
    while (this.#rest.length > this.#longest) {
      this.#onLine(this.#rest.slice(0, this.#longest));
      this.#rest = this.#rest.slice(this.#longest);
    }
  }

  /** What came last without a line feed. */
  end(): void {
    if (this.#rest !== '') this.#tell(this.#rest);
    this.#rest = '';
  }

  /** A terminal's line ends in CR LF. */
  #tell(line: string): void {
    this.#onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
  }
}

/** Columns between the stops of a terminal's tabulator. */
const TAB = 8;

/**
 * A line as it stands on a terminal at last: what was printed over what (backspaces of a checker that counts, or turns a wheel), with blanks for tabs. All else stays as it is: who shows it
 * spells what would act.
 */
export function asPrinted(line: string): string {
  if (!/[\b\t]/.test(line)) return line;
  const shown: string[] = [];
  let at = 0;
  for (const character of line) {
    if (character === '\b') at = Math.max(0, at - 1);
    else if (character !== '\t') shown[at++] = character;
    else for (const stop = at + TAB - (at % TAB); at < stop; at++) shown[at] ??= ' ';
  }
  return shown.join('');
}
