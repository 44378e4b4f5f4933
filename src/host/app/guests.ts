import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { usage } from '../../engines/core/errors.ts';
import { displayName } from '../../engines/core/names.ts';
import { nameOf } from '../../engines/core/offers.ts';
import { registry } from '../../engines/index.ts';
import type { AppContract, SourceToken } from '../../shared/contract/calls.ts';
import type { GuestRow, guestAppCalls, Matrix } from '../../shared/contract/guests.ts';
import type { Service } from '../../shared/rpc/types.ts';
import { missingOf } from '../guests/format.ts';
import type { GuestManager } from '../guests/installed.ts';
import type { Guest } from '../guests/manifest.ts';
import { makeMatrix } from '../guests/matrix.ts';
import { NATIVES } from '../guests/natives.ts';
import { PROOFS } from '../guests/proofs.ts';
import type { GuestSupport } from '../guests/support.ts';
import { treePath } from '../guests/tree-source.ts';
import { Jobs } from '../service/jobs.ts';

/** A folder that a person made by hand may have any name; one that no guest can have is not taken away by it. */
const NAME = /^[a-z0-9][a-z0-9._-]*$/;

export type GuestAppService = Pick<Service<AppContract>, keyof typeof guestAppCalls>;

/** What the calls need of the app. */
export interface GuestAppHost {
  guests(): Promise<GuestSupport & GuestManager>;
  folderOf(token: string): string;
  /** The path of an image. */
  sourceOf(token: string): string;
  /** A token for a path, or for what is opened as one. */
  tokenOf(path: string): SourceToken;
}

/** The app's calls about guests. */
export class GuestAppCalls {
  readonly #host: GuestAppHost;
  readonly #jobs = new Jobs();

  constructor(host: GuestAppHost) {
    this.#host = host;
  }

  get service(): GuestAppService {
    return {
      'guests.list': () => this.#list(),
      'guests.bad': async () => (await (await this.#host.guests()).bad()).map(({ name, added, error: { message, advice } }) => ({
        name: displayName(name), reason: displayName(advice === undefined ? message : `${message}. ${advice}`), removable: added && NAME.test(name),
      })),
      'guests.matrix': () => this.#matrix(),
      'guests.build': async ({ names }) => {
        const manager = await this.#host.guests();
        return { job: this.#jobs.start(async (job, tally) => {
          await manager.build(names, job);
          return tally;
        }) };
      },
      'guests.remove': async ({ name }) => {
        await (await this.#host.guests()).remove(name);
        return this.#list();
      },
      'guests.add': async ({ token }) => {
        await (await this.#host.guests()).add(this.#host.folderOf(token));
        return this.#list();
      },
      'guests.qemu': async () => (await this.#host.guests()).qemu(),
      'guests.job': ({ job }, cancel) => this.#jobs.get(job).events(cancel),
      'guests.cancel': ({ job }) => this.#jobs.get(job).cancel(),
      'guests.tree': async ({ name, tree, token }) => {
        const guest = (await (await this.#host.guests()).guests()).find(({ manifest }) => manifest.name === name);
        if (guest === undefined) throw usage('ENOENT', `There is no guest ${name}`);
        if (!guest.manifest.trees.includes(tree)) throw usage('ENOTSUP', `${guest.manifest.title} has no ${tree}`);
        return this.#host.tokenOf(treePath(name, tree, token === undefined ? undefined : this.#host.sourceOf(token)));
      },
    };
  }

  async close(): Promise<void> {
    await this.#jobs.close();
  }

  async #list(): Promise<GuestRow[]> {
    const support = await this.#host.guests();
    return Promise.all((await support.guests()).map(async (guest) => ({ ...guestRow(guest, support), ...(await builtFacts(guest)) })));
  }

  async #matrix(): Promise<Matrix> {
    const support = await this.#host.guests();
    return makeMatrix(registry, NATIVES, await support.guests(), (guest) => missingOf(guest, support), PROOFS);
  }
}

/** What of a guest lies on this computer, where it was built from packages. */
async function builtFacts({ manifest, files, state }: Guest): Promise<Pick<GuestRow, 'built' | 'bytes' | 'kernel'>> {
  if (manifest.source === undefined || state === 'missing') return {};
  const { readBuilt } = await import('../guests/catalogue.ts');
  const there = readBuilt(files);
  if (there === undefined) return {};
  const names = new Set([there.kernel, there.initramfs, ...Object.values(there.filesystems), ...Object.values(there.tools)]);
  const sizes = await Promise.all([...names].map((name) => stat(join(files, name)).then(({ size }) => size, () => 0)));
  const built = Date.parse(there.built);
  return { ...(Number.isNaN(built) ? {} : { built }), bytes: sizes.reduce((sum, size) => sum + size, 0), kernel: there.kernelVersion };
}

/** A guest as clients see it. */
export function guestRow(guest: Guest, support: GuestSupport): GuestRow {
  const { manifest, origin, state } = guest;
  return {
    name: manifest.name, title: displayName(manifest.title), summary: displayName(manifest.summary), architecture: manifest.architecture, origin, state, missing: displayName(missingOf(guest, support)),
    buildable: manifest.source !== undefined, ...(manifest.source === undefined ? {} : { download: manifest.source.download }), tables: manifest.tables, trees: manifest.trees,
    filesystems: manifest.filesystems.map(({ format, title, access, reason = '', check }) => ({ format, title: displayName(title ?? nameOf(format)), access, reason: displayName(reason), checkable: check !== undefined })),
  };
}
