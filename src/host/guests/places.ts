import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import envPaths from 'env-paths';
import { ioError } from '../../engines/core/errors.ts';

/** Where guests lie on this computer. */
export interface GuestPlaces {
  /** The guests that come with Clutch, a folder each. */
  readonly shipped: string;
  /** Those that the person added, a folder each. */
  readonly added: string;
  /** What was built, a folder a guest. */
  readonly built: string;
  /** What was fetched from mirrors. */
  readonly downloads: string;
}

/**
 * The places for this account. CLUTCH_GUESTS puts all that is written into one folder; without it the system's folders for data and caches are used.
 * @throws DiskError io when the guests that come with Clutch are missing
 */
export function guestPlaces(env: NodeJS.ProcessEnv = process.env): GuestPlaces {
  const own = env.CLUTCH_GUESTS || undefined;
  const { data, cache } = envPaths('clutch', { suffix: '' });
  const root = own ?? join(env.CLUTCH_DATA ?? data, 'guests');
  return { shipped: shippedGuests(), added: join(root, 'added'), built: join(root, 'built'), downloads: own === undefined ? join(cache, 'guests') : join(own, 'downloads') };
}

/** In a checkout and in a packed app alike they lie beside the built program, which in an archive is unpacked next to it. */
function shippedGuests(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const guests = join(folder, 'guests').replace(/\.asar(?=[\\/])/, '.asar.unpacked');
    if (existsSync(join(guests, 'keys')) && existsSync(join(guests, 'linux'))) return guests;
    if (dirname(folder) === folder) throw ioError('The guests that come with Clutch are missing');
  }
}
