import { get as getPlain, type IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';
import { cancelled, DiskError, ioError, isDiskError, usage } from '../../../engines/core/errors.ts';
import type { CancelSignal } from '../../../engines/core/job.ts';

/** Milliseconds without a byte until a connection is given up. */
const IDLE = 30_000;

/** Milliseconds that any file may take, and the slowest speed above that (bytes a millisecond): a mirror that drips must end, too. */
const PATIENCE = 120_000;
const SLOWEST = 8;

/** Milliseconds between two looks at the job's signal. */
const LOOK = 100;

const MOST_REDIRECTS = 5;

/** What a server answered. */
export interface Answer {
  readonly status: number;
  /** Bytes that will come, where the server says so. */
  readonly length?: number;
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends the connection. */
  close(): void;
}

/** There is no such file on the server (404 and its like), as opposed to a server that can't be reached. */
export class MissingError extends DiskError {
  constructor(url: string, advice = 'Another mirror may have it: --mirror URL, or CLUTCH_DEBIAN_MIRROR.') {
    super({ kind: 'usage', errno: 'ENOENT' }, `The server has no ${url}`, advice);
  }
}

/** What a server sent is not the file that was published: an index is newer or older than what it tells of, or somebody changed it. It is not used. */
export class WrongFileError extends DiskError {
  constructor(title: string, message: string, advice = 'A mirror that is being updated has files that do not fit together: try again later, or choose another one: --mirror URL, or CLUTCH_DEBIAN_MIRROR.') {
    super({ kind: 'corrupt', place: { structure: title } }, `${title}: ${message}`, advice);
  }
}

/**
 * Asks a server for a file, over HTTP or HTTPS.
 * @param from the first byte that is wanted; the server may send all of it nonetheless (status 200 instead of 206)
 * @param size bytes that may come: they set the deadline
 * @param advice what to do when it can't be had
 * @throws DiskError io, usage ENOENT (MissingError), timeout, cancelled; while the body is read, too
 */
export async function request(url: string, { from = 0, size, signal, advice = 'Check the network, or choose another mirror: --mirror URL, or CLUTCH_DEBIAN_MIRROR.' }: { from?: number; size: number; signal: CancelSignal; advice?: string }): Promise<Answer> {
  for (let at = url, redirects = 0; ; redirects++) {
    const answer = await ask(at, from, size, signal, advice);
    const { statusCode: status = 0, headers: { location, 'content-length': length } } = answer.message;
    if (status === 200 || status === 206) return { status, ...(length === undefined ? {} : { length: Number(length) }), body: answer.body(), close: answer.close };
    answer.close();
    if (status >= 300 && status < 400 && location !== undefined && redirects < MOST_REDIRECTS) at = new URL(location, at).href;
    else if (status === 404 || status === 410 || status === 403) throw new MissingError(at, advice);
    else throw failed(`The server answered ${status} for ${at}`, advice);
  }
}

function ask(url: string, from: number, size: number, signal: CancelSignal, advice: string): Promise<{ message: IncomingMessage; body: () => AsyncGenerator<Uint8Array>; close: () => void }> {
  const { protocol } = parseMirror(url);
  return new Promise((resolve, reject) => {
    let failure: DiskError | undefined;
    const deadline = PATIENCE + size / SLOWEST;
    const sent = (protocol === 'https:' ? getSecure : getPlain)(url, { agent: false, headers: { 'user-agent': 'clutch', 'accept-encoding': 'identity', ...(from > 0 ? { range: `bytes=${from}-` } : {}) } });
    const stop = (error: DiskError): void => {
      failure ??= error;
      sent.destroy();
    };
    const looking = setInterval(() => { if (signal.aborted) stop(cancelled()); }, LOOK);
    const timer = setTimeout(() => stop(new DiskError({ kind: 'timeout', ms: deadline }, `${url} took more than ${Math.round(deadline / 1000)} s`)), deadline);
    const close = (): void => {
      clearInterval(looking);
      clearTimeout(timer);
      sent.destroy();
    };
    sent.setTimeout(IDLE, () => stop(new DiskError({ kind: 'timeout', ms: IDLE }, `The server said nothing for ${IDLE / 1000} s (${url})`)));
    sent.on('error', (error) => {
      close();
      reject(failure ?? failed(`${new URL(url).host} can't be reached (${error.message})`, advice));
    });
    sent.on('response', (message) => resolve({
      message, close,
      async *body() {
        try {
          for await (const chunk of message) yield chunk as Uint8Array;
          if (!message.complete) throw failed(`The connection to ${new URL(url).host} broke`, advice);
        } catch (error) {
          if (failure !== undefined) throw failure;
          throw isDiskError(error) ? error : failed(`The connection to ${new URL(url).host} broke (${error instanceof Error ? error.message : String(error)})`, advice);
        } finally {
          close();
        }
      },
    }));
  });
}

/**
 * The address of a mirror.
 * @throws DiskError usage EINVAL when it is none
 */
export function parseMirror(text: string): URL {
  try {
    const url = new URL(text);
    if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  } catch {
    // Told below.
  }
  throw usage('EINVAL', `${text} is not the address of a mirror`, 'It begins with http:// or https://.');
}

function failed(message: string, advice: string): DiskError {
  return new DiskError(ioError(message).fault, message, advice);
}
