import { createHash, randomBytes } from 'node:crypto';
import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { DiskError, isDiskError, toDiskError, usage } from '../../engines/core/errors.ts';
import { type BuiltGuest, type Guest, type GuestManifest, OWN } from './manifest.ts';
import { checkOwnDisk } from './own-disk.ts';
import { type GuestPlaces, guestPlaces } from './places.ts';
import { readManifest } from './read.ts';

/** Raised when the builder makes something else of the same packages. */
const BUILDER = 2;

/** Files of a described guest, and bytes of all of them together. */
const MOST_FILES = 1_000;
const MOST_BYTES = 64 * 1024 ** 3;

/** A folder that should be a guest and is none. */
export interface BadGuest {
  readonly name: string;
  readonly folder: string;
  readonly error: DiskError;
}

/** The guests of this computer: those that come with Clutch, and those that the person added. */
export interface Catalogue {
  /** The best first. */
  readonly guests: readonly Guest[];
  readonly bad: readonly BadGuest[];
}

/** Looks at all guests. Read anew each time: it is a few small files, and folders change while the program runs. */
export function catalogue(places: GuestPlaces = guestPlaces()): Catalogue {
  const guests: Guest[] = [];
  const bad: BadGuest[] = [];
  for (const [origin, parent] of [['shipped', places.shipped], ['added', places.added]] as const) {
    for (const name of foldersOf(parent)) {
      const folder = join(parent, name);
      if (!existsSync(join(folder, 'guest.yml'))) continue;
      try {
        guests.push(describe(folder, origin, places).guest);
      } catch (error) {
        bad.push({ name, folder, error: toDiskError(error) });
      }
    }
  }
  return { guests: guests.toSorted((a, b) => b.manifest.rank - a.manifest.rank || (a.manifest.name < b.manifest.name ? -1 : 1)), bad };
}

/** One guest by its name. @throws DiskError usage ENOENT, EINVAL for a bad manifest */
export function findGuest(name: string, places: GuestPlaces = guestPlaces()): Guest {
  const { guests, bad } = catalogue(places);
  const found = guests.find((each) => each.manifest.name === name);
  if (found !== undefined) return found;
  throw bad.find((each) => each.name === name)?.error ?? noSuchGuest(name, guests);
}

/** That no guest has a name, with the names that there are. */
export function noSuchGuest(name: string, guests: readonly Guest[]): DiskError {
  return usage('ENOENT', `There is no guest ${name}`, `There are: ${guests.map((each) => each.manifest.name).join(', ')}`);
}

/** A folder's guest, and what its files are built from: another digest later means that they are outdated. */
export function describe(folder: string, origin: Guest['origin'], places: GuestPlaces): { guest: Guest; inputs: string } {
  const { manifest, texts } = readManifest(join(folder, 'guest.yml'), places.shipped);
  const hash = createHash('sha256').update(`${BUILDER}\0`);
  for (const text of texts) hash.update(text).update('\0');
  const programs = new Set(manifest.filesystems.flatMap(({ helper, check }) => [helper?.program ?? '', check?.program ?? '']));
  const helpers = [...programs].filter((program) => program.startsWith(OWN)).map((program) => program.slice(OWN.length));
  if (manifest.system === 'linux') for (const script of ['init', 'agent', ...helpers]) hash.update(readFileSync(join(places.shipped, 'linux', script))).update('\0');
  const inputs = hash.digest('hex');
  const files = manifest.source === undefined ? folder : join(places.built, manifest.name);
  return { guest: { manifest, folder, origin, files, ...stateOf(manifest, files, inputs) }, inputs };
}

function stateOf(manifest: GuestManifest, files: string, inputs: string): Pick<Guest, 'state' | 'missing'> {
  const { boot, source, name } = manifest;
  if (source === undefined) {
    const missing = [boot.kernel, boot.initrd, boot.disk].filter((file) => file !== undefined && !existsSync(join(files, file)));
    return missing.length === 0 ? { state: 'built', missing: '' } : { state: 'missing', missing: `${missing.join(', ')} must lie in ${files}` };
  }
  const command = `clutch guests build ${name}`;
  const built = readBuilt(files);
  if (built === undefined) {
    const minutes = source.compile === undefined ? '' : `; compiling it takes about ${Math.ceil(source.compile.seconds / 60)} min, ${Math.ceil(source.compile.space / 1e6)} MB for temporary files and a C compiler (apt install build-essential)`;
    return { state: 'missing', missing: `${command} (downloads about ${Math.ceil(source.download / 1e6)} MB${minutes})` };
  }
  return built.inputs === inputs ? { state: 'built', missing: '' } : { state: 'outdated', missing: command };
}

/** What the builder left in a folder; undefined where that is nothing, or not whole. */
export function readBuilt(files: string): BuiltGuest | undefined {
  try {
    const built = JSON.parse(readFileSync(join(files, 'guest.json'), 'utf8')) as BuiltGuest;
    const names = [built.kernel, built.initramfs, ...Object.values(built.filesystems), ...Object.values(built.tools)];
    return names.every((name) => existsSync(join(files, name))) ? built : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Takes a described guest into the catalogue: its folder is checked and copied.
 * @throws DiskError usage EINVAL for a bad manifest and for a disk that names other files, EEXIST when there is one of the name
 */
export function addGuest(directory: string, places: GuestPlaces = guestPlaces()): Guest {
  const from = resolve(directory);
  const name = basename(from);
  const { manifest } = readManifest(join(from, 'guest.yml'), places.shipped);
  const { guests, bad } = catalogue(places);
  if ([...guests.map((guest) => guest.manifest.name), ...bad.map((each) => each.name)].includes(name)) throw usage('EEXIST', `There is a guest ${name} already`, `Remove it first (clutch guests remove ${name}), or give the folder another name.`);
  checkFiles(from);
  const missing = manifest.source === undefined ? [manifest.boot.kernel, manifest.boot.initrd, manifest.boot.disk].filter((file) => file !== undefined && !existsSync(join(from, file))) : [];
  if (missing.length > 0) throw usage('ENOENT', `${from} has no ${missing.join(', ')}, which its guest.yml names`);
  checkOwnDisk(manifest, from);
  mkdirSync(places.added, { recursive: true });
  const fresh = join(places.added, `.${name}.${randomBytes(6).toString('hex')}`);
  try {
    cpSync(from, fresh, { recursive: true, errorOnExist: true });
    renameSync(fresh, join(places.added, name));
  } catch (error) {
    throw isDiskError(error) ? error : new DiskError({ kind: 'io' }, `${from} could not be copied (${(error as Error).message})`);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return describe(join(places.added, name), 'added', places).guest;
}

/**
 * Removes an added guest with its files; of one that comes with Clutch, what was built.
 * @returns what was removed
 * @throws DiskError usage ENOENT
 */
export function removeGuest(name: string, places: GuestPlaces = guestPlaces()): 'guest' | 'files' {
  const added = join(places.added, name);
  if (!/^[a-z0-9][\w.+-]*$/.test(name)) throw usage('ENOENT', `There is no guest ${name}`);
  rmSync(join(places.built, name), { recursive: true, force: true });
  if (existsSync(added)) {
    rmSync(added, { recursive: true, force: true });
    return 'guest';
  }
  findGuest(name, places);
  return 'files';
}

/** Plain files alone, and not without end: what is copied is what the person gave. */
function checkFiles(folder: string): void {
  let bytes = 0;
  let files = 0;
  const walk = (at: string): void => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (!entry.isFile()) throw usage('EINVAL', `${path} is no plain file`, 'A guest\'s folder has files and folders only.');
      else bytes += lstatSync(path).size;
      if (++files > MOST_FILES || bytes > MOST_BYTES) throw usage('EFBIG', `${folder} has more than ${MOST_FILES} files or ${MOST_BYTES / 1024 ** 3} GiB`);
    }
  };
  walk(folder);
}

function foldersOf(parent: string): string[] {
  try {
    return readdirSync(parent).filter((name) => !name.startsWith('.')).toSorted();
  } catch {
    return []; // Nothing was added yet.
  }
}
