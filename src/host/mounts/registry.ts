import { randomBytes } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { DiskError, ioError, toDiskError } from '../../engines/core/errors.ts';
import { MOUNT_PROVIDERS, type MountUser } from '../../shared/contract/mounts.ts';
import { runtimeFolder } from './mount-point.ts';

/**
 * The mounts of this account that run now, whichever process has them: a file each in a folder that only this account can enter, beside a socket at which their
 * process is asked to end them. A process that was killed leaves both; nobody answers there then.
 */

/** Mounts that are looked at. */
const MOST = 1000;
/** Characters of one message. */
const LONGEST = 1 << 20;
/** Milliseconds in which a process that lives answers that it has heard. */
const ANSWERS_WITHIN = 20_000;
/** Milliseconds in which somebody who asked takes the answer. */
const TAKES_WITHIN = 2000;

const entry = v.object({
  pid: v.number(),
  /** Absolute path, or a drive. */
  at: v.string(),
  /** Absolute path of the image. */
  image: v.string(),
  layer: v.string(),
  provider: v.picklist(MOUNT_PROVIDERS),
  write: v.boolean(),
  socket: v.string(),
});

/** A mount that runs, or ran when its process was killed. */
export type RunningMount = v.InferOutput<typeof entry> & {
  /** Its file in the registry. */
  readonly file: string;
};

const answer = v.variant('is', [
  v.object({ is: v.literal('heard') }),
  v.object({ is: v.literal('says'), text: v.string() }),
  v.object({
    is: v.literal('end'), done: v.boolean(), message: v.string(), exit: v.optional(v.number()),
    users: v.optional(v.array(v.object({ pid: v.number(), name: v.string(), path: v.string() }))),
  }),
]);

/** How the process of a mount answers. `done`: it is gone; `exit` is the status that its program ends with, which says whether the changes were applied. */
export type UnmountAnswer =
  | { readonly done: true; readonly exit: number; readonly message: string }
  | { readonly done: false; readonly users: readonly MountUser[]; readonly message: string };

/** A mount that others know of. */
export interface Announced {
  /** It is no more, or ends in a moment. Never throws. */
  remove(): void;
}

/** The folder; CLUTCH_RUNTIME names another one, for tests. */
function registryFolder(): string {
  const { CLUTCH_RUNTIME } = process.env;
  if (CLUTCH_RUNTIME) return CLUTCH_RUNTIME;
  return process.platform === 'win32' ? join(tmpdir(), 'clutch-mounts') : join(runtimeFolder(), '.control');
}

/** Answers that are on their way to those who asked for the end of a mount. */
const answers = new Set<Promise<void>>();

/** Resolves when everybody who asked for the end of a mount has the answer, or takes too long to take it: a process ends after this. */
export async function answersSent(): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([Promise.all(answers), new Promise((resolve) => { timer = setTimeout(resolve, TAKES_WITHIN); })]);
  clearTimeout(timer);
}

/** @throws DiskError io where somebody else could enter the folder */
function ownFolder(): string {
  const folder = registryFolder();
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = lstatSync(folder);
    if (process.platform !== 'win32' && (uid !== process.getuid!() || (mode & 0o077) !== 0)) throw new Error('it is not private');
  } catch (error) {
    throw ioError(`The folder ${folder}, where mounts are listed, can't be used: ${(error as Error).message}`);
  }
  return folder;
}

/**
 * Lets others know of a mount. Undefined where that can't be: it is mounted all the same, and is ended where it was begun.
 * @param unmount is asked for its end
 */
export async function announceMount(what: Omit<RunningMount, 'pid' | 'socket' | 'file'>, unmount: (lazy: boolean, say: (text: string) => void) => Promise<UnmountAnswer>): Promise<Announced | undefined> {
  let server: Server | undefined;
  try {
    const folder = ownFolder();
    const name = `${process.pid}-${randomBytes(4).toString('hex')}`;
    const socket = process.platform === 'win32' ? `\\\\.\\pipe\\clutch-mount-${name}` : join(folder, `${name}.sock`);
    const file = join(folder, `${name}.json`);
    server = createServer((client) => {
      const answered = answerClient(client, unmount);
      answers.add(answered);
      void answered.finally(() => answers.delete(answered));
    });
    const listening = server;
    await new Promise<void>((resolve, reject) => {
      listening.once('error', reject);
      listening.listen(socket, resolve);
    });
    if (process.platform !== 'win32') chmodSync(socket, 0o600);
    // Whoever lists them sees all of it, or nothing.
    writeFileSync(`${file}.new`, JSON.stringify({ pid: process.pid, ...what, socket }), { mode: 0o600 });
    renameSync(`${file}.new`, file);
    const drop = (): void => { for (const path of process.platform === 'win32' ? [file] : [file, socket]) rmSync(path, { force: true }); };
    process.once('exit', drop);
    return {
      remove() {
        process.off('exit', drop);
        drop();
        // Who has asked for the end is answered all the same.
        listening.close();
      },
    };
  } catch {
    server?.close();
    return undefined;
  }
}

/** One request, and its answers. Never rejects. */
async function answerClient(client: Socket, unmount: (lazy: boolean, say: (text: string) => void) => Promise<UnmountAnswer>): Promise<void> {
  const send = (message: v.InferInput<typeof answer>): void => { if (!client.destroyed) client.write(`${JSON.stringify(message)}\n`); };
  client.on('error', () => {});
  try {
    for await (const line of linesOf(client)) {
      const lazy = (JSON.parse(line) as { lazy?: unknown }).lazy === true;
      send({ is: 'heard' });
      const end = await unmount(lazy, (text) => send({ is: 'says', text }));
      send({ is: 'end', done: end.done, message: end.message, ...(end.done ? { exit: end.exit } : { users: [...end.users] }) });
      break;
    }
  } catch {
    // It spoke something else, or has gone.
  }
  await new Promise<void>((resolve) => { client.end(resolve); client.once('close', () => resolve()); });
}

/** The mounts that are known, with those whose process was killed. */
export function listMounts(): RunningMount[] {
  let folder: string;
  let names: string[];
  try {
    folder = ownFolder();
    names = readdirSync(folder).filter((name) => /^\d+-[0-9a-f]{8}\.json$/.test(name)).slice(0, MOST);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const file = join(folder, name);
    try {
      return [{ ...v.parse(entry, JSON.parse(readFileSync(file, 'utf8'))), file }];
    } catch {
      return []; // It ended while they were listed, or is none of ours.
    }
  });
}

/** Whether the process of a mount answers at all. */
export async function isRunning({ socket }: RunningMount): Promise<boolean> {
  try {
    const client = await reach(socket);
    client?.destroy();
    return client !== undefined;
  } catch {
    return true; // Something is there, and can't be reached.
  }
}

/** Forgets a mount whose process is gone. */
export function forgetMount({ file, socket }: RunningMount): void {
  for (const path of process.platform === 'win32' ? [file] : [file, socket]) rmSync(path, { force: true });
}

/**
 * Asks the process of a mount to end it, and waits for that: what was written is applied then, where the process applies it.
 * @returns undefined when the process is gone
 */
export async function askUnmount({ socket }: RunningMount, lazy: boolean, say: (text: string) => void): Promise<UnmountAnswer | undefined> {
  const client = await reach(socket);
  if (client === undefined) return undefined;
  const timer = setTimeout(() => client.destroy(), ANSWERS_WITHIN);
  try {
    client.write(`${JSON.stringify({ lazy })}\n`);
    for await (const line of linesOf(client)) {
      const told = v.parse(answer, JSON.parse(line));
      if (told.is === 'heard') clearTimeout(timer);
      else if (told.is === 'says') say(told.text);
      else return told.done ? { done: true, exit: told.exit ?? 0, message: told.message } : { done: false, users: told.users ?? [], message: told.message };
    }
  } catch (error) {
    throw new DiskError({ kind: 'io' }, `The process that has it mounted could not be asked: ${toDiskError(error).message}`);
  } finally {
    clearTimeout(timer);
    client.destroy();
  }
  throw ioError('The process that has it mounted ended, or does not answer');
}

/** Undefined where nobody listens any more. @throws DiskError io for everything else */
function reach(socket: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const client = connect(socket);
    client.once('connect', () => {
      client.on('error', () => {});
      resolve(client);
    });
    client.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(undefined);
      else reject(ioError(`The process that has it mounted can't be reached: ${message}`));
    });
  });
}

async function* linesOf(client: Socket): AsyncGenerator<string> {
  let text = '';
  for await (const bytes of client.setEncoding('utf8')) {
    text += String(bytes);
    if (text.length > LONGEST) throw ioError('A message is too long');
    const lines = text.split('\n');
    text = lines.pop()!;
    yield* lines;
  }
}
