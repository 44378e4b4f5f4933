import type { ByteChannel } from '../../engines/core/channel.ts';
import { DiskError, usage } from '../../engines/core/errors.ts';
import { encodeName } from '../../engines/core/names.ts';
import { Lines } from './lines.ts';
import type { LogBook } from './log.ts';

/** Characters that an answer may have. */
const LONGEST_ANSWER = 256 * 1024;

/** What the agent says when it is up (guests/linux/agent). */
const READY = 'ready 1';

interface Waiting {
  readonly verb: string;
  readonly text: string[];
  length: number;
  resolve(text: string): void;
  reject(error: DiskError): void;
  stop(): void;
}

/** Talks to the agent in a Linux guest: one command after another. Its protocol is told in guests/linux/agent. */
export class Agent {
  /** The agent is up. @throws DiskError guest when the connection ended before */
  readonly ready: Promise<void>;
  /** Told when the file server ended, with its exit status. */
  onServed: (status: number) => void = () => {};
  /** Told when a command passed its time limit: the guest hangs. */
  onHang: (message: string) => void = () => {};
  readonly #channel: ByteChannel;
  readonly #guest: string;
  readonly #log: LogBook;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #ended: DiskError | undefined;
  #greeted: () => void = () => {};
  #failed: (error: DiskError) => void = () => {};

  constructor(channel: ByteChannel, guest: string, log: LogBook) {
    this.#channel = channel;
    this.#guest = guest;
    this.#log = log;
    this.ready = new Promise((resolve, reject) => {
      this.#greeted = resolve;
      this.#failed = reject;
    });
    this.ready.catch(() => {});
    const lines = new Lines((line) => this.#take(line));
    channel.onBytes((bytes) => lines.push(bytes));
    channel.onEnd(() => this.#end('The connection to the guest ended'));
  }

  /** A resumed guest said that it is ready before it was saved. */
  resume(): void {
    this.#greeted();
  }

  /**
   * @param words any texts; each arrives as one word
   * @param within milliseconds that it may take; then the guest counts as hung
   * @returns the lines of its answer
   * @throws DiskError guest with what the agent and the kernel said
   */
  ask(verb: string, words: readonly string[], within: number): Promise<string> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (words.some((word) => word.includes('\0'))) return Promise.reject(usage('EINVAL', 'No word of a command can hold a zero byte'));
    const id = ++this.#last;
    this.#log.add('agent', `> ${verb} ${words.map((word) => JSON.stringify(word)).join(' ')}`.trimEnd());
    const answer = new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.onHang(`It did not answer to "${verb}" within ${Math.round(within / 1000)} s`);
        this.#waiting.delete(id);
        reject(new DiskError({ kind: 'timeout', ms: within }, `${this.#guest} did not answer to "${verb}"`));
      }, within);
      this.#waiting.set(id, { verb, text: [], length: 0, resolve, reject, stop: () => clearTimeout(timer) });
    });
    const escaped = words.map((word) => `${word.replaceAll('\\', '\\\\').replaceAll('\n', String.raw`\n`)}\n`);
    void this.#channel.send(encodeName(`${id} ${verb} ${words.length}\n${escaped.join('')}`));
    return answer;
  }

  /** What waits fails with this, and so does what is asked from now on. */
  end(error: DiskError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#failed(error);
    for (const waiting of this.#waiting.values()) {
      waiting.stop();
      waiting.reject(error);
    }
    this.#waiting.clear();
  }

  #end(why: string): void {
    this.end(new DiskError({ kind: 'guest', guest: this.#guest }, why));
  }

  /** A guest may say anything: what fits no answer that is waited for is kept in the log and means nothing. */
  #take(line: string): void {
    this.#log.add('agent', line);
    if (line === READY) {
      this.#greeted();
      return;
    }
    const served = /^! served (\d{1,3})$/.exec(line);
    if (served !== null) {
      this.onServed(Number(served[1]));
      return;
    }
    const answer = /^(\d{1,9}) (- |ok$|fail$)/.exec(line);
    const waiting = answer === null ? undefined : this.#waiting.get(Number(answer[1]));
    if (answer === null || waiting === undefined) return;
    if (answer[2] === '- ') {
      waiting.length += line.length;
      if (waiting.length <= LONGEST_ANSWER) waiting.text.push(line.slice(answer[0].length));
      return;
    }
    this.#waiting.delete(Number(answer[1]));
    waiting.stop();
    const text = waiting.text.filter((each) => each !== '').join('\n');
    if (answer[2] === 'ok') waiting.resolve(text);
    else waiting.reject(new DiskError({ kind: 'guest', guest: this.#guest }, text === '' ? `${this.#guest} could not ${waiting.verb}` : text));
  }
}
