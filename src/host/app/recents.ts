import { statSync } from 'node:fs';
import * as v from 'valibot';
import type { RecentRow } from '../../shared/contract/calls.ts';
import { readJson, writeJson } from './json-file.ts';
import { parseSetPath } from '../sources/set-path.ts';
import type { TokenStore } from './tokens.ts';

/** Images remembered besides the pinned ones. */
const KEPT = 20;

const recent = v.object({ path: v.string(), summary: v.string(), size: v.number(), opened: v.number(), pinned: v.boolean() });
const file = v.object({ version: v.literal(1), recents: v.array(recent) });
type Recent = v.InferOutput<typeof recent>;

/**
 * The images opened before, in one readable JSON file, the newest first and pinned ones before all. A file that can't be read
 * counts as empty: a list of recents is never worth a failed start.
 */
export class RecentStore {
  readonly #file: string;
  readonly #tokens: TokenStore;
  #recents: Recent[];

  /** @param path of the JSON file; its folder is made when something is first written */
  constructor(path: string, tokens: TokenStore) {
    this.#file = path;
    this.#tokens = tokens;
    this.#recents = load(path);
  }

  /** In the order of `list`. No file is looked at: a disk of the network that is gone would hold up whoever only shows them. */
  paths(): string[] {
    return this.#recents.map(({ path }) => path);
  }

  list(): RecentRow[] {
    return this.#recents.map(({ path, ...rest }) => ({ ...this.#tokens.tokenOf(path, 'source'), ...rest, missing: isMissing(path) }));
  }

  /** @param now milliseconds since 1970 */
  opened(path: string, summary: string, size: number, now: number): void {
    const pinned = this.#recents.some((each) => each.path === path && each.pinned);
    this.#save([{ path, summary, size, opened: now, pinned }, ...this.#recents.filter((each) => each.path !== path)]);
  }

  pin(path: string, pinned: boolean): void {
    this.#save(this.#recents.map((each) => (each.path === path ? { ...each, pinned } : each)));
  }

  /** The file was moved: its line stays, with its new path. */
  moved(path: string, to: string): void {
    if (path === to) return;
    this.#save(this.#recents.filter((each) => each.path !== to).map((each) => (each.path === path ? { ...each, path: to } : each)));
  }

  /** Without a path: all that are not pinned. */
  remove(path?: string): void {
    this.#save(this.#recents.filter((each) => (path === undefined ? each.pinned : each.path !== path)));
  }

  #save(recents: Recent[]): void {
    const ordered = recents.toSorted((a, b) => Number(b.pinned) - Number(a.pinned) || b.opened - a.opened);
    const unpinned = ordered.filter((each) => !each.pinned).slice(0, KEPT);
    this.#recents = ordered.filter((each) => each.pinned || unpinned.includes(each));
    writeJson(this.#file, { version: 1, recents: this.#recents });
  }
}

function load(path: string): Recent[] {
  const { success, output } = v.safeParse(file, readJson(path));
  return success ? output.recents : [];
}

function isMissing(path: string): boolean {
  return (parseSetPath(path) ?? [path]).some((each) => statSync(each, { throwIfNoEntry: false }) === undefined);
}
