import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { DiskError, toDiskError } from '../../engines/core/errors.ts';
import type { JobContext } from '../../engines/core/job.ts';
import type { QemuState } from '../../shared/contract/guests.ts';
import { keepLog } from './log-files.ts';
import type { Guest } from './manifest.ts';
import { guestPlaces } from './places.ts';
import { findQemu } from './qemu.ts';
import type { GuestSupport } from './support.ts';

/** Guests as the app manages them: listed, built, added, removed. */
export interface GuestManager {
  /** @param names all that can be built and are not, unless told @throws DiskError why the first one that failed could not be built; the others are */
  build(names: readonly string[] | undefined, job: JobContext): Promise<void>;
  /** @param folder with a guest.yml */
  add(folder: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Folders that should be guests and are none. `added`: by the person, whatever it is that is wrong now. */
  bad(): Promise<readonly { readonly name: string; readonly added: boolean; readonly error: DiskError }[]>;
  qemu(): Promise<QemuState>;
}

/** Milliseconds in which QEMU says its version. */
const VERSION_WITHIN = 20_000;

/** The guests of this computer. Their code is loaded when it is used: most images need none of it. */
export function installed(): GuestSupport & GuestManager {
  return {
    guests: async () => (await import('./catalogue.ts')).catalogue().guests,
    impossible: ({ manifest: { architecture } }) => whyNoQemu(architecture)?.message,
    async launch(guest, options) {
      const machine = await (await import('./launch.ts')).launchGuest(guest, options);
      keepLog(machine);
      return machine;
    },
    connect: async (channel, how) => (await import('./connect.ts')).connectGuest(channel, how),
    async build(names, job) {
      const { buildGuest, catalogue } = await import('./index.ts');
      const wanted = names ?? catalogue().guests.filter(({ state, manifest: { source } }) => state !== 'built' && source !== undefined && source.compile === undefined).map(({ manifest }) => manifest.name);
      let failure: DiskError | undefined;
      for (const name of wanted) {
        try {
          await buildGuest(name, { job });
        } catch (error) {
          const known = toDiskError(error);
          if (known.kind === 'cancelled') throw known;
          job.log({ level: 'error', message: known.message, path: name, error: known.toJSON() });
          failure ??= known;
        }
      }
      if (failure !== undefined) throw failure;
    },
    async add(folder) {
      (await import('./catalogue.ts')).addGuest(folder);
    },
    async remove(name) {
      (await import('./catalogue.ts')).removeGuest(name);
    },
    async bad() {
      const { catalogue } = await import('./catalogue.ts');
      const places = guestPlaces();
      return catalogue(places).bad.map(({ name, folder, error }) => ({ name, error, added: dirname(folder) === places.added }));
    },
    qemu,
  };
}

function whyNoQemu(architecture: Guest['manifest']['architecture']): DiskError | undefined {
  try {
    findQemu(architecture);
    return undefined;
  } catch (error) {
    const { fault, message, advice } = toDiskError(error);
    return new DiskError(fault, advice === undefined ? message : `${message}. ${advice}`, advice);
  }
}

async function qemu(): Promise<QemuState> {
  const missing = whyNoQemu('x86_64');
  if (missing !== undefined) return { found: false, reason: missing.message, advice: missing.advice ?? '' };
  const { command } = findQemu('x86_64');
  try {
    const { stdout } = await promisify(execFile)(command, ['--version'], { timeout: VERSION_WITHIN });
    return { found: true, version: /version ([\w.]+)/.exec(stdout)?.[1] ?? '' };
  } catch (error) {
    return { found: false, reason: `${command} does not run: ${(error as Error).message}`, advice: '' };
  }
}
