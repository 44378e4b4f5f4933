import { unsupported } from '../../engines/core/errors.ts';
import type { JobContext } from '../../engines/core/job.ts';
import type { QemuState } from '../../shared/contract/guests.ts';
import type { Guest } from './manifest.ts';
import type { GuestSupport } from './support.ts';

/** Guests as the app manages them: listed, built, added, removed. */
export interface GuestManager {
  guests(): Promise<readonly Guest[]>;
  /** @param names all that can be built and are not, unless told */
  build(names: readonly string[] | undefined, job: JobContext): Promise<void>;
  add(folder: string): Promise<void>;
  remove(name: string): Promise<void>;
  qemu(): Promise<QemuState>;
}

const none = (): never => { throw unsupported('guests', 'No guests are installed here'); };

/** The guests of this computer. */
export function installed(): GuestSupport & GuestManager {
  return { guests: async () => [], impossible: () => undefined, launch: async () => none(), connect: async () => none(), build: async () => none(), add: async () => none(), remove: async () => none(), qemu: async () => ({ found: false, reason: 'No guests are installed here', advice: '' }) };
}
