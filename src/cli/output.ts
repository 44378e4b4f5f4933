import { writeSync } from 'node:fs';

/** Bytes gathered before they are written: fewer system calls, and none is longer than a pipe holds by default. */
const BATCH = 64 * 1024;

/** Nothing more can be printed: whatever the work is, there is no reason to go on. */
export abstract class OutputEnded extends Error {}

/** Thrown when nobody reads any more (`clutch ls … | head`): not a failure. */
export class ReaderGone extends OutputEnded {
  override readonly name = 'ReaderGone';
}

/** Thrown when what is printed goes to a file that takes no more, such as one on a full disk. */
export class OutputFailed extends OutputEnded {
  override readonly name = 'OutputFailed';

  constructor(why: string) {
    super(`The output can't be written: ${why}`);
  }
}

/**
 * Standard output or standard error, written synchronously in batches. Node's own streams queue without limit
 * and cost some microseconds a line; a listing of a million lines wants neither.
 */
export class Output {
  readonly #fd: number;
  #text: string[] = [];
  #length = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Adds text, which is written in time. @throws OutputEnded */
  write(text: string): void {
    this.#text.push(text);
    this.#length += text.length;
    if (this.#length >= BATCH) this.flush();
  }

  /** Adds a line. @throws OutputEnded */
  line(text = ''): void {
    this.write(`${text}\n`);
  }

  /** Writes bytes, after the text that waits. @throws OutputEnded */
  bytes(bytes: Uint8Array): void {
    this.flush();
    writeAll(this.#fd, bytes);
  }

  /** Writes what waits. @throws OutputEnded */
  flush(): void {
    if (this.#length === 0) return;
    const text = this.#text.join('');
    this.#text = [];
    this.#length = 0;
    writeAll(this.#fd, Buffer.from(text, 'utf8'));
  }
}

/** Writes all of it, waiting where a pipe is full and does not block (another program may have made it so). */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(fd, bytes, done, bytes.length - done);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') Atomics.wait(SLEEPER, 0, 0, 1);
      else if (code === 'EPIPE' || code === 'ECONNRESET') throw new ReaderGone();
      else if (code !== 'EINTR') throw new OutputFailed((error as Error).message.replace(/, write$/, ''));
    }
  }
}

const SLEEPER = new Int32Array(new SharedArrayBuffer(4));
