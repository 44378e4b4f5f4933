import { cancelled, DiskError, type DiskErrorData, type FaultKind, ioError } from '../../engines/core/errors.ts';
import type { AbortSignalLike, Client, Contract, Transport } from './types.ts';

/** Items that a stream may have under way: enough to hide a round trip, few enough to hold a fast sender back. */
export const STREAM_CREDIT = 64;

/** The client's side of a channel. One client a transport: it takes all of the transport's messages. */
export function createClient<C extends Contract>(transport: Transport): Client<C> {
  const connection = new ClientConnection(transport);
  return connection as unknown as Client<C>;
}

/** What an answer with some id is for. */
interface Receiver {
  result(value: unknown): void;
  item(value: unknown): void;
  end(): void;
  fail(error: DiskError): void;
}

class ClientConnection {
  readonly #transport: Transport;
  readonly #receivers = new Map<number, Receiver>();
  readonly #closeRuns: ((reason: string) => void)[] = [];
  #closed: string | undefined;
  #lastId = 0;

  constructor(transport: Transport) {
    this.#transport = transport;
    transport.onClose((reason) => this.#end(reason));
    transport.onMessage((message) => this.#receive(message));
  }

  call(name: string, params: unknown, signal?: AbortSignalLike): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(cancelled());
      if (this.#closed !== undefined) return reject(closedError(this.#closed));
      const id = ++this.#lastId;
      const stop = (): void => {
        done();
        this.#transport.send({ t: 'cancel', id });
        reject(cancelled());
      };
      const done = (): void => {
        this.#receivers.delete(id);
        signal?.removeEventListener('abort', stop);
      };
      this.#receivers.set(id, {
        result(value) { done(); resolve(value); },
        item() {},
        end() {},
        fail(error) { done(); reject(error); },
      });
      signal?.addEventListener('abort', stop);
      try {
        this.#transport.send({ t: 'call', id, name, params });
      } catch (error) {
        // Parameters that no transport can carry.
        done();
        reject(error as Error);
      }
    });
  }

  /** The stream opens when it is iterated for the first time, and can be iterated once. */
  stream(name: string, params: unknown, signal?: AbortSignalLike): AsyncIterable<unknown> {
    let used = false;
    return {
      [Symbol.asyncIterator]: () => {
        if (used) throw new Error(`The stream ${name} was iterated twice`);
        used = true;
        return this.#open(name, params, signal);
      },
    };
  }

  close(): void {
    if (this.#closed !== undefined) return;
    this.#transport.close();
    this.#end('closed');
  }

  onClose(run: (reason: string) => void): void {
    if (this.#closed === undefined) this.#closeRuns.push(run);
    else run(this.#closed);
  }

  #open(name: string, params: unknown, signal: AbortSignalLike | undefined): AsyncIterator<unknown> {
    const id = ++this.#lastId;
    const items: unknown[] = [];
    let waiting: { resolve(step: IteratorResult<unknown>): void; reject(error: Error): void } | undefined;
    let outcome: 'end' | DiskError | undefined;
    let taken = 0;
    const finish = (how: 'end' | DiskError): void => {
      if (outcome !== undefined) return;
      outcome = how;
      this.#receivers.delete(id);
      signal?.removeEventListener('abort', stop);
      if (how === 'end') waiting?.resolve({ done: true, value: undefined });
      else waiting?.reject(how);
      waiting = undefined;
    };
    const cancel = (how: 'end' | DiskError): void => {
      if (outcome !== undefined) return;
      items.length = 0;
      if (this.#closed === undefined) this.#transport.send({ t: 'cancel', id });
      finish(how);
    };
    const stop = (): void => cancel(cancelled());
    const take = (value: unknown): IteratorResult<unknown> => {
      if (++taken >= STREAM_CREDIT / 2 && outcome === undefined) {
        this.#transport.send({ t: 'credit', id, credit: taken });
        taken = 0;
      }
      return { done: false, value };
    };
    if (signal?.aborted) finish(cancelled());
    else if (this.#closed !== undefined) finish(closedError(this.#closed));
    else {
      this.#receivers.set(id, {
        result() {},
        item(value) {
          if (waiting === undefined) { items.push(value); return; }
          const { resolve } = waiting;
          waiting = undefined;
          resolve(take(value));
        },
        end: () => finish('end'),
        fail: finish,
      });
      signal?.addEventListener('abort', stop);
      this.#transport.send({ t: 'open', id, name, params, credit: STREAM_CREDIT });
    }
    return {
      next: async () => {
        if (items.length > 0) return take(items.shift());
        if (outcome === 'end') return { done: true, value: undefined };
        if (outcome !== undefined) {
          const error = outcome;
          outcome = 'end';
          throw error;
        }
        return new Promise((resolve, reject) => { waiting = { resolve, reject }; });
      },
      return: async () => {
        cancel('end');
        return { done: true, value: undefined };
      },
    };
  }

  #receive(message: unknown): void {
    if (typeof message !== 'object' || message === null) return;
    const { t, id, result, item, error } = message as Record<string, unknown>;
    // An id that nobody waits for was cancelled a moment ago.
    const receiver = typeof id === 'number' ? this.#receivers.get(id) : undefined;
    if (receiver === undefined) return;
    if (t === 'result') receiver.result(result);
    else if (t === 'item') receiver.item(item);
    else if (t === 'end') receiver.end();
    else if (t === 'error') receiver.fail(errorOf(error));
  }

  #end(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    for (const receiver of this.#receivers.values()) receiver.fail(closedError(reason));
    this.#receivers.clear();
    for (const run of this.#closeRuns.splice(0)) run(reason);
  }
}

function closedError(reason: string): DiskError {
  return ioError(`The connection ended: ${reason}`);
}

const KINDS = new Set<FaultKind>(['usage', 'io', 'unsupported', 'corrupt', 'locked', 'dirty', 'busy', 'cancelled', 'timeout', 'guest']);

/** The other side may be a broken one: what is no DiskErrorData still becomes an error that can be shown. */
function errorOf(data: unknown): DiskError {
  const { fault, message } = (data ?? {}) as Partial<DiskErrorData>;
  if (typeof message === 'string' && typeof fault === 'object' && fault !== null && KINDS.has(fault.kind)) return DiskError.from(data as DiskErrorData);
  return new DiskError({ kind: 'io' }, 'The other side failed without saying how');
}
