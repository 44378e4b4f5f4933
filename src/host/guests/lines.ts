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
