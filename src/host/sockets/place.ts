import { randomUUID } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { ioError, usage } from '../../engines/core/errors.ts';

/** Folders of sockets in the system's folder for temporary files: ours, and those that a crash left. */
const FOLDER = /^clutch-(nbd|9p)-[0-9a-f-]{36}$/;

/** The protocol that is spoken there. */
export type SocketKind = 'nbd' | '9p';

/** Bytes of a socket's path at most (sun_path of Linux, less the zero at its end; macOS has 103). */
const MOST_PATH = process.platform === 'linux' ? 107 : 103;

/** Milliseconds after which an empty folder is no server's that is just starting. */
const STARTING_MS = 60_000;

/** Folders that one start looks at. */
const MOST_STALE = 100;

/** Where a server listens. */
export interface SocketPlace {
  readonly path: string;
  /** Takes the socket away, and the folder that was made for it. Never throws. */
  remove(): void;
  /** What is there is left alone from now on. */
  forget(): void;
}

/** Places that are in use, removed when the process ends in whatever way it can notice. */
const places = new Set<SocketPlace>();
process.on('exit', () => { for (const place of places) place.remove(); });

/**
 * A socket's path in a new folder that only this account can enter, under a name that can't be guessed.
 * @throws DiskError io where no folder can be made
 */
export async function privatePlace(kind: SocketKind): Promise<SocketPlace> {
  const parent = tmpdir();
  await removeStale(parent);
  const folder = join(parent, `clutch-${kind}-${randomUUID()}`);
  const path = join(folder, `${kind}.sock`);
  checkLength(path);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    throw ioError(`No folder for a socket can be made in ${parent}: ${(error as Error).message}`);
  }
  return kept(path, () => rmSync(folder, { recursive: true, force: true }));
}

/**
 * A path that somebody chose. A socket of this account that nobody listens on any more is taken away.
 * @throws DiskError usage EEXIST when something else is there, ENOENT, ENAMETOOLONG
 */
export async function chosenPlace(path: string): Promise<SocketPlace> {
  checkLength(path);
  if (!existsSync(dirname(path))) throw usage('ENOENT', `There is no folder ${dirname(path)}`);
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there !== undefined) {
    if (!there.isSocket() || there.uid !== process.getuid?.() || (await isAnswered(path))) throw usage('EEXIST', `${path} is there already`, 'Choose another path for the socket.');
    rmSync(path, { force: true });
  }
  return kept(path, () => rmSync(path, { force: true }));
}

function kept(path: string, remove: () => void): SocketPlace {
  const place: SocketPlace = {
    path,
    forget() { places.delete(place); },
    remove() {
      places.delete(place);
      try {
        remove();
      } catch {
        // It was taken away already, with all that it lay in.
      }
    },
  };
  places.add(place);
  return place;
}

function checkLength(path: string): void {
  if (Buffer.byteLength(path) > MOST_PATH) throw usage('ENAMETOOLONG', `${path} is longer than the ${MOST_PATH} bytes that a socket's path may have`);
}

/** Takes away what servers of this account left that are gone. Never throws. */
async function removeStale(parent: string): Promise<void> {
  let names: string[];
  try {
    names = readdirSync(parent).filter((name) => FOLDER.test(name)).slice(0, MOST_STALE);
  } catch {
    return; // Making the new folder tells what is wrong.
  }
  await Promise.all(names.map((name) => removeIfStale(join(parent, name))));
}

async function removeIfStale(folder: string): Promise<void> {
  try {
    const stat = lstatSync(folder);
    if (!stat.isDirectory() || stat.uid !== process.getuid?.()) return;
    const path = join(folder, `${FOLDER.exec(basename(folder))?.[1]}.sock`);
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
      // Only an empty one.
      if (Date.now() - stat.mtimeMs > STARTING_MS) rmdirSync(folder);
    } else if (!(await isAnswered(path))) rmSync(folder, { recursive: true, force: true });
  } catch {
    // Somebody else took it away, or it is not ours to take.
  }
}

/** Whether a server listens on a socket. The name of its process says nothing: it may run in another container that has the same folder. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Full (EAGAIN) and forbidden ones are answered by somebody: only a refusal tells that nobody is there.
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'));
  });
}
