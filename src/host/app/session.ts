import * as v from 'valibot';
import type { Params } from '../../shared/rpc/types.ts';
import type { AppContract } from '../../shared/contract/calls.ts';
import { type KeptSession, keptSession, type Session } from '../../shared/contract/window.ts';
import { readJson, writeJson } from './json-file.ts';
import type { TokenStore } from './tokens.ts';

const NOTHING: KeptSession = { version: 1, tabs: [] };

/** The images that are open and where in each the person is, in session.json, for the next start. Pages know the images by tokens only. */
export class SessionStore {
  readonly #file: string | undefined;
  readonly #tokens: TokenStore;
  #kept: KeptSession;

  /** @param file path of the JSON file; undefined where nothing is kept */
  constructor(file: string | undefined, tokens: TokenStore) {
    this.#file = file;
    this.#tokens = tokens;
    const { success, output } = v.safeParse(keptSession, file === undefined ? undefined : readJson(file));
    this.#kept = success ? output : NOTHING;
  }

  get(): Session {
    const { tabs, active } = this.#kept;
    return { tabs: tabs.map(({ image, place }) => ({ source: this.#tokens.tokenOf(image, 'source'), place })), active };
  }

  /** @throws DiskError usage EACCES for a token that was never given out; Error of the system's when the file can't be written */
  set({ tabs, active }: Params<AppContract['session.set']>): void {
    this.#save({ version: 1, tabs: tabs.map(({ token, place }) => ({ image: this.#tokens.pathOf(token, 'source'), ...(place ? { place } : {}) })), ...(active === undefined ? {} : { active }) });
  }

  forget(): void {
    this.#save(NOTHING);
  }

  #save(session: KeptSession): void {
    if (this.#file === undefined) return;
    this.#kept = session;
    writeJson(this.#file, session);
  }
}
