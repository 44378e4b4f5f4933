import { randomBytes } from 'node:crypto';
import type { ByteChannel } from '../../engines/core/channel.ts';
import { DiskError } from '../../engines/core/errors.ts';

/** Bytes that wait for a session's receiver, which is set within the same turn as a rule; a server speaks only when it is asked. */
const MOST_WAITING = 1 << 20;

/** Longest status behind a mark: " 255\n". */
const STATUS_LENGTH = 5;

/** A program's status, as the agent spells it. */
const STATUS = /^\d{1,3}$/;

/** A mark that nothing else on a port can be: 128 random bits. */
export function newMark(): string {
  return randomBytes(16).toString('hex');
}

/** What a session needs to know of its machine. */
export interface PortOptions {
  /** The machine's end, as an error; undefined when it was stopped in order. */
  readonly ended: Promise<DiskError | undefined>;
  /** Told whenever something goes through. */
  readonly onUse: () => void;
  /** Told whenever something came from the guest. */
  readonly onReceive?: () => void;
}

/**
 * The port of files. The connection lasts as long as the machine; 9P sessions follow one another on it, kept apart by marks, for a machine's
 * socket can't be closed and opened again.
 */
export class FilePort {
  readonly #channel: ByteChannel;
  readonly #options: PortOptions;
  #session: Session | undefined;
  /** What is looked for while bytes of the session before are thrown away. */
  #seeking: { readonly mark: Buffer; tail: Buffer; readonly found: () => void } | undefined;

  constructor(channel: ByteChannel, options: PortOptions) {
    this.#channel = channel;
    this.#options = options;
    channel.onBytes((bytes) => {
      if (this.#seeking !== undefined) return this.#seek(bytes);
      options.onUse();
      options.onReceive?.();
      return this.#session?.receive(bytes);
    });
    // The machine's end tells why; it follows at once.
    channel.onEnd(() => { void options.ended.then((error) => this.#session?.end(error)); });
  }

  /** A new session, in place of the one before. */
  open(): ByteChannel {
    this.endSession();
    const session = this.#session = new Session((bytes) => {
      if (this.#session !== session) return undefined;
      this.#options.onUse();
      return this.#channel.send(bytes);
    });
    return session;
  }

  endSession(error?: DiskError): void {
    this.#session?.end(error);
    this.#session = undefined;
  }

  /**
   * Makes the port clean for the next session, after the server of the one before has ended: what is on the way belongs to no other.
   * @param ask makes the other side send the mark back, after it has read it
   * @param limit milliseconds in which the mark must come once it was asked for, and what ends the machine when it does not: a guest that was taken over may say
   *   that it sent the mark, and send none
   */
  async settle(ask: (mark: string) => Promise<unknown>, limit: { readonly within: number; readonly onHang: () => void }): Promise<void> {
    const mark = newMark();
    const found = new Promise<void>((resolve) => { this.#seeking = { mark: Buffer.from(`${mark}\n`), tail: Buffer.alloc(0), found: resolve }; });
    void this.#channel.send(Buffer.from(`\n${mark}\n`));
    await ask(mark);
    const timer = setTimeout(limit.onHang, limit.within);
    await Promise.race([found, this.#options.ended]);
    clearTimeout(timer);
  }

  #seek(bytes: Uint8Array): void {
    const { mark, tail, found } = this.#seeking!;
    const all = Buffer.concat([tail, bytes]);
    if (all.includes(mark)) {
      this.#seeking = undefined;
      found();
    } else this.#seeking!.tail = all.subarray(-mark.length);
  }
}

/** One 9P session. */
class Session implements ByteChannel {
  readonly send: (bytes: Uint8Array) => void | Promise<void>;
  readonly #waiting: Uint8Array[] = [];
  readonly #listeners: ((error?: DiskError) => void)[] = [];
  #receiver: ((bytes: Uint8Array) => void | Promise<void>) | undefined;
  #ended: { readonly error: DiskError | undefined } | undefined;
  #bytes = 0;

  constructor(send: (bytes: Uint8Array) => void | Promise<void>) {
    this.send = (bytes) => (this.#ended === undefined ? send(bytes) : undefined);
  }

  receive(bytes: Uint8Array): void | Promise<void> {
    if (this.#ended !== undefined) return undefined;
    if (this.#receiver !== undefined) return this.#receiver(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes <= MOST_WAITING) this.#waiting.push(bytes);
    return undefined;
  }

  onBytes(run: (bytes: Uint8Array) => void | Promise<void>): void {
    this.#receiver = run;
    for (const bytes of this.#waiting.splice(0)) void run(bytes);
  }

  onEnd(run: (error?: DiskError) => void): void {
    if (this.#ended !== undefined) run(this.#ended.error);
    else this.#listeners.push(run);
  }

  close(): void {
    this.end();
  }

  end(error?: DiskError): void {
    if (this.#ended !== undefined) return;
    this.#ended = { error };
    for (const run of this.#listeners.splice(0)) run(error);
  }
}

/** The port of streams: one at a time, each ended by its mark and the status of the program that made it. */
export class StreamPort {
  readonly #options: PortOptions;
  readonly #guest: string;
  #current: Stream | undefined;

  constructor(channel: ByteChannel, guest: string, options: PortOptions) {
    this.#options = options;
    this.#guest = guest;
    channel.onBytes((bytes) => {
      options.onUse();
      return this.#current?.receive(bytes);
    });
    void options.ended.then((error) => this.#current?.end(undefined, error ?? this.#error('The guest was stopped')));
  }

  get busy(): boolean {
    return this.#current !== undefined;
  }

  /**
   * @param onBytes what the program says
   * @param onEnd its status, or why there is none
   * @throws DiskError busy
   */
  open(mark: string, onBytes: (bytes: Uint8Array) => void | Promise<void>, onEnd: (status: number | undefined, error?: DiskError) => void): void {
    if (this.#current !== undefined) throw new DiskError({ kind: 'busy', by: this.#guest }, `${this.#guest} is already running a program`, 'Wait until it is done, or stop it.');
    const stream = this.#current = new Stream(mark, onBytes, (status, error) => {
      if (this.#current === stream) this.#current = undefined;
      this.#options.onUse();
      onEnd(status, error);
    });
  }

  /** The program was never started. */
  abandon(error: DiskError): void {
    this.#current?.end(undefined, error);
  }

  #error(message: string): DiskError {
    return new DiskError({ kind: 'guest', guest: this.#guest }, message);
  }
}

/** Bytes up to a mark. */
class Stream {
  readonly #mark: Buffer;
  readonly #onBytes: (bytes: Uint8Array) => void | Promise<void>;
  readonly #onEnd: (status: number | undefined, error?: DiskError) => void;
  #held: Buffer = Buffer.alloc(0);
  #over = false;

  constructor(mark: string, onBytes: (bytes: Uint8Array) => void | Promise<void>, onEnd: (status: number | undefined, error?: DiskError) => void) {
    this.#mark = Buffer.from(`${mark} `);
    this.#onBytes = onBytes;
    this.#onEnd = onEnd;
  }

  receive(bytes: Uint8Array): void | Promise<void> {
    if (this.#over) return undefined;
    const all = Buffer.concat([this.#held, bytes]);
    const at = all.indexOf(this.#mark);
    const end = at < 0 ? -1 : all.indexOf('\n', at);
    const text = at < 0 ? '' : all.toString('latin1', at + this.#mark.length, end < 0 ? all.length : end);
    // The mark, or a piece of it, may be the last that has come; all before that is the program's.
    const own = at < 0 ? Math.max(0, all.length - this.#mark.length - STATUS_LENGTH) : at;
    this.#held = all.subarray(own);
    const pause = own > 0 ? this.#onBytes(all.subarray(0, own)) : undefined;
    // What is longer than any status is none, and is not gathered to its end.
    if (at < 0 || end < 0 && text.length < STATUS_LENGTH) return pause;
    const status = STATUS.test(text) && Number(text) <= 255 ? Number(text) : undefined;
    const finish = () => this.end(status);
    if (pause === undefined) finish();
    else return pause.then(finish);
    return undefined;
  }

  end(status: number | undefined, error?: DiskError): void {
    if (this.#over) return;
    this.#over = true;
    this.#onEnd(status, error);
  }
}

/** What a program of the guest puts out, as a channel. Nothing is lost that came before there was a receiver: the program waits. */
export class OutputChannel implements ByteChannel {
  readonly #onClose: () => void;
  readonly #listeners: ((error?: DiskError) => void)[] = [];
  readonly #received: Promise<void>;
  #wake: () => void = nothing;
  #receiver: ((bytes: Uint8Array) => void | Promise<void>) | undefined;
  #ended: { readonly error: DiskError | undefined } | undefined;

  /** @param onClose runs when the reader gives up before the end */
  constructor(onClose: () => void) {
    this.#onClose = onClose;
    this.#received = new Promise((resolve) => { this.#wake = resolve; });
  }

  push(bytes: Uint8Array): void | Promise<void> {
    if (this.#ended !== undefined) return undefined;
    return this.#receiver === undefined ? this.#received.then(() => this.push(bytes)) : this.#receiver(bytes);
  }

  end(error?: DiskError): void {
    if (this.#ended !== undefined) return;
    this.#ended = { error };
    this.#wake();
    for (const run of this.#listeners.splice(0)) run(error);
  }

  send(): void {}

  onBytes(run: (bytes: Uint8Array) => void | Promise<void>): void {
    this.#receiver = run;
    this.#wake();
  }

  onEnd(run: (error?: DiskError) => void): void {
    if (this.#ended !== undefined) run(this.#ended.error);
    else this.#listeners.push(run);
  }

  close(): void {
    if (this.#ended === undefined) this.#onClose();
    this.end();
  }
}

function nothing(): void {}
