import * as v from 'valibot';
import { DiskError, toDiskError, usage } from '../../engines/core/errors.ts';
import type { Cancel, Contract, Service, Transport } from './types.ts';

/** Calls that one client may have under way; a page that behaves has a few dozen. */
const MAX_CALLS = 256;

/** Streams that one client may have open. */
const MAX_STREAMS = 64;

/** Most credit that counts: a client that grants more is sent no more at once. */
const MAX_CREDIT = 4096;

export interface ServeOptions {
  /** Told about errors that are no DiskError: faults of ours. */
  readonly onFault?: (name: string, error: unknown) => void;
}

/**
 * Answers a client. Nothing of the service runs before the message is well formed, the method is one of the contract's and its
 * parameters fit their schema; all else is answered with 'usage' EINVAL (ENOTSUP for a method that does not exist).
 * When the channel ends, everything that was under way for it is cancelled.
 */
export function serve<C extends Contract>(contract: C, service: Service<C>, transport: Transport, options: ServeOptions = {}): void {
  new ServerConnection(contract, service as unknown as Methods, transport, options).listen();
}

type Methods = Readonly<Record<string, (params: unknown, cancel: Cancel) => unknown>>;

/** A request under way. */
class Request implements Cancel {
  readonly kind: 'call' | 'stream';
  aborted = false;
  credit: number;
  readonly #runs: (() => void)[] = [];
  #wake: (() => void) | undefined;

  constructor(kind: 'call' | 'stream', credit: number) {
    this.kind = kind;
    this.credit = Math.min(credit, MAX_CREDIT);
  }

  onAbort(run: () => void): void {
    if (this.aborted) run();
    else this.#runs.push(run);
  }

  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    for (const run of this.#runs.splice(0)) run();
    this.#wake?.();
  }

  grant(credit: number): void {
    this.credit = Math.min(this.credit + credit, MAX_CREDIT);
    this.#wake?.();
  }

  /** Resolves when there is credit or the request was cancelled. */
  async room(): Promise<void> {
    while (this.credit === 0 && !this.aborted) await new Promise<void>((resolve) => { this.#wake = resolve; });
  }
}

class ServerConnection {
  readonly #contract: Contract;
  readonly #service: Methods;
  readonly #transport: Transport;
  readonly #options: ServeOptions;
  readonly #requests = new Map<number, Request>();
  #calls = 0;
  #streams = 0;
  #closed = false;

  constructor(contract: Contract, service: Methods, transport: Transport, options: ServeOptions) {
    this.#contract = contract;
    this.#service = service;
    this.#transport = transport;
    this.#options = options;
  }

  listen(): void {
    this.#transport.onClose(() => this.#end());
    this.#transport.onMessage((message) => this.#receive(message));
  }

  #receive(message: unknown): void {
    if (this.#closed) return;
    if (typeof message !== 'object' || message === null) return this.#refuse();
    const { t, id, name, params, credit } = message as Record<string, unknown>;
    if (typeof id !== 'number' || !Number.isSafeInteger(id)) return this.#refuse();
    if (t === 'call' && typeof name === 'string') this.#start('call', id, name, params, 0);
    else if (t === 'open' && typeof name === 'string' && isCredit(credit)) this.#start('stream', id, name, params, credit);
    else if (t === 'credit' && isCredit(credit)) this.#requests.get(id)?.grant(credit);
    else if (t === 'cancel') this.#requests.get(id)?.abort();
    else this.#refuse();
  }

  /** A client that does not speak the protocol is not talked to any longer. */
  #refuse(): void {
    this.#transport.close();
    this.#end();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const request of this.#requests.values()) request.abort();
    this.#requests.clear();
  }

  #start(kind: 'call' | 'stream', id: number, name: string, params: unknown, credit: number): void {
    // An id that is in use would mix up two answers.
    if (this.#requests.has(id)) return this.#refuse();
    if (kind === 'call' ? this.#calls >= MAX_CALLS : this.#streams >= MAX_STREAMS) {
      this.#fail(id, name, new DiskError({ kind: 'busy' }, `Too many requests at once; ${name} was not begun`));
      return;
    }
    let checked: unknown;
    try {
      checked = this.#check(kind, name, params);
    } catch (error) {
      this.#fail(id, name, error);
      return;
    }
    const request = new Request(kind, credit);
    this.#requests.set(id, request);
    if (kind === 'call') this.#calls++;
    else this.#streams++;
    const run = kind === 'call' ? this.#answer(id, name, checked, request) : this.#pour(id, name, checked, request);
    void run.catch((error: unknown) => this.#fail(id, name, error)).finally(() => {
      this.#requests.delete(id);
      if (kind === 'call') this.#calls--;
      else this.#streams--;
    });
  }

  #check(kind: 'call' | 'stream', name: string, params: unknown): unknown {
    const definition = Object.hasOwn(this.#contract, name) ? this.#contract[name] : undefined;
    if (definition === undefined || definition.kind !== kind) throw usage('ENOTSUP', `There is no ${kind} of the name ${JSON.stringify(name.slice(0, 64))}`);
    // valibot takes an array for an object without properties.
    if (Array.isArray(params)) throw usage('EINVAL', `${name}: the parameters are a list`);
    const parsed = v.safeParse(definition.params, params, { abortEarly: true });
    if (parsed.success) return parsed.output;
    const issue = parsed.issues[0];
    const where = v.getDotPath(issue);
    throw usage('EINVAL', `${name}: ${where === null ? '' : `${where}: `}${issue.message}`);
  }

  async #answer(id: number, name: string, params: unknown, request: Request): Promise<void> {
    const result = await this.#service[name]!(params, request);
    if (!this.#closed && !request.aborted) this.#transport.send({ t: 'result', id, result });
  }

  async #pour(id: number, name: string, params: unknown, request: Request): Promise<void> {
    const items = (this.#service[name]!(params, request) as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    // A generator that waits inside is told at once; its return() takes effect at its next step.
    request.onAbort(() => void Promise.resolve(items.return?.()).catch(() => {}));
    for (;;) {
      await request.room();
      if (request.aborted) return;
      const step = await items.next();
      if (request.aborted || this.#closed) return;
      if (step.done === true) break;
      request.credit--;
      this.#transport.send({ t: 'item', id, item: step.value });
    }
    this.#transport.send({ t: 'end', id });
  }

  #fail(id: number, name: string, error: unknown): void {
    if (this.#requests.get(id)?.aborted === true || this.#closed) return;
    const known = toDiskError(error);
    if (known !== error) this.#options.onFault?.(name, error);
    this.#transport.send({ t: 'error', id, error: known.toJSON() });
  }
}

function isCredit(credit: unknown): credit is number {
  return typeof credit === 'number' && Number.isSafeInteger(credit) && credit >= 0;
}
