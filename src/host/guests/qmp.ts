import type { ByteChannel } from '../../engines/core/channel.ts';
import { DiskError } from '../../engines/core/errors.ts';
import type { LogBook } from './log.ts';

/** Bytes of one message: QEMU's longest answers, of commands that we don't use, are a few hundred KiB. */
const LONGEST = 1 << 20;

/** Milliseconds that an answer may take. QEMU answers from its main loop, which a busy machine lets wait. */
const ANSWER_WITHIN = 30_000;

/** Commands on their way. */
const MOST_WAITING = 64;

/** An event of the QEMU Machine Protocol. */
export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: DiskError): void;
  readonly timer: NodeJS.Timeout;
}

/** Talks to QEMU itself (docs/interop/qmp-spec.rst). */
export class Qmp {
  readonly #channel: ByteChannel;
  readonly #guest: string;
  readonly #log: LogBook;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  readonly #decoder = new TextDecoder();
  #rest = '';
  #last = 0;
  #ended: DiskError | undefined;
  /** The greeting came, and commands may be given. @throws DiskError guest */
  readonly ready: Promise<void>;
  #greeted: () => void = () => {};
  #fail: (error: DiskError) => void = () => {};

  constructor(channel: ByteChannel, guest: string, log: LogBook) {
    this.#channel = channel;
    this.#guest = guest;
    this.#log = log;
    const greeting = new Promise<void>((resolve) => { this.#greeted = resolve; });
    channel.onBytes((bytes) => this.#receive(bytes));
    channel.onEnd(() => this.#end('QEMU closed its control connection'));
    const failed = new Promise<never>((_, reject) => { this.#fail = reject; });
    this.ready = Promise.race([this.#agree(greeting), failed]);
    this.ready.catch(() => {});
  }

  onEvent(run: (event: QmpEvent) => void): () => void {
    this.#listeners.add(run);
    return () => { this.#listeners.delete(run); };
  }

  /** @returns what the command returns. @throws DiskError guest with QEMU's words; timeout */
  execute(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (this.#waiting.size >= MOST_WAITING) return Promise.reject(this.#error('QEMU was asked too much at once'));
    const id = ++this.#last;
    this.#log.add('qmp', `> ${command} ${Object.keys(args).length > 0 ? JSON.stringify(args) : ''}`.trimEnd());
    const answer = new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new DiskError({ kind: 'timeout', ms: ANSWER_WITHIN }, `QEMU did not answer to ${command}`));
      }, ANSWER_WITHIN);
      this.#waiting.set(id, { resolve, reject, timer });
    });
    void this.#channel.send(new TextEncoder().encode(`${JSON.stringify({ execute: command, arguments: args, id })}\n`));
    return answer;
  }

  async #agree(greeting: Promise<void>): Promise<void> {
    await greeting;
    await this.execute('qmp_capabilities');
  }

  close(): void {
    this.#end('The control connection was closed');
  }

  #receive(bytes: Uint8Array): void {
    if (this.#ended !== undefined) return;
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n');
    this.#rest = lines.pop()!;
    if (this.#rest.length > LONGEST) this.#end('QEMU sent a message without an end');
    for (const line of lines) if (line.trim() !== '' && this.#ended === undefined) this.#take(line);
  }

  #take(line: string): void {
    let message: unknown;
    try {
      message = line.length > LONGEST ? undefined : JSON.parse(line);
    } catch {
      message = undefined;
    }
    if (!isRecord(message)) {
      this.#end(`QEMU sent what is not its protocol: ${line.slice(0, 80)}`);
      return;
    }
    this.#log.add('qmp', line.trim());
    if ('QMP' in message) this.#greeted();
    else if (typeof message['event'] === 'string') {
      const data = isRecord(message['data']) ? message['data'] : {};
      for (const run of this.#listeners) run({ event: message['event'], data });
    } else if (typeof message['id'] === 'number') this.#answer(message['id'], message);
    // An error without an id answers something that could not be read: whoever waits runs into the time limit.
  }

  #answer(id: number, message: Record<string, unknown>): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    const error = message['error'];
    if (error === undefined) waiting.resolve(message['return']);
    else waiting.reject(this.#error(isRecord(error) && typeof error['desc'] === 'string' ? `QEMU: ${error['desc'].slice(0, 1000)}` : 'QEMU refused a command'));
  }

  #end(why: string): void {
    if (this.#ended !== undefined) return;
    const error = this.#ended = this.#error(why);
    this.#fail(error);
    this.#rest = '';
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(error);
    }
    this.#waiting.clear();
    this.#channel.close();
  }

  #error(message: string): DiskError {
    return new DiskError({ kind: 'guest', guest: this.#guest }, message);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
