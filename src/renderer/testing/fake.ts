import { type AppEvent, appContract, type HostContract, hostContract, type RecentRow, type SourceToken } from '../../shared/contract/calls.ts';
import type { Crumb, EntryDetails, EntryRow, ImageInfo, SortKey, ViewSelection } from '../../shared/contract/rows.ts';
import { DEFAULT_SETTINGS, settingsSchema } from '../../shared/contract/settings.ts';
import type { Cancel, Client, Contract, Service } from '../../shared/rpc/types.ts';
import type { AppClient, ErrorData, HostClient, Services } from '../app/services.ts';
import * as v from 'valibot';
import { matchName } from '../../engines/core/match.ts';
import { fakeDetails, fakeMeasure } from './properties.ts';
import { fakeOpeners, fakeOpening, unlocked } from './opening.ts';
import { FakeEditing } from './edit.ts';
import { FakeCheck, type FakeWrite } from './edit-jobs.ts';
import { fakeBytes, fakeFind, fakePlaces, fakeStructures } from './bytes.ts';
import { FakeHash, fakeLists } from './checksums.ts';
import { fakeDeviceChanges } from './devices.ts';
import { FakeEntering, FakeGuests, fakeLog, REFUSED, served } from './guests.ts';
import { fakePreview, fakeText } from './preview.ts';
import { fakeSearch } from './search.ts';
import { fakeSpace } from './space.ts';
import { FakeJob } from './transfers.ts';
import { childrenOf, type FakeNode, fakeRoot } from './tree.ts';
import { ext4, IMAGES, SETS } from './images.ts';
import { FakeMounts, WAYS } from './mounts.ts';

export interface FakeOptions {
  readonly client: 'electron' | 'browser';
  readonly dialogs: 'native' | 'path';
  /** 'long': paths, names and summaries of no mean length. */
  readonly recents: boolean | 'long';
  /** Milliseconds that each answer takes. */
  readonly slow: number;
  /** See FakeGuests. */
  readonly guests: string;
  /** See fakeDevices. */
  readonly devices: string;
  /** See FakeMounts. */
  readonly mounts: string;
}

class Failure extends Error {
  readonly fault: ErrorData['fault'];
  readonly advice: string | undefined;
  constructor({ fault, message, advice }: ErrorData) {
    super(message);
    this.fault = fault;
    this.advice = advice;
  }
}

const missing = (message: string): Failure => new Failure({ fault: { kind: 'usage', errno: 'ENOENT' }, message });
const sleep = (ms: number): Promise<void> => new Promise((done) => { setTimeout(done, ms); });
const token = (n: number): string => n.toString(16).padStart(32, '0');

/** A client straight over a service in the page. Parameters are checked as a real one's are. */
function clientOf<C extends Contract>(contract: C, service: Service<C>, slow: number): Client<C> {
  const check = (name: string, params: unknown): unknown => v.parse(contract[name]!.params, params);
  const functions = service as unknown as Record<string, (params: unknown, cancel: Cancel) => never>;
  const cancelOf = (signal: { readonly aborted: boolean; addEventListener(type: 'abort', run: () => void): void } | undefined): Cancel => (signal === undefined ? { aborted: false, onAbort: () => {} } : { get aborted() { return signal.aborted; }, onAbort: (run: () => void) => signal.addEventListener('abort', run) });
  return {
    async call(name, params, signal) {
      const checked = check(name, params);
      await sleep(slow);
      if (signal?.aborted) throw new Failure({ fault: { kind: 'cancelled' }, message: 'Cancelled' });
      return await functions[name]!(checked, cancelOf(signal));
    },
    stream: (name, params, signal) => functions[name]!(check(name, params), cancelOf(signal)),
    close() {},
    onClose() {},
  };
}

/** What a tab of it is called: of several images that are one, the first one's name and how many more. */
function nameOf(path: string): string {
  const paths = path.startsWith('set:') ? JSON.parse(path.slice(4)) as string[] : [path];
  const name = paths[0]?.split('/').at(-1) ?? path;
  return paths.length > 1 ? `${name} and ${paths.length - 1} more` : name;
}

const sessionOfTests = v.object({ tabs: v.array(v.object({ path: v.string(), place: v.optional(v.object({ layer: v.string(), path: v.optional(v.string()) })) })), active: v.optional(v.number()) });

/** Everything behind the window, in memory. */
export function fakeServices(options: FakeOptions): Services {
  const sources = new Map<string, SourceToken>();
  const source = (path: string): SourceToken => {
    const known = [...sources.values()].find((each) => each.path === path);
    const made = known ?? { token: token(sources.size + 1), name: nameOf(path), path };
    sources.set(made.token, made);
    return made;
  };
  let recents: RecentRow[] = !options.recents ? [] : Object.values(IMAGES).map((image, i) => ({ ...source(image.path), summary: image.summary, size: image.size, opened: Date.now() - i * 40_000_000, pinned: i === 2, missing: false }));
  if (options.recents) recents.push({ ...source('/media/usb/backup of the old laptop, before the move.img'), summary: 'MBR', size: 500_107_862_016, opened: 1_700_000_000_000, pinned: false, missing: true });
  if (options.recents === 'long') {
    const deep = `/media/ada/backups/${'a folder in a folder/'.repeat(12)}`;
    recents = [
      { ...source(`${deep}${'a name that goes on and on '.repeat(8)}.img`), summary: 'gzip › GPT › 3 × ext4 (clean), NTFS, FAT, Linux swap …', size: 2 ** 50, opened: Date.now(), pinned: true, missing: false },
      { ...source('/home/ada/\u202egmi.evil\u0007'), summary: 'MBR', size: 1, opened: 1_700_000_000_000, pinned: false, missing: false },
      { ...source(`${deep}gone.img`), summary: 'MBR', size: 500_107_862_016, opened: 1_600_000_000_000, pinned: false, missing: true },
    ];
  }
  let settings = DEFAULT_SETTINGS;
  const events: AppEvent[] = [];
  let wake = (): void => {};
  const send = (event: AppEvent): void => { events.push(event); wake(); };
  const open = new Map<number, SourceToken>();
  const editings = new Map<number, FakeEditing>();
  const copied: string[] = [];
  const drags: unknown[] = [];
  const shown: string[] = [];
  const menus: unknown[] = [];
  const progressed: unknown[] = [];
  /** Milliseconds of the page at which each of them came. */
  const progressedAt: number[] = [];
  const notices: unknown[] = [];
  const guests = new FakeGuests(options.guests);
  Object.assign(window, { fake: { guests, send, copied, drags, open, shown, menus, progressed, progressedAt, notices, settings: () => settings } });

  const app: AppClient = clientOf(appContract, {
    'app.info': () => ({ version: '0.1.0', client: options.client, platform: 'linux', dialogs: options.dialogs, dragOut: true, settingsFile: '/home/ada/.config/clutch/settings.json' }),
    async *'app.events'() {
      for (;;) {
        for (let event = events.shift(); event !== undefined; event = events.shift()) yield event;
        await new Promise<void>((done) => { wake = done; });
      }
    },
    'settings.get': () => settings,
    'settings.set': (patch) => {
      settings = v.parse(settingsSchema, { ...settings, ...patch });
      send({ event: 'settings', settings });
      return settings;
    },
    'settings.show': () => { shown.push('settings.json'); },
    // Over a reload, in the browser's own storage.
    'session.get': () => {
      const kept = v.parse(sessionOfTests, JSON.parse(sessionStorage.getItem('session') ?? '{"tabs":[]}'));
      return { ...kept, tabs: kept.tabs.map(({ path, place }) => ({ source: source(path), place })) };
    },
    'session.set': ({ tabs, active }) => { sessionStorage.setItem('session', JSON.stringify({ tabs: tabs.map((tab) => ({ path: sources.get(tab.token)!.path, place: tab.place })), active })); },
    'menu.set': (menu) => { menus.splice(0, menus.length, menu); },
    'recents.list': () => recents,
    'recents.pin': (params) => { recents = recents.map((row) => (row.token === params.token ? { ...row, pinned: params.pinned } : row)); send({ event: 'recents', recents }); },
    'recents.remove': (params) => { recents = params.token === undefined ? [] : recents.filter((row) => row.token !== params.token); send({ event: 'recents', recents }); },
    'recents.locate': ({ token: moved, found }) => { recents = recents.filter((row) => row.token !== found).map((row) => (row.token === moved ? { ...row, ...sources.get(found)!, missing: false } : row)); send({ event: 'recents', recents }); },
    'sample.open': () => source('/opt/clutch/assets/sample/sample.img.gz'),
    'dialog.open': () => [source('/home/ada/images/disk.img.gz')],
    'dialog.folder': () => source('/home/ada/extracted'),
    'path.source': ({ path }) => {
      const name = path.split('/').at(-1) ?? '';
      if (!(name in IMAGES) && !path.includes('slow') && !path.includes('fail')) throw missing(`There is no file ${path}`);
      return source(path);
    },
    'path.folder': ({ path }) => { if (!path.startsWith('/home')) throw missing(`There is no folder ${path}`); return source(path); },
    'image.open'(params) {
      const image = open.size + 1;
      const opened = sources.get(params.token)!;
      if (opened.name.includes('fail')) throw new Failure({ fault: { kind: 'io', place: { structure: 'file', at: 8192 } }, message: 'The file ends in the middle of a block', advice: 'The image may be cut short, or the disk that holds it may be failing.' });
      open.set(image, opened);
      return { image };
    },
    'image.close': ({ image, discard }) => {
      const pending = editings.get(image)?.pending ?? 0;
      if (pending > 0 && discard !== true) throw new Failure({ fault: { kind: 'busy' }, message: `${pending} changes of the image are pending`, advice: 'Apply or discard them.' });
      editings.delete(image);
      open.delete(image);
    },
    'dialog.save': ({ name }) => ({ folder: source('/home/ada/images'), name, replace: false }),
    'dialog.put': ({ what }) => [source(what === 'files' ? '/home/ada/notes.txt' : '/home/ada/photos')],
    'path.put': ({ path }) => { if (!path.startsWith('/home')) throw missing(`There is no file ${path}`); return source(path); },
    'image.grantSources': () => {},
    'parcel.make': () => ({ parcel: token(0xabc) }),
    'parcel.drop': () => {},
    'image.grant': () => {},
    'drag.start': (params) => { drags.push(params); },
    'folder.show': () => {},
    'app.progress': (progress) => { progressed.push(progress); progressedAt.push(performance.now()); },
    'app.notify': (notice) => { notices.push(notice); },
    'text.paste': () => ({ text: copied.at(-1) ?? '' }),
    'text.copy': ({ text }) => { copied.push(text); },
    'mount.ways': () => {
      if (options.guests === 'fail') throw new Failure({ fault: { kind: 'io' }, message: 'The app does not answer' });
      return WAYS;
    },
    'mount.show': ({ mount }) => { shown.push(`mount ${mount}`); },
    'mount.copy': ({ mount }) => {
      const text = `mount ${mount}`;
      if (options.client === 'browser') return { text };
      copied.push(text);
      return {};
    },
    'devices.changes': (_params, cancel) => fakeDeviceChanges(options.devices, source, cancel),
    'guests.list': () => {
      if (options.guests === 'fail') throw new Failure({ fault: { kind: 'io' }, message: '/home/ada/.local/share/clutch/guests can’t be read: EACCES' });
      return guests.list;
    },
    'guests.bad': () => guests.bad,
    'guests.qemu': () => guests.qemu,
    'guests.matrix': () => guests.matrix,
    'guests.build': ({ names }) => ({ job: guests.build(names ?? []) }),
    'guests.job': ({ job }) => guests.events(job),
    'guests.cancel': ({ job }) => guests.cancel(job),
    'guests.remove': ({ name }) => guests.remove(name),
    'guests.add'({ token: word }) {
      const { path } = sources.get(word)!;
      if (path.includes('nothing')) throw missing(`There is no guest.yml in ${path}`);
      return guests.add(path);
    },
    'guests.tree': ({ name, tree, token: word }) => source(`guest:${name}/${tree}${word === undefined ? '' : `:${sources.get(word)!.path}`}`),
  }, options.slow);

  return {
    app,
    connectHost: async (image) => {
      const host = hostOf(open.get(image)!, options, (word) => sources.get(word)!, guests);
      editings.set(image, host.editing);
      // The one that was opened last.
      Object.assign((window as unknown as { fake: object }).fake, { mounts: host.mounts });
      return host.client;
    },
    async sourcesOfFiles(files) {
      // As in a browser, which does not tell.
      if (options.dialogs === 'path') throw new Failure({ fault: { kind: 'usage', errno: 'ENOTSUP' }, message: 'A browser does not tell where a dropped file lies' });
      // Disks of one set become one image, as the app finds out by their bytes.
      const disks = files.filter(({ name }) => name.startsWith('five-'));
      const alone = disks.length > 1 ? files.filter((each) => !disks.includes(each)) : files;
      const paths = alone.map(({ name }) => `/home/ada/images/${name}`);
      return [...paths, ...(disks.length > 1 ? [`set:${JSON.stringify(disks.map(({ name }) => `/home/ada/images/${name}`))}`] : [])].map((path) => source(path));
    },
  };
}

function hostOf(opened: SourceToken, options: FakeOptions, source: (word: string) => SourceToken, guests: FakeGuests): { client: HostClient; editing: FakeEditing; mounts: FakeMounts } {
  let info: ImageInfo = IMAGES[opened.name] ?? SETS[opened.name] ?? (opened.path.startsWith('guest:') ? treeInfo(opened) : IMAGES['root.ext4']!);
  const root = fakeRoot();
  const nodes = new Map<number, FakeNode>([[2, root]]);
  const learn = (children: readonly FakeNode[]): readonly FakeNode[] => {
    for (const child of children) if (child.row.error === undefined && child.row.type !== 'symlink') nodes.set(child.row.node, child);
    return children;
  };
  const views = new Map<number, EntryRow[]>();
  const jobs = new Map<number, FakeJob | FakeHash | FakeWrite | FakeCheck>();
  const find = (node: number, name: string): FakeNode => [...nodes.values()].flatMap((each) => (each.children === undefined || typeof each.children === 'function' ? [each] : [each, ...each.children])).find((each) => each.row.node === node && each.row.name === name) ?? nodes.get(node) ?? root;

  const sizeOf = (layer: string, node: number | undefined): number => (node === undefined ? info.layers.find((each) => each.path === layer)?.size : nodes.get(node)?.row.size) ?? info.size;

  const watchers = new Set<() => void>();
  const editing = new FakeEditing({
    name: opened.name, root, find, learn, source,
    node: (node) => nodes.get(node) ?? root,
    start(job) {
      jobs.set(jobs.size + 1, job);
      return jobs.size;
    },
    check(job) {
      const found = jobs.get(job);
      if (!(found instanceof FakeCheck)) throw missing(`Job ${job} is no check`);
      return found;
    },
    info: () => info,
    setInfo(changed) {
      info = changed;
      for (const tell of watchers) tell();
    },
    failure: (error) => new Failure(error),
  });

  const mounts = new FakeMounts(options.mounts, {
    source,
    unlocked: () => editing.isUnlocked,
    labelOf: (layer) => info.layers.find(({ path }) => path === layer)?.label ?? 'volume',
    write: (layer, name) => { void editing.service['entry.create']({ layer, folder: 2, name, kind: { type: 'file' } }, { aborted: false, onAbort() {} }); },
    failure: (error) => new Failure(error),
  });

  let entering: FakeEntering | undefined;
  const enter = async (layer: string, opener: string | undefined, cancel: Cancel): Promise<ImageInfo> => {
    const best = info.layers.find((each) => each.path === layer)?.openers.find(({ id }) => id === opener) ?? { id: opener ?? 'guest:linux-6.12', name: 'Linux 6.12' };
    entering = new FakeEntering(opened.name, best.name);
    const came = await entering.run(cancel);
    if (came === 'stopped') throw new Failure({ fault: { kind: 'cancelled' }, message: 'Cancelled' });
    if (came === 'refused') throw new Failure(REFUSED);
    info = served(info, layer, best.id.slice('guest:'.length), best.name);
    return info;
  };

  const service: Service<HostContract> = {
    ...editing.service,
    ...mounts.service,
    'edit.lock'(params, cancel) {
      if (mounts.isWritten) throw new Failure({ fault: { kind: 'busy' }, message: 'A volume of the image is mounted for writing', advice: 'Unmount it first.' });
      return editing.service['edit.lock'](params, cancel);
    },
    async 'image.info'() {
      if (opened.name.startsWith('slow.')) await sleep(60_000);
      return info;
    },
    'image.changes': async function* changes(_params, cancel) {
      let wake = (): void => {};
      const tell = (): void => wake();
      watchers.add(tell);
      cancel.onAbort(tell);
      while (!cancel.aborted) {
        yield info;
        await new Promise<void>((done) => { wake = done; });
      }
      watchers.delete(tell);
    },
    'image.opening': async function* opening() {
      // A call that was made before has begun.
      await sleep(options.slow + 5);
      yield* entering?.events() ?? fakeOpening(opened.name);
    },
    'layer.open': ({ layer, with: opener }, cancel) => enter(layer, opener, cancel),
    'guest.log': ({ layer }, cancel) => {
      const title = info.layers.find((each) => each.path === layer)?.guest?.title;
      if (title === undefined) throw missing('No guest serves this layer');
      return fakeLog(title, cancel);
    },
    'guest.saveLog': () => {},
    'image.reopen'({ layer, format }, cancel) {
      if (format.startsWith('guest:')) return enter(layer, format, cancel);
      const asked = info.layers.find((each) => each.path === layer)?.alternatives.find((each) => each.format === format);
      if (asked === undefined) throw new Failure({ fault: { kind: 'corrupt', place: { structure: 'superblock', at: 1024 } }, message: 'superblock at byte 1024: there is none, and no backup of one', advice: 'Choose another format, or see that the image is complete.' });
      return IMAGES['root.ext4']!;
    },
    'layer.openers': ({ layer }) => fakeOpeners(info, layer, (guest) => guests.isBuilt(guest)),
    async 'layer.unlock'({ layer, password }) {
      await sleep(30);
      if (password !== 'open sesame') throw new Failure({ fault: { kind: 'locked', what: 'vault' }, message: 'That is not the password of vault', advice: 'Try another one; tries are not kept.' });
      info = unlocked(info, layer);
      return info;
    },
    'view.open'({ node, sort, hidden, filter, page, keep }) {
      const parent = nodes.get(node) ?? root;
      if (parent.row.flags.includes('broken')) throw new Failure({ fault: { kind: 'corrupt', place: { structure: 'directory block 0 of inode 77', at: 528_384, length: 4096 } }, message: 'directory block 0 of inode 77 at byte 528384: an entry reaches past the end of the block', advice: 'Check the filesystem to see the whole extent of the damage.' });
      const all = learn(childrenOf(parent)).map((each) => each.row);
      const shown = all.filter((row) => hidden || !row.name.startsWith('.'));
      const rows = shown.filter(({ name }) => filter === undefined || matchName(filter)(name)).toSorted((a, b) => Number(b.type === 'dir') - Number(a.type === 'dir') || compare(a, b, sort.key) * (sort.descending ? -1 : 1));
      const view = views.size + 1;
      views.set(view, rows);
      const kept = keep === undefined ? undefined : keptRows(views.get(keep.view) ?? [], rows, keep);
      const index = page?.node === undefined ? -1 : rows.findIndex((row) => row.node === page.node);
      const from = page === undefined ? 0 : Math.floor((index < 0 ? page.at : index) / page.size) * page.size;
      return { view, count: rows.length, hidden: all.length - shown.length, filtered: shown.length - rows.length, ...(kept === undefined ? {} : { kept }), ...(page === undefined ? {} : { page: { from, rows: rows.slice(from, from + page.size), ...(index < 0 ? {} : { index }) } }), notes: parent === root && opened.name === 'dirty.ext4' ? [{ severity: 'warning', message: 'One directory block has a wrong checksum', place: { structure: 'directory block 0 of inode 2', at: 20_480 } }] : [] };
    },
    'view.rows': ({ view, from, count }) => views.get(view)!.slice(from, from + count),
    'view.find'({ view, prefix, from }) {
      const rows = views.get(view)!;
      for (let i = 0; i < rows.length; i++) {
        const index = (from + i) % rows.length;
        if (rows[index]!.display.toLowerCase().startsWith(prefix.toLowerCase())) return { index };
      }
      return { index: undefined };
    },
    'view.match'({ view, query }) {
      const matches = matchName(query);
      return { ranges: views.get(view)!.flatMap(({ name }, i) => (matches(name) ? [[i, i + 1] as const] : [])) };
    },
    'view.index': ({ view, node }) => { const index = views.get(view)!.findIndex((row) => row.node === node); return { index: index < 0 ? undefined : index }; },
    'view.close': () => {},
    'search.start': ({ node, ...request }, cancel) => fakeSearch(nodes.get(node) ?? root, (each) => learn(childrenOf(each)), request, cancel, (message) => new Failure(message === 'Cancelled' ? { fault: { kind: 'cancelled' }, message } : { fault: { kind: 'corrupt', place: { structure: 'inode 2', at: 1_449_216 } }, message, advice: 'Check the filesystem to see the whole extent of the damage.' })),
    'path.resolve'({ path }) {
      const crumbs: Crumb[] = [{ node: 2, name: '', display: '' }];
      let at = root;
      for (const part of path.split('/').filter(Boolean)) {
        let next = learn(childrenOf(at)).find((each) => each.row.name === part);
        if (next?.row.targetType === 'dir') next = childrenOf(root).find((each) => each.row.node === next!.row.targetNode);
        if (next === undefined || next.row.type !== 'dir') throw missing(`There is no folder ${path}`);
        at = next;
        crumbs.push({ node: at.row.node, name: at.row.name, display: at.row.display });
      }
      return { crumbs };
    },
    'entry.details'({ node, name }): EntryDetails {
      const { row } = find(node, name);
      if (row.error !== undefined) throw new Failure(row.error);
      return fakeDetails(row);
    },
    'measure.start': ({ entries }, cancel) => fakeMeasure(entries.map(({ node, name }) => find(node, name)), cancel),
    'entry.preview'({ node, name, encoding }) {
      const found = find(node, name);
      if (found.row.error !== undefined) throw new Failure(found.row.error);
      return fakePreview(found, encoding);
    },
    'space.start'({ node }, cancel) {
      const top = nodes.get(node) ?? root;
      if (top.row.flags.includes('broken')) throw new Failure({ fault: { kind: 'corrupt', place: { structure: 'directory block 0 of inode 77', at: 528_384, length: 4096 } }, message: 'directory block 0 of inode 77 at byte 528384: an entry reaches past the end of the block' });
      const learnAll = (each: FakeNode): void => learn(childrenOf(each).slice(0, 200)).forEach(learnAll);
      learnAll(top);
      return fakeSpace(top, cancel);
    },
    'text.read': ({ node, at }) => fakeText(nodes.get(node) ?? root, at),
    'bytes.read': ({ layer, node, at, length }) => fakeBytes(at, length, sizeOf(layer, node)),
    'bytes.structures': ({ layer, at, length }) => fakeStructures(layer, at, length),
    'bytes.places': ({ layer }) => fakePlaces(layer),
    'bytes.find': ({ layer, node, ...request }) => fakeFind(sizeOf(layer, node), request),
    'extract.start'({ entries, options: chosen }) {
      const job = jobs.size + 1;
      jobs.set(job, new FakeJob(entries.length, chosen.conflict ?? 'ask'));
      return { job };
    },
    'hash.start'({ entries, folder, algorithms }) {
      const job = jobs.size + 1;
      jobs.set(job, new FakeHash(entries?.map(({ node, name }) => find(node, name)) ?? (folder === undefined ? undefined : [{ ...nodes.get(folder)!, row: { ...nodes.get(folder)!.row, name: '' } }]), info.name, algorithms));
      return { job };
    },
    'hash.rows': ({ job }) => (jobs.get(job) as FakeHash).rows(),
    'hash.lists': ({ node }) => fakeLists(node === undefined ? undefined : nodes.get(node), info.name),
    'job.events': ({ job }) => jobs.get(job)!.run(),
    'job.cancel': ({ job }) => { jobs.get(job)!.cancelled = true; jobs.get(job)!.reply?.('stop'); },
    'job.pause': ({ job, paused }) => { jobs.get(job)!.paused = paused; },
    'job.retry'({ job }) {
      const before = jobs.get(job);
      if (!(before instanceof FakeJob)) throw missing(`Job ${job} can't be done again`);
      jobs.set(jobs.size + 1, before.again());
      return { job: jobs.size };
    },
    'job.answer': ({ job, answer }) => { if ('action' in answer) jobs.get(job)!.reply?.(answer.action, answer.all); },
  };
  return { client: clientOf(hostContract, service, options.slow), editing, mounts };
}

/** One of a guest's own trees. */
function treeInfo({ name, path }: SourceToken): ImageInfo {
  const tree = ext4('0', { format: name, title: name, label: name, openers: [], size: 0 });
  return { name, path, size: 0, summary: name, layers: [{ ...tree, guest: { name: 'linux-6.12', title: 'Linux 6.12', start: 'warm', accelerator: 'tcg', idle: false } }] };
}

function compare(a: EntryRow, b: EntryRow, key: SortKey): number {
  const values = (row: EntryRow): number | bigint => (key === 'mtime' || key === 'atime' || key === 'ctime' ? row[key] : key === 'size' || key === 'allocated' || key === 'mode' || key === 'uid' || key === 'gid' ? row[key] : key === 'inode' ? row.node : 0);
  const [x, y] = [values(a), values(b)];
  return x < y ? -1 : x > y ? 1 : a.name < b.name ? -1 : 1;
}

/** The rows that were selected in one listing, in another. */
function keptRows(before: readonly EntryRow[], rows: readonly EntryRow[], { ranges, focus, anchor }: ViewSelection): ViewSelection {
  const chosen = new Set(ranges.flatMap(([from, to]) => before.slice(from, to)));
  const place = (index: number): number => rows.indexOf(before[index]!);
  return { ranges: rows.reduce<(readonly [number, number])[]>((found, row, i) => (!chosen.has(row) ? found : found.at(-1)?.[1] === i ? [...found.slice(0, -1), [found.at(-1)![0], i + 1]] : [...found, [i, i + 1]]), []), focus: place(focus), anchor: place(anchor) };
}
