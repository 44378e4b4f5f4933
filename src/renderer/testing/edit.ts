import type { editCalls, EditState, OperationLabel, OperationRow, TreeChange, Verb } from '../../shared/contract/edit.ts';
import type { HostContract } from '../../shared/contract/calls.ts';
import type { EntryRow, ImageInfo } from '../../shared/contract/rows.ts';
import type { Cancel, Service } from '../../shared/rpc/types.ts';
import type { ErrorData } from '../app/services.ts';
import { FakeToolCheck } from './guests.ts';
import { busy, type FakeConflict, FakeCheck, FakeWrite, readOnly } from './edit-jobs.ts';
import { childrenOf, type FakeNode, file, folder, shownName } from './tree.ts';

export type EditService = Pick<Service<HostContract>, keyof typeof editCalls>;

/** What a fake image gives to its editing. */
export interface FakeImage {
  readonly name: string;
  readonly root: FakeNode;
  /** By a node's number; the root where there is none. */
  node(node: number): FakeNode;
  find(node: number, name: string): FakeNode;
  learn(children: readonly FakeNode[]): readonly FakeNode[];
  /** Runs a job and answers its number. */
  start(job: FakeWrite | FakeCheck): number;
  check(job: number): FakeCheck;
  info(): ImageInfo;
  setInfo(info: ImageInfo): void;
  /** Files of this computer by their token. */
  source(token: string): { readonly name: string };
  failure(error: ErrorData): Error;
}

interface Operation extends OperationRow {
  readonly undo: () => void;
  readonly redo: () => void;
}

/** The root's node in every fake image. */
const ROOT = 2;

const ok = { ok: true } as const;
const no = (reason: string) => ({ ok: false, reason }) as const;

/** Tells those who listen; each hears the newest first. */
class Told<T> {
  readonly #listeners = new Set<(item: T) => void>();

  tell(item: T): void {
    for (const listener of this.#listeners) listener(item);
  }

  async *items(cancel: Cancel, first?: T): AsyncGenerator<T> {
    const waiting: T[] = first === undefined ? [] : [first];
    let wake = (): void => {};
    const listener = (item: T): void => {
      waiting.push(item);
      wake();
    };
    this.#listeners.add(listener);
    cancel.onAbort(() => wake());
    try {
      while (!cancel.aborted) {
        const item = waiting.shift();
        if (item !== undefined) yield item;
        else await new Promise<void>((done) => { wake = done; });
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }
}

function recoveryOf(name: string): Pick<EditState, 'recovery'> {
  if (name.includes('finished-apply')) return { recovery: { state: 'finished', message: 'Clutch was interrupted while it applied changes to the image. They have been finished now.' } };
  if (name.includes('interrupted')) return { recovery: { state: 'impossible', message: 'The image is being used by another program, so changes that were being applied can\'t be finished now.' } };
  return name.includes('foreign-apply') ? { recovery: { state: 'foreign', message: `Beside the image lies a file of changes that were never finished, but the image was changed since. Both were left as they are. If you don't need it, delete /home/me/.${name}.clutch-apply.` } } : {};
}

/**
 * Editing of a fake image. By its name: one inside gzip can't be unlocked, "interrupted" has an Apply that did not come to its end,
 * "changed" changes underneath when it is unlocked, "finished-apply" and "foreign-apply" tell what became of one at the opening; files called "slow…" take their time, and "broken…" can't be read.
 */
export class FakeEditing {
  readonly #image: FakeImage;
  readonly #states = new Told<EditState>();
  readonly #changes = new Told<TreeChange>();
  #state: EditState['state'];
  #done: Operation[] = [];
  #undone: Operation[] = [];
  #writing = 0;
  #unfinished: EditState['unfinished'];
  #lastId = 0;
  #fixed: ReadonlySet<string> = new Set();

  constructor(image: FakeImage) {
    this.#image = image;
    this.#state = image.name.includes('interrupted') ? 'interrupted' : 'read-only';
  }

  get pending(): number {
    return this.#done.length;
  }

  get isUnlocked(): boolean {
    return this.#state === 'editing';
  }

  readonly service: EditService = {
    'edit.changes': (_params, cancel) => this.#states.items(cancel, this.#now()),
    'tree.changes': (_params, cancel) => this.#changes.items(cancel),
    'edit.unlock': () => {
      const { canUnlock } = this.#now();
      if (!canUnlock.ok) throw this.#image.failure({ fault: { kind: 'unsupported', feature: 'editing' }, message: canUnlock.reason });
      return this.#become('editing');
    },
    'edit.lock': ({ discard }) => {
      if (this.#done.length > 0 && discard !== true) throw this.#image.failure(busy(`${this.#done.length} changes are pending`));
      this.#rollBack();
      return this.#become('read-only');
    },
    'edit.review': ({ from, count }) => ({ operations: this.#done.slice(from, from + count).map(({ undo: _undo, redo: _redo, ...row }) => row), total: this.#done.length }),
    'edit.undo': () => this.#step(this.#done, this.#undone, 'undo'),
    'edit.redo': () => this.#step(this.#undone, this.#done, 'redo'),
    'edit.discard': () => {
      this.#rollBack();
      return this.#tell();
    },
    'edit.apply': () => {
      const { canApply, bytes } = this.#now();
      if (!canApply.ok) throw this.#image.failure(busy(canApply.reason));
      // Of such an image, the first one fails when it has written a part.
      if (this.#image.name.includes('halfway') && this.#unfinished === undefined) {
        this.#unfinished = { wayBack: true };
        this.#tell();
        throw this.#image.failure({ fault: { kind: 'io' }, message: 'No space left on device, at byte 8192 of the image' });
      }
      this.#unfinished = undefined;
      this.#become('applying');
      return this.#start(new FakeWrite({ names: [this.#image.name], bytes, slow: this.#image.name.includes('slow') }, [], () => {
        this.#done = [];
        this.#undone = [];
      }, () => this.#become('editing')));
    },
    'edit.saveAs': ({ name }) => this.#job({ names: [name], bytes: this.#image.info().size, slow: name.includes('slow') }, []),
    'edit.recover': ({ how }) => {
      if (this.#state !== 'interrupted') throw this.#image.failure({ fault: { kind: 'usage', errno: 'EINVAL' }, message: 'There is nothing to recover' });
      return this.#start(new FakeWrite({ names: [how], bytes: 65_536, slow: false }, [], () => this.#become('read-only'), () => {}));
    },
    'entry.create': ({ folder: at, name: wanted, unique, kind }) => {
      this.#unlocked();
      const parent = this.#image.node(at);
      const name = unique === true ? freeName(parent, wanted) : wanted;
      this.#free(parent, name);
      const target = kind.type === 'symlink' ? { target: shownName(kind.target) } : {};
      const made = kind.type === 'dir' ? folder(name) : file(name, 0, kind.type === 'symlink' ? { type: 'symlink', mode: 0o777, ...target } : {});
      const verb = ({ file: 'create', dir: 'mkdir', symlink: 'symlink' } as const)[kind.type];
      this.#operate({ verb, name: shownName(name), count: 1 }, parent, 4096, [[parent, [...childrenOf(parent), made]]]);
      return { node: made.row.node, name };
    },
    'entry.rename': ({ folder: at, node, name, to }) => {
      this.#unlocked();
      const parent = this.#image.node(at);
      if (to.includes('/') || to === '' || to === '.' || to === '..') throw this.#image.failure({ fault: { kind: 'usage', errno: 'EINVAL' }, message: 'That is no name' });
      this.#free(parent, to);
      const renamed = childrenOf(parent).map((each) => (each.row.node === node && each.row.name === name ? withRow(each, { name: to, display: shownName(to) }) : each));
      this.#operate({ verb: 'rename', name: shownName(name), to: shownName(to), count: 1 }, parent, 4096, [[parent, renamed]]);
    },
    'entry.change': ({ entries, changes: { mode, mtime, atime, btime, flags, uid, gid } }) => {
      this.#unlocked();
      const nodes = new Set(entries.map(({ node }) => node));
      const change = (each: FakeNode): FakeNode => (!nodes.has(each.row.node) ? each : withRow(each, {
        ...(mode === undefined ? {} : { mode: (each.row.mode & ~mode.clear) | mode.set }), ...(mtime === undefined ? {} : { mtime }), ...(atime === undefined ? {} : { atime }), ...(btime === undefined ? {} : { btime }),
        ...(flags === undefined ? {} : { flags }), ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }),
      }));
      const parents = this.#parents(nodes);
      this.#operate({ verb: 'change', name: shownName(entries[0]!.name), count: entries.length }, parents[0] ?? this.#image.root, 4096 * entries.length, parents.map((parent) => [parent, childrenOf(parent).map(change)]));
    },
    'entry.xattr': ({ node, name }) => {
      this.#unlocked();
      this.#operate({ verb: 'xattr', name: shownName(name), count: 1 }, this.#parents(new Set([node]))[0] ?? this.#image.root, 4096, []);
    },
    'delete.start': ({ entries }) => {
      const names = entries.map(({ name }) => name);
      const finish = (): void => {
        const gone = new Set(entries.map(({ node, name }) => `${node} ${name}`));
        const parents = [...new Set(entries.map((each) => this.#image.node(each.folder)))];
        this.#operate({ verb: 'delete', name: shownName(names[0]!), count: entries.length }, parents[0]!, 8192 * entries.length, parents.map((parent) => [parent, childrenOf(parent).filter(({ row }) => !gone.has(`${row.node} ${row.name}`))]));
      };
      return this.#job({ names, bytes: 0, slow: names.some((name) => name.startsWith('slow')) }, [], finish, broken(names));
    },
    'copy.start': ({ entries, to, move, options }) => {
      const target = this.#image.node(to.folder);
      const sources = entries.map(({ node, name }) => this.#image.find(node, name));
      const here = !move && entries.every((each) => each.folder === to.folder);
      const removed = move ? new Set(sources) : new Set<FakeNode>();
      return this.#place(here ? 'duplicate' : move ? 'move' : 'copy', target, sources, here ? 'keep-both' : options.conflict, removed, entries.map((each) => this.#image.node(each.folder)));
    },
    'copy.plan': ({ entries }) => ({ losses: [], files: entries.length, directories: 0, bytes: entries.reduce((sum, { node, name }) => sum + this.#image.find(node, name).row.size, 0), free: this.#space(), complete: true }),
    'put.start': ({ folder: at, sources, options }) => {
      const made = sources.map((token) => this.#image.source(token)).map(({ name }) => (name.includes('.') ? file(name, 88_120, { uid: 1000, gid: 1000 }) : folder(name, [file('inside.txt', 12)], { uid: 1000, gid: 1000 })));
      return this.#place('put', this.#image.node(at), made, options.conflict, new Set(), []);
    },
    'put.plan': ({ sources }) => {
      const names = sources.map((token) => this.#image.source(token).name);
      const odd = names.find((name) => name.includes('loss'));
      return { losses: odd === undefined ? [] : [{ what: 'xattrs', count: 3, example: shownName(odd), reason: 'ext4 keeps extended attributes of 4,096 bytes together in this image, and these are longer' }], files: names.length, directories: 0, bytes: names.some((name) => name.includes('huge')) ? 2 ** 40 : 88_120 * names.length, free: this.#space(), complete: true };
    },
    'parcel.pack': ({ entries }) => this.#job({ names: entries.map(({ name }) => name), bytes: 1e6 * entries.length, slow: false }, [], undefined, broken(entries.map(({ name }) => name))),
    'parcel.unpack': ({ folder: at, options }) => this.#place('paste', this.#image.node(at), [file('pasted.txt', 120)], options.conflict, new Set(), []),
    'check.start': () => ({ job: this.#image.start(this.#image.name.includes('xfs') ? new FakeToolCheck(this.#image.name, this.#fixed) : new FakeCheck(this.#image.name, this.#fixed)) }),
    'check.rows': ({ job }) => this.#image.check(job).rows(),
    'check.repair': ({ job, findings }) => {
      this.#unlocked();
      return { job: this.#image.start(this.#image.check(job).again(new Set(findings), this.#fixed, (ids) => {
        const before = this.#fixed;
        const after = new Set([...before, ...ids]);
        this.#operate({ verb: 'repair', name: this.#image.name, count: ids.size }, undefined, 4096 * ids.size, [], { undo: () => { this.#fixed = before; }, redo: () => { this.#fixed = after; } });
      })) };
    },
    'check.report': ({ job }) => ({ text: this.#image.check(job).report }),
    'check.save': () => {},
  };

  #now(): EditState {
    const { name } = this.#image;
    const changed = name.includes('changed') && this.#state === 'editing';
    const info = this.#image.info();
    const possible = info.layers.some(({ filesystem, format, guest }) => filesystem !== undefined && (format === 'ext4' || guest !== undefined));
    const last = this.#done.at(-1);
    const next = this.#undone.at(-1);
    return {
      state: this.#state,
      canUnlock: this.#state === 'interrupted' ? no('An interrupted Apply comes first') : info.layers[0]!.format === 'gzip' ? no('What is inside gzip can be read, not changed') : possible ? ok : no('Nothing in the image can be changed'),
      canApply: changed ? no('The file was changed by another program') : this.#state !== 'editing' ? no('The image is open for reading') : this.#writing > 0 ? no('Work is under way') : this.#done.length === 0 ? no('There are no changes') : ok,
      operations: this.#done.length, bytes: this.#done.reduce((sum, { bytes }) => sum + bytes, 0), writing: this.#writing > 0,
      ...(last ? { undo: label(last) } : {}), ...(next ? { redo: label(next) } : {}),
      ...(this.#unfinished === undefined ? {} : { unfinished: this.#unfinished }),
      ...(changed ? { changedUnderneath: 'Its time of change is 12:04:31, it was 12:01:07' } : {}),
      ...recoveryOf(name),
      ...(this.#state === 'interrupted' ? { interrupted: { when: 1_700_000_000_000, bytes: 1_048_576, canFinish: ok, canUndo: name.includes('half') ? no('The old contents were not kept') : ok } } : {}),
    };
  }

  #tell(): EditState {
    const now = this.#now();
    this.#states.tell(now);
    return now;
  }

  #become(state: EditState['state']): EditState {
    this.#state = state;
    const info = this.#image.info();
    const write = state === 'editing' || state === 'applying';
    this.#image.setInfo({ ...info, layers: info.layers.map((each) => (each.filesystem === undefined ? each : { ...each, filesystem: { ...each.filesystem, checkable: true, ...(write ? { names: { longest: 255, unit: 'bytes', forbidden: '', caseSensitive: true } } : {}) } })) });
    return this.#tell();
  }

  #unlocked(): void {
    if (this.#state !== 'editing') throw this.#image.failure(readOnly);
  }

  #free(parent: FakeNode, name: string): void {
    if (childrenOf(parent).some(({ row }) => row.name === name)) throw this.#image.failure({ fault: { kind: 'usage', errno: 'EEXIST' }, message: `“${shownName(name)}” is there already` });
    if (new TextEncoder().encode(name).length > 255) throw this.#image.failure({ fault: { kind: 'usage', errno: 'ENAMETOOLONG' }, message: 'The name is longer than 255 bytes' });
  }

  #space(): number {
    return this.#image.info().layers.find(({ filesystem }) => filesystem !== undefined)?.filesystem?.free ?? 0;
  }

  #parents(nodes: ReadonlySet<number>): FakeNode[] {
    const found: FakeNode[] = [];
    const look = (parent: FakeNode): void => {
      const children = childrenOf(parent);
      if (children.some(({ row }) => nodes.has(row.node))) found.push(parent);
      for (const child of children.slice(0, 500)) if (child.row.type === 'dir') look(child);
    };
    look(this.#image.root);
    return found;
  }

  /** Does it, and remembers how it is undone. @param becomes folders with their new children */
  #operate(what: OperationLabel, at: FakeNode | undefined, bytes: number, becomes: readonly (readonly [FakeNode, readonly FakeNode[]])[], more: { undo(): void; redo(): void } = { undo() {}, redo() {} }): void {
    const before = becomes.map(([parent]) => [parent, childrenOf(parent)] as const);
    const set = (all: readonly (readonly [FakeNode, readonly FakeNode[]])[]): void => {
      for (const [parent, children] of all) (parent as { children: readonly FakeNode[] }).children = this.#image.learn(children);
      // The image knows its root by another number than the tree it is made of.
      this.#changes.tell({ layer: this.#layer(), folders: all.map(([parent]) => (parent === this.#image.root ? ROOT : parent.row.node)) });
    };
    const operation: Operation = {
      ...what, id: ++this.#lastId, layer: this.#layer(), path: at === undefined ? '' : `/${at.row.display}`, when: Date.now(), bytes,
      undo: () => { set(before); more.undo(); }, redo: () => { set(becomes); more.redo(); },
    };
    operation.redo();
    this.#done.push(operation);
    this.#undone = [];
    this.#tell();
  }

  #layer(): string {
    return this.#image.info().layers.find(({ filesystem }) => filesystem !== undefined)?.path ?? '0';
  }

  #step(from: Operation[], to: Operation[], how: 'undo' | 'redo'): EditState {
    if (this.#writing > 0) throw this.#image.failure(busy('Work is under way'));
    const operation = from.pop();
    if (operation === undefined) throw this.#image.failure({ fault: { kind: 'usage', errno: 'EINVAL' }, message: `There is nothing to ${how}` });
    operation[how]();
    to.push(operation);
    this.#changes.tell({ layer: this.#layer() });
    return this.#tell();
  }

  #rollBack(): void {
    for (const operation of this.#done.toReversed()) operation.undo();
    this.#done = [];
    this.#undone = [];
    this.#changes.tell({ layer: this.#layer() });
  }

  #start(job: FakeWrite): { job: number } {
    return { job: this.#image.start(job) };
  }

  #job(what: { readonly names: readonly string[]; readonly bytes: number; readonly slow: boolean }, conflicts: readonly FakeConflict[], finish: (answers: ReadonlyMap<FakeConflict, string>) => void = () => {}, problem?: string): { job: number } {
    if (finish.length > 0 || problem !== undefined) this.#unlocked();
    this.#writing++;
    this.#tell();
    return this.#start(new FakeWrite(what, conflicts, finish, () => {
      this.#writing--;
      this.#tell();
    }, problem));
  }

  #place(verb: Verb, target: FakeNode, sources: readonly FakeNode[], policy: string | undefined, removed: ReadonlySet<FakeNode>, from: readonly FakeNode[]): { job: number } {
    this.#unlocked();
    const taken = new Map(childrenOf(target).map((each) => [each.row.name, each]));
    const met = sources.flatMap((each) => (taken.has(each.row.name) ? [{ path: `/${target.row.display}/${each.row.display}`, source: each.row, target: taken.get(each.row.name)!.row }] : []));
    const asked = policy === undefined || policy === 'ask';
    const names = sources.map(({ row }) => row.name);
    return this.#job({ names, bytes: sources.reduce((sum, { row }) => sum + row.size, 0), slow: names.some((name) => name.startsWith('slow')) }, asked ? met : [], (answers) => {
      let children = [...childrenOf(target)];
      const moved = new Set<FakeNode>();
      for (const source of sources) {
        const old = children.find(({ row }) => row.name === source.row.name);
        const conflict = met.find((each) => each.source === source.row);
        let action = old === undefined ? 'put' : (conflict && answers.get(conflict)) ?? policy ?? 'skip';
        if (action === 'newer') action = source.row.mtime > old!.row.mtime ? 'replace' : 'skip';
        if (action === 'skip') continue;
        moved.add(source);
        if (action === 'merge') continue;
        if (action === 'replace') children = children.filter((each) => each !== old);
        const name = action === 'keep-both' ? freeName({ ...target, children }, source.row.name) : source.row.name;
        children.push(verb === 'move' ? withRow(source, { name, display: shownName(name) }) : copyOf(source, name));
      }
      const becomes = new Map<FakeNode, readonly FakeNode[]>();
      for (const parent of from) if (removed.size > 0 && parent !== target) becomes.set(parent, childrenOf(parent).filter((each) => !moved.has(each)));
      this.#operate({ verb, name: shownName(names[0]!), to: target.row.display === '' ? '/' : target.row.display, count: sources.length }, target, 4096 + sources.reduce((sum, { row }) => sum + row.size, 0), [[target, children], ...becomes]);
    }, broken(names));
  }
}

function broken(names: readonly string[]): string | undefined {
  return names.some((name) => name.startsWith('broken')) ? 'inode 1312 at byte 1449216: the checksum does not match' : undefined;
}

function label({ verb, name, to, count }: OperationLabel): OperationLabel {
  return { verb, name, count, ...(to === undefined ? {} : { to }) };
}

function withRow(node: FakeNode, patch: Partial<EntryRow>): FakeNode {
  return { ...node, row: { ...node.row, ...patch } };
}

function copyOf(node: FakeNode, name: string): FakeNode {
  const made = node.row.type === 'dir' ? folder(name, childrenOf(node).map((child) => copyOf(child, child.row.name))) : file(name, node.row.size);
  return { ...node, ...(made.children === undefined ? {} : { children: made.children }), row: { ...node.row, name, display: shownName(name), node: made.row.node } };
}

/** "report (2).txt" */
function freeName(parent: FakeNode, name: string): string {
  const taken = new Set(childrenOf(parent).map(({ row }) => row.name));
  if (!taken.has(name)) return name;
  const dot = name.lastIndexOf('.');
  const [stem, end] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
  for (let number = 2; ; number++) if (!taken.has(`${stem} (${number})${end}`)) return `${stem} (${number})${end}`;
}
