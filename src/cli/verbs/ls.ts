import { type DiskError, toDiskError } from '../../engines/core/errors.ts';
import type { DirEntry, FileSystem, Stat } from '../../engines/core/filesystem.ts';
import { displayName, encodeName, type Name } from '../../engines/core/names.ts';
import { pathOf } from '../../host/paths.ts';
import { sortedEntries, Visited } from '../directory.ts';
import { entryJson, errorKey } from '../entry.ts';
import { EXIT } from '../exit.ts';
import { reportError } from '../job.ts';
import { type ImageOptions, withFilesystem } from '../open.ts';
import { OutputEnded } from '../output.ts';
import { findTyped, joinPath } from '../paths.ts';
import { stdout } from '../streams.ts';
import { humanSize, modeText, sizeText, table, timeText } from '../text.ts';

export interface LsOptions extends ImageOptions {
  readonly long?: boolean;
  readonly recursive?: boolean;
  readonly all?: boolean;
  readonly directory?: boolean;
  readonly human?: boolean;
  /** Names as their bytes, each ended by NUL. */
  readonly raw?: boolean;
}

/** An entry that is to be printed: its name, its path, and what is known of it. */
interface Row {
  readonly name: Name;
  readonly path: Name;
  readonly type: Stat['type'] | undefined;
  readonly stat?: Stat;
  readonly target?: Name;
  readonly error?: DiskError;
}

/** Lists directories, or the files named themselves. */
export function ls(image: string, paths: readonly string[], options: LsOptions): Promise<number> {
  return withFilesystem(image, options, async ({ filesystem }) => {
    const listing = new Listing(filesystem, options);
    for (const path of paths.length > 0 ? paths : ['/']) await listing.add(path, paths.length > 1 || options.recursive === true);
    return listing.status;
  });
}

class Listing {
  readonly #fs: FileSystem;
  readonly #options: LsOptions;
  readonly #visited = new Visited();
  #first = true;
  status: number = EXIT.done;

  constructor(fs: FileSystem, options: LsOptions) {
    this.#fs = fs;
    this.#options = options;
  }

  async add(typed: string, headed: boolean): Promise<void> {
    await this.#guard(typed, async () => {
      const { stat, steps } = await findTyped(this.#fs, typed, { followLast: this.#options.long !== true && this.#options.directory !== true });
      const path = pathOf(steps);
      if (stat.type !== 'dir' || this.#options.directory) await this.#print([await this.#row({ name: path, node: stat.node, type: stat.type }, path)]);
      else await this.#directories({ path, node: stat.node }, headed);
    });
  }

  /** One directory, or the whole tree below it; a stack of our own, for a crafted tree may be deeper than the program's. */
  async #directories(top: { path: Name; node: number }, headed: boolean): Promise<void> {
    const todo = [top];
    for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
      const { path, node } = at;
      await this.#guard(path, async () => {
        this.#visited.enter(node);
        const entries = await sortedEntries(this.#fs, node, this.#options.all === true);
        if (headed && !this.#options.json && !this.#options.raw) stdout.line(`${this.#first ? '' : '\n'}${displayName(path)}:`);
        this.#first = false;
        const rows: Row[] = [];
        for (const entry of entries) rows.push(await this.#row(entry, joinPath(path, entry.name)));
        await this.#print(rows);
        if (!this.#options.recursive) return;
        const folders = entries.filter((_, i) => rows[i]!.type === 'dir');
        for (const folder of folders.toReversed()) todo.push({ path: joinPath(path, folder.name), node: folder.node });
      });
    }
  }

  async #row(entry: DirEntry, path: Name): Promise<Row> {
    const { name, node } = entry;
    const { long, json } = this.#options;
    // The names alone need no inode, which is what makes a plain listing fast.
    if (!long && !json && entry.type !== undefined) return { name, path, type: entry.type };
    try {
      const stat = await this.#fs.stat(node);
      const target = long && stat.type === 'symlink' ? { target: await this.#fs.readlink(node) } : {};
      return { name, path, type: stat.type, stat, ...target };
    } catch (error) {
      this.status = EXIT.failed;
      return { name, path, type: entry.type, error: toDiskError(error) };
    }
  }

  async #print(rows: readonly Row[]): Promise<void> {
    const { json, raw, long } = this.#options;
    if (json) {
      for (const { path, stat, error } of rows) stdout.line(JSON.stringify(stat ? await entryJson(this.#fs, path, stat) : { path, error: errorKey(error!) }));
      return;
    }
    if (raw) {
      for (const { name, path } of rows) stdout.bytes(Uint8Array.from([...encodeName(this.#options.recursive ? path : name), 0]));
      return;
    }
    const lines = long ? longLines(rows, this.#options.human === true) : rows.map((row) => displayName(row.name));
    if (!long && process.stdout.isTTY) for (const line of columns(lines, process.stdout.columns ?? 80)) stdout.line(line);
    else for (const line of lines) stdout.line(line);
    for (const { path, error } of rows) if (error) reportError(error, path, false);
  }

  async #guard(path: Name, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof OutputEnded) throw error;
      stdout.flush();
      reportError(error, path, this.#options.json === true);
      this.status = EXIT.failed;
    }
  }
}

function longLines(rows: readonly Row[], human: boolean): string[] {
  return table(rows.map(({ name, stat, target }) => {
    const shown = displayName(name) + (target === undefined ? '' : ` -> ${displayName(target)}`);
    if (stat === undefined) return ['??????????', '?', '?', '?', '?', '?', shown];
    const size = human && !stat.device ? humanSize(stat.size) : sizeText(stat);
    return [modeText(stat.type, stat.mode), String(stat.nlink), String(stat.uid), String(stat.gid), size, timeText(stat.mtime), shown];
  }), 'lrrrrll', ' ');
}

/** Names in as many columns as fit, filled downwards. */
export function columns(names: readonly string[], width: number): string[] {
  const widest = Math.max(0, ...names.slice(0, 10_000).map((name) => name.length)) + 2;
  const count = Math.max(1, Math.floor(width / widest));
  const height = Math.ceil(names.length / count);
  return Array.from({ length: height }, (_, row) => {
    const cells = Array.from({ length: count }, (_cell, column) => names[column * height + row]).filter((name) => name !== undefined);
    return cells.map((name, i) => (i === cells.length - 1 ? name : name.padEnd(widest))).join('');
  });
}
