import { randomUUID } from 'node:crypto';
import { closeSync, createWriteStream, fstatSync, openSync, readSync } from 'node:fs';
import { link, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type TarBytes, TarReader } from '../../engines/archives/tar/reader.ts';
import { type DiskError, ioError, usage } from '../../engines/core/errors.ts';
import type { NodeId } from '../../engines/core/filesystem.ts';
import type { Layer } from '../../engines/core/layer.ts';
import { displayName, type Name } from '../../engines/core/names.ts';
import type { HostContract } from '../../shared/contract/calls.ts';
import type { editCalls, OperationLabel } from '../../shared/contract/edit.ts';
import type { Params, Service } from '../../shared/rpc/types.ts';
import type { GrantUse } from '../control.ts';
import { checkOf, devicesOf, toolOf } from '../edit/checks.ts';
import { targetError } from '../jobs/extract/account.ts';
import { refuseOwnMount } from '../mounts/own-mounts.ts';
import { numberedName } from '../jobs/put/conflicts.ts';
import { copy } from '../jobs/put/copy.ts';
import { moveWithin } from '../jobs/put/move.ts';
import { planCopy, planPut } from '../jobs/put/plan.ts';
import { put } from '../jobs/put/put.ts';
import { checkEntry, type PlacedEntry, remove } from '../jobs/put/remove.ts';
import { unpack } from '../jobs/put/unpack.ts';
import { tar } from '../jobs/tar.ts';
import type { WritableFileSystem } from '../jobs/untar.ts';
import { fileIds } from '../sources/same-file.ts';
import { type FilesystemLayer, type ImageSession, nodeJob } from '../session.ts';
import { CheckRun, Checks } from './checking.ts';
import type { Editing, Wanted } from './editing.ts';
import { checkName } from './entries.ts';
import { countingData } from './extraction.ts';
import type { Jobs, Work } from './jobs.ts';
import { pathOf } from './paths-of.ts';

export type EditService = Pick<Service<HostContract>, keyof typeof editCalls>;

/** Milliseconds between two looks of those who watch a folder being filled. */
const TOLD_EVERY = 1000;

/** Characters of a report that a page gets. */
const MAX_REPORT = 1 << 20;

/** Numbers that are tried to find a free name. */
const MOST_NUMBERS = 10_000;

/** What the calls need of the image's host. */
export interface EditHost {
  session(): Promise<ImageSession>;
  layer(path: string): Promise<Layer>;
  filesystem(layer: string): Promise<FilesystemLayer>;
  /** @throws DiskError usage EACCES for a word that was not granted for this */
  granted(use: GrantUse, token: string): string;
  /** @throws DiskError busy while layers are opened another way */
  checkSettled(): void;
  /** Closes the image and opens it again. */
  reopenAll(): Promise<void>;
  readonly jobs: Jobs;
  readonly editing: Editing;
}

/** The calls about editing and checking. */
export class EditCalls {
  readonly #host: EditHost;
  readonly #editing: Editing;
  readonly #checks = new Checks();

  constructor(host: EditHost) {
    this.#host = host;
    this.#editing = host.editing;
  }

  get service(): EditService {
    const editing = this.#editing;
    return {
      'edit.changes': (_params, cancel) => editing.states(cancel),
      'tree.changes': (_params, cancel) => editing.treeChanges(cancel),
      'edit.unlock': () => editing.unlock(),
      'edit.lock': ({ discard }) => editing.lock(discard === true),
      'edit.review': ({ from, count }) => editing.review(from, count),
      'edit.undo': () => editing.undo(),
      'edit.redo': () => editing.redo(),
      'edit.discard': () => editing.discard(),
      'edit.apply': async () => this.#start(await editing.apply()),
      'edit.saveAs': ({ target, name, replace }) => this.#start(editing.saveAs(this.#fileIn(target, name), replace === true)),
      'edit.recover': (params) => this.#recover(params),
      'entry.create': (params) => this.#create(params),
      'entry.rename': (params) => this.#rename(params),
      'entry.change': (params) => this.#change(params),
      'entry.xattr': (params) => this.#xattr(params),
      'delete.start': (params) => this.#delete(params),
      'copy.start': (params) => this.#copy(params),
      'copy.plan': async ({ layer, entries, to }, cancel) => {
        const { filesystem } = await this.#host.filesystem(layer);
        return planCopy({ fs: filesystem, entries }, await editing.writable(to.layer), nodeJob({ signal: cancel }));
      },
      'put.start': (params) => this.#put(params),
      'put.plan': async ({ layer, sources }, cancel) => planPut(this.#sources(sources), await editing.writable(layer), nodeJob({ signal: cancel })),
      'parcel.pack': (params) => this.#pack(params),
      'parcel.unpack': (params) => this.#unpack(params),
      'check.start': ({ layer }) => this.#check(layer),
      'check.rows': ({ job }, cancel) => this.#checks.get(job).events(cancel),
      'check.repair': (params) => this.#repair(params),
      'check.report': ({ job }) => ({ text: reportText(this.#checks.get(job)) }),
      'check.save': async ({ job, target, name, replace }) => {
        await this.#saveText(this.#checks.get(job).report(), this.#fileIn(target, name), replace === true);
      },
    };
  }

  /** Writes lines of text to a file in a folder that was granted. @throws DiskError usage */
  saveLog(lines: Iterable<string>, target: string, name: string, replace: boolean): Promise<void> {
    return this.#saveText(lines, this.#fileIn(target, name), replace);
  }

  /** @throws DiskError usage EINVAL for a file of the image itself, which nothing takes the place of */
  async #saveText(lines: Iterable<string>, path: string, replace: boolean): Promise<void> {
    const [own] = fileIds([path]);
    if (own !== undefined && fileIds((await this.#host.session()).files).has(own)) throw usage('EINVAL', `${displayName(path)} is the image that is open`, 'Choose another name.');
    return saveText(lines, path, replace);
  }

  #start(work: Work): { job: number } {
    this.#host.checkSettled();
    return { job: this.#host.jobs.start(work) };
  }

  async #recover({ how }: Params<HostContract['edit.recover']>): Promise<{ job: number }> {
    const { state, interrupted } = await this.#editing.state();
    if (state !== 'interrupted' || interrupted === undefined) throw usage('EINVAL', 'There is nothing to recover');
    const can = how === 'finish' ? interrupted.canFinish : interrupted.canUndo;
    if (!can.ok) throw usage('ENOTSUP', can.reason);
    return this.#start(async (_job, tally) => {
      await this.#host.reopenAll();
      const session = await this.#host.session();
      const failed = session.recovery.find((each) => each.state === 'impossible');
      if (failed !== undefined) throw ioError(failed.message);
      return tally;
    });
  }

  async #wanted(layer: string, folder: NodeId | undefined, label: OperationLabel): Promise<Wanted> {
    const fs = await this.#editing.writable(layer);
    return { ...label, layer, path: folder === undefined ? '' : await pathOf(fs, folder) };
  }

  async #create({ layer, folder, name, unique, kind }: Params<HostContract['entry.create']>): Promise<{ node: number; name: string }> {
    const verb = ({ file: 'create', dir: 'mkdir', symlink: 'symlink' } as const)[kind.type];
    const to = kind.type === 'symlink' ? { to: displayName(kind.target) } : {};
    const wanted = await this.#wanted(layer, folder, { verb, name: displayName(name), count: 1, ...to });
    return this.#editing.call(wanted, async (fs, changed) => {
      checkNewName(name);
      const taken = await this.#freeName(fs, folder, name, unique === true);
      changed.folder(folder);
      const parent = await fs.stat(folder);
      // As a new file of the folder's owner: the person who edits an image is none of its users.
      const made = { mode: kind.type === 'dir' ? 0o755 : kind.type === 'symlink' ? 0o777 : 0o644, uid: parent.uid, gid: parent.gid };
      const node = await (kind.type === 'dir' ? fs.writer.mkdir(folder, taken, made) : kind.type === 'file' ? fs.writer.create(folder, taken, made) : fs.writer.symlink(folder, taken, kind.target, made));
      return { node, name: taken };
    });
  }

  async #freeName(fs: WritableFileSystem, folder: NodeId, name: Name, unique: boolean): Promise<Name> {
    if (!unique || await fs.lookup(folder, name) === undefined) return name;
    for (let number = 2; number < MOST_NUMBERS; number++) {
      const beside = numberedName(name, number, fs.writer.names);
      if (await fs.lookup(folder, beside) === undefined) return beside;
    }
    throw usage('EEXIST', `No free name was found beside "${displayName(name)}"`);
  }

  async #rename({ layer, folder, node, name, to }: Params<HostContract['entry.rename']>): Promise<void> {
    const wanted = await this.#wanted(layer, folder, { verb: 'rename', name: displayName(name), to: displayName(to), count: 1 });
    return this.#editing.call(wanted, async (fs, changed) => {
      checkNewName(to);
      await checkEntry(fs, folder, node, name);
      if (to === name) return;
      changed.folder(folder);
      await fs.writer.rename(folder, name, folder, to, 'keep');
    });
  }

  async #change({ layer, entries, changes: { mode, uid, gid, mtime, atime, btime, flags } }: Params<HostContract['entry.change']>): Promise<void> {
    const wanted = await this.#wanted(layer, entries[0]!.folder, { verb: 'change', name: displayName(entries[0]!.name), count: entries.length });
    return this.#editing.call(wanted, async (fs, changed) => {
      for (const { folder, node, name } of entries) if (folder !== undefined) await checkEntry(fs, folder, node, name);
      for (const { node } of entries) {
        const stat = await fs.stat(node);
        await fs.writer.change(node, {
          ...(mode === undefined ? {} : { mode: (stat.mode & ~mode.clear) | mode.set }), ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }),
          ...(mtime === undefined ? {} : { mtime }), ...(atime === undefined ? {} : { atime }), ...(btime === undefined ? {} : { btime }), ...(flags === undefined ? {} : { flags }),
        });
      }
      changed.nodes(entries.map(({ node }) => node));
    });
  }

  async #xattr({ layer, folder, node, name, key, value }: Params<HostContract['entry.xattr']>): Promise<void> {
    const wanted = await this.#wanted(layer, folder, { verb: 'xattr', name: displayName(name), to: displayName(key), count: 1 });
    return this.#editing.call(wanted, async (fs, changed) => {
      if (folder !== undefined) await checkEntry(fs, folder, node, name);
      await (value === undefined ? fs.writer.removeXattr(node, key) : fs.writer.setXattr(node, key, value));
      changed.nodes([node]);
    });
  }

  async #delete({ layer, entries }: Params<HostContract['delete.start']>): Promise<{ job: number }> {
    const fs = await this.#editing.writable(layer);
    checkEntries(fs, entries);
    const wanted = await this.#wanted(layer, entries[0]!.folder, labelOf('delete', entries));
    return this.#start(this.#editing.work(wanted, async (target, changed, job, tally) => {
      for (const { folder } of entries) changed.folder(folder);
      await remove(target, entries, job, tally);
    }));
  }

  async #copy({ layer, entries, to, move, options }: Params<HostContract['copy.start']>): Promise<{ job: number }> {
    const source = await this.#host.filesystem(layer);
    checkEntries(source.filesystem, entries);
    // What is moved goes from where it is.
    if (move) await this.#editing.writable(layer);
    const here = layer === to.layer && entries.every(({ folder }) => folder === to.folder);
    const verb = move ? 'move' : here ? 'duplicate' : 'copy';
    const path = await pathOf(await this.#editing.writable(to.layer), to.folder);
    const wanted: Wanted = { ...labelOf(verb, entries), ...(verb === 'duplicate' ? {} : { to: path }), layer: to.layer, path: await pathOf(source.filesystem, entries[0]!.folder) };
    return this.#start(this.#editing.work(wanted, async (fs, changed, job, tally) => {
      const { filesystem } = await this.#host.filesystem(layer);
      changed.folder(to.folder);
      if (move) for (const { folder } of entries) changed.folder(folder, layer);
      const target = { fs, folder: to.folder };
      if (move && layer === to.layer) return moveWithin(fs, entries, target, options, job, tally);
      const chosen = here ? { ...options, conflict: 'keep-both', folders: 'keep-both' } as const : options;
      return this.#telling(to.layer, to.folder, () => countingData(filesystem, entries, job, (total) => copy({ fs: filesystem, entries, move }, target, { ...chosen, births: move, total }, job, tally)));
    }));
  }

  async #put({ layer, folder, sources, options }: Params<HostContract['put.start']>): Promise<{ job: number }> {
    const paths = this.#sources(sources);
    const wanted = await this.#wanted(layer, folder, labelOf('put', paths.map((path) => ({ name: path.slice(path.lastIndexOf('/') + 1) }))));
    return this.#start(this.#editing.work({ ...wanted, to: wanted.path }, async (fs, changed, job, tally) => {
      changed.folder(folder);
      await this.#telling(layer, folder, () => put(paths, { fs, folder }, options, job, tally));
    }));
  }

  async #pack({ layer, entries, parcel }: Params<HostContract['parcel.pack']>): Promise<{ job: number }> {
    const path = this.#host.granted('parcel', parcel);
    const { filesystem } = await this.#host.filesystem(layer);
    for (const { node, name } of entries) checkName(filesystem, node, name);
    return this.#start(async (job, tally) => {
      const file = await openNew(path);
      try {
        return await countingData(filesystem, entries, job, async (total) => {
          const summary = await tar({ fs: filesystem, entries }, { ...job, report: (progress) => job.report({ ...progress, ...(total() === undefined ? {} : { total: total()! }) }) }, async (bytes) => { await file.write(bytes); });
          return Object.assign(tally, summary);
        });
      } catch (error) {
        await rm(path, { force: true });
        throw hostFailure(error);
      } finally {
        await file.close();
      }
    });
  }

  async #unpack({ layer, folder, parcel, options }: Params<HostContract['parcel.unpack']>): Promise<{ job: number }> {
    const path = this.#host.granted('parcel', parcel);
    const wanted = await this.#wanted(layer, folder, { verb: 'paste', name: await firstName(path), count: 1 });
    return this.#start(this.#editing.work({ ...wanted, to: wanted.path }, async (fs, changed, job, tally) => {
      changed.folder(folder);
      const fd = openSync(path, 'r');
      try {
        await this.#telling(layer, folder, () => unpack(bytesOf(fd), { fs, folder }, options, job, tally, fstatSync(fd).size));
      } finally {
        closeSync(fd);
      }
    }));
  }

  async #check(path: string): Promise<{ job: number }> {
    const session = await this.#host.session();
    const layer = await this.#host.layer(path);
    const tool = await toolOf(layer, session.registry);
    const check = tool === undefined ? await checkOf(layer, session.registry) : undefined;
    const run = new CheckRun(path, layer.label === '' ? layer.title : `${layer.title} (${displayName(layer.label)})`);
    const started = this.#start(this.#editing.still(async (job, tally) => {
      const now = await this.#host.layer(path);
      if (tool !== undefined) await run.dryTool(tool, devicesOf(session.layers, now), job, tally);
      else await run.dry(check!, now.device, job, tally);
      if (run.repairable) this.#editing.foundRepairs();
      return tally;
    }));
    this.#watch(started.job, run);
    return started;
  }

  async #repair({ job: before, findings }: Params<HostContract['check.repair']>): Promise<{ job: number }> {
    const { layer: path, title } = this.#checks.get(before);
    const { editing } = await this.#host.session();
    if (editing.state.state !== 'editing') throw usage('EROFS', 'The image is open for reading', 'Unlock it to edit.');
    const run = new CheckRun(path, title);
    const accepted = new Set(findings);
    const wanted: Wanted = { verb: 'repair', name: title, count: Math.max(1, accepted.size), layer: path, path: '' };
    const started = this.#start(this.#editing.rawWork(wanted, async (session, job, tally) => {
      // Its device is another one since the check, when the image was unlocked meanwhile.
      const layer = await this.#host.layer(path);
      const tool = await toolOf(layer, session.registry);
      if (tool !== undefined) await run.repairTool(tool, devicesOf(session.layers, layer), job, tally);
      else await run.repair(await checkOf(layer, session.registry), layer.device, accepted, job, tally);
    }));
    this.#watch(started.job, run);
    return started;
  }

  #watch(job: number, run: CheckRun): void {
    this.#checks.add(job, run);
    void this.#host.jobs.get(job).done.then(() => run.stop());
  }

  /** Tells of the folder while it is filled, so that people see what comes. */
  async #telling<T>(layer: string, folder: NodeId, run: () => Promise<T>): Promise<T> {
    const timer = setInterval(() => this.#editing.tellFolder(layer, folder), TOLD_EVERY);
    try {
      return await run();
    } finally {
      clearInterval(timer);
    }
  }

  #sources(tokens: readonly string[]): string[] {
    return tokens.map((token) => this.#host.granted('put', token));
  }

  #fileIn(target: string, name: string): string {
    if (name === '.' || name === '..' || /[/\\\0]/.test(name)) throw usage('EINVAL', `"${displayName(name)}" is no name of a file`);
    const path = join(this.#host.granted('folder', target), name);
    refuseOwnMount(path);
    return path;
  }
}

function labelOf(verb: 'delete' | 'move' | 'copy' | 'duplicate' | 'put', entries: readonly { readonly name: Name }[]): OperationLabel {
  return { verb, name: displayName(entries[0]!.name), count: entries.length };
}

/** @throws DiskError usage for what is no name of an entry, or for the root, which is in no folder */
function checkEntries(fs: Parameters<typeof checkName>[0], entries: readonly PlacedEntry[]): void {
  for (const { node, name } of entries) {
    checkName(fs, node, name);
    if (name === '') throw usage('EINVAL', 'The root of a volume stays where it is');
  }
}

/** @throws DiskError usage EINVAL. What the format itself does not take, its writer refuses. */
function checkNewName(name: Name): void {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) throw usage('EINVAL', `"${displayName(name.slice(0, 300))}" can't be a name`);
}

function reportText(run: CheckRun): string {
  let text = '';
  for (const line of run.report()) {
    if (text.length + line.length >= MAX_REPORT) break;
    text += `${line}\n`;
  }
  return text;
}

/** The file appears under its name when it is whole. @throws DiskError usage EEXIST */
async function saveText(lines: Iterable<string>, path: string, replace: boolean): Promise<void> {
  const temporary = `${path}.${randomUUID().slice(0, 8)}.clutch-part`;
  try {
    await pipeline(Readable.from(withNewlines(lines)), createWriteStream(temporary, { flags: 'wx' }));
    if (replace) await rename(temporary, path);
    else await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw usage('EEXIST', `${displayName(path)} is there already`);
    throw hostFailure(error);
  } finally {
    await rm(temporary, { force: true });
  }
}

function* withNewlines(lines: Iterable<string>): Iterable<string> {
  for (const line of lines) yield `${line}\n`;
}

async function openNew(path: string): Promise<Awaited<ReturnType<typeof open>>> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    throw hostFailure(error);
  }
}

function hostFailure(error: unknown): DiskError {
  return targetError(error, 'the file');
}

/** What a parcel holds first, escaped for showing. @throws DiskError usage ENOENT, corrupt */
async function firstName(path: string): Promise<string> {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    throw usage('ENOENT', 'The parcel was not packed');
  }
  try {
    const member = await new TarReader(bytesOf(fd)).next();
    return displayName(member?.path.split('/').find((part) => part !== '' && part !== '.') ?? '');
  } finally {
    closeSync(fd);
  }
}

/** A file from front to back. */
function bytesOf(fd: number): TarBytes {
  const some = (most: number): Uint8Array => {
    const bytes = new Uint8Array(Math.min(most, 1 << 20));
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, null));
  };
  return {
    some,
    take(length) {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const count = readSync(fd, bytes, done, length - done, null);
        if (count === 0) break;
        done += count;
      }
      return bytes.subarray(0, done);
    },
  };
}
