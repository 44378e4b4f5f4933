import { create } from 'zustand';
import type { ExtractOptions, HostContract, JobAnswer, JobEvent } from '../../shared/contract/calls.ts';
import type { EntryRow, JobState, JobSummary } from '../../shared/contract/rows.ts';
import type { SourceToken } from '../../shared/contract/calls.ts';
import type { Client } from '../../shared/rpc/types.ts';
import { texts } from '../texts/index.ts';
import { notify, notifyError } from '../ui/toasts.ts';
import { type ErrorData, errorOf, type HostClient, services } from './services.ts';
import { announce, type Extraction, findTab, getApp } from './state.ts';

type Progress = Extract<JobEvent, { event: 'progress' }>;
type Question = Extract<JobEvent, { event: 'question' }>;
export type LogNote = Extract<JobEvent, { event: 'log' }>['note'];

/** What long work does; the texts have the words for each. */
export type TransferKind = keyof typeof texts.jobs;

/** Whoever runs jobs: an image's host, or the app itself. */
export type JobClient = Client<Pick<HostContract, 'job.events' | 'job.cancel' | 'job.pause' | 'job.answer' | 'job.retry'>>;

/** A running or finished extraction, or other long work of the same kind. */
export interface Transfer {
  readonly id: number;
  readonly kind: TransferKind;
  readonly title: string;
  /** The folder of this computer that it writes to. */
  readonly target?: SourceToken;
  readonly host: JobClient;
  readonly job: number;
  readonly state: JobState;
  readonly progress?: Progress['progress'];
  /** Bytes a second. */
  readonly speed?: number;
  /** Seconds. */
  readonly remaining?: number;
  readonly question?: Question;
  readonly log: readonly LogNote[];
  /** Notes beyond the ones kept. */
  readonly dropped: number;
  readonly summary?: JobSummary;
  readonly error?: ErrorData;
  /** Entries that 'job.retry' takes up; undefined when there is nothing to take up, or the image is closed. */
  readonly failed?: number | undefined;
  /** Set after half a second: what is done sooner is not worth a glance. */
  readonly visible: boolean;
}

interface Transfers {
  readonly list: readonly Transfer[];
  readonly open: boolean;
}

/** Milliseconds. */
const SHOWN_AFTER = 500;
const LOG_KEPT = 1000;

export const useTransfers = create<Transfers>(() => ({ list: [], open: false }));

/** How far all is that is running and to be seen, from 0 to 1; `done` is undefined while that is not known of all. */
export function overallOf(list: readonly Transfer[]): { readonly running: number; readonly done?: number } {
  const running = list.filter((transfer) => isRunning(transfer) && transfer.visible);
  let done = 0;
  let total = 0;
  for (const { progress } of running) {
    if (progress?.total === undefined) return { running: running.length };
    done += Math.min(progress.done, progress.total);
    total += progress.total;
  }
  return total === 0 ? { running: running.length } : { running: running.length, done: done / total };
}

/** Resolves when nothing of a host's runs any longer; undefined when nothing does. */
export function whenDone(host: HostClient): Promise<void> | undefined {
  const isDone = (): boolean => !useTransfers.getState().list.some((transfer) => transfer.host === host && isRunning(transfer));
  if (isDone()) return undefined;
  return new Promise((resolve) => {
    const stop = useTransfers.subscribe(() => {
      if (!isDone()) return;
      stop();
      resolve();
    });
  });
}

/** Whether it changes the image that it belongs to, pending until it is applied. */
export function isWriting({ kind }: Transfer): boolean {
  return kind !== 'extract' && kind !== 'pack' && kind !== 'save' && kind !== 'apply' && kind !== 'build';
}

export function isRunning(transfer: Transfer): boolean {
  return transfer.state === 'running' || transfer.state === 'paused' || transfer.state === 'asking';
}

/** Starts to extract into a folder, and follows it to its end. */
export async function extract(tabId: number, what: Extraction, target: SourceToken, options: ExtractOptions): Promise<void> {
  const tab = findTab(tabId);
  if (tab?.host === undefined || tab.image === undefined) return;
  const { host, image } = tab;
  const layer = what.folder.layer;
  const rows = what.entries ?? (await everyRow(host, what));
  if (rows.length === 0) {
    notify({ text: texts.extract.nothing });
    return;
  }
  await services().app.call('image.grant', { image, token: target.token });
  const { job } = await host.call('extract.start', { layer, entries: rows.map(({ node, name }) => ({ node, name })), target: target.token, options });
  begin({ kind: 'extract', title: rows.length === 1 ? rows[0]!.display : texts.extract.items(rows.length), target, host, job });
}

/** Does a transfer again that has ended: what failed of it, or what it did not come to. The new one takes its place. */
export async function retry({ id, kind, title, target, host, job }: Transfer): Promise<void> {
  const started = await host.call('job.retry', { job });
  begin({ kind, title, ...(target === undefined ? {} : { target }), host, job: started.job }, id);
}

/** What is begun, and what is done at its end: what `ended` offers is put into the notice that tells of it. */
interface Begun extends Pick<Transfer, 'kind' | 'title' | 'target' | 'host' | 'job'> {
  readonly ended?: (end: JobEnd) => Offer;
}

/** More buttons of a notice, and who is told which notice it is (see `toasts.close`). */
export interface Offer {
  readonly actions?: readonly Action[];
  readonly told?: (notice: string) => void;
}

export type JobEnd = Extract<JobEvent, { event: 'end' }>;
type Action = { readonly label: string; readonly run: () => void };

/** Follows a job that was begun, in the panel of transfers. */
export function begin({ ended, ...what }: Begun, instead?: number): void {
  const id = nextId++;
  const transfer: Transfer = { ...what, id, state: 'running', log: [], dropped: 0, visible: instead !== undefined };
  useTransfers.setState(({ list }) => ({ list: [...list.filter((each) => each.id !== instead), transfer] }));
  what.host.onClose(() => patch(id, { failed: undefined }));
  setTimeout(() => {
    const now = find(id);
    if (now !== undefined && isRunning(now) && !now.visible) {
      patch(id, { visible: true });
      useTransfers.setState({ open: true });
      announce(texts.transfers.announce.begun(now.title, now.kind));
    }
  }, SHOWN_AFTER);
  void follow(transfer, ended);
}

export function answer(transfer: Transfer, reply: JobAnswer): void {
  const id = transfer.question?.id;
  if (id === undefined) return;
  patch(transfer.id, { question: undefined, state: 'running' });
  void attempt(transfer.host.call('job.answer', { job: transfer.job, id, answer: reply }));
}

export function cancel(transfer: Transfer): void {
  void attempt(transfer.host.call('job.cancel', { job: transfer.job }));
}

export function pause(transfer: Transfer, paused: boolean): void {
  void attempt(transfer.host.call('job.pause', { job: transfer.job, paused }));
}

/** Takes the finished ones off the list. */
export function clearFinished(): void {
  useTransfers.setState(({ list }) => {
    const left = list.filter(isRunning);
    return { list: left, open: left.length > 0 };
  });
}

export function showTransfers(open: boolean): void {
  useTransfers.setState({ open });
}

/** A log as text, for *Copy details*: all of it, or the lines of one level. */
export function logText(transfer: Transfer, level?: LogNote['level']): string {
  return transfer.log.filter((note) => level === undefined || note.level === level).map((note) => `${note.level}\t${note.path ?? ''}\t${note.message}`).join('\n');
}

let nextId = 1;

function find(id: number): Transfer | undefined {
  return useTransfers.getState().list.find((transfer) => transfer.id === id);
}

function patch(id: number, change: Partial<Transfer>): void {
  useTransfers.setState(({ list }) => ({ list: list.map((transfer) => (transfer.id === id ? { ...transfer, ...change } : transfer)) }));
}

async function attempt(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    notifyError(errorOf(error));
  }
}

/** All entries of a folder, hidden ones too, whatever the grid shows. */
async function everyRow(host: HostClient, { folder }: Extraction): Promise<EntryRow[]> {
  const view = await host.call('view.open', { layer: folder.layer, node: folder.crumbs.at(-1)!.node, sort: { key: 'name', descending: false }, hidden: true });
  try {
    const rows: EntryRow[] = [];
    for (let from = 0; from < view.count; from += 1000) rows.push(...(await host.call('view.rows', { view: view.view, from, count: 1000 })));
    return rows;
  } finally {
    host.call('view.close', { view: view.view }).catch(() => {
      // The host is gone, and the view with it.
    });
  }
}

async function follow({ id, kind, host, job }: Transfer, ended: Begun['ended']): Promise<void> {
  let gone = false;
  host.onClose(() => { gone = true; });
  try {
    for await (const event of host.stream('job.events', { job })) {
      apply(id, event);
      if (event.event !== 'end') continue;
      finish(id, event, ended?.(event) ?? {});
      return;
    }
    const now = find(id);
    if (now !== undefined && isRunning(now)) patch(id, { state: 'failed', visible: true, error: { fault: { kind: 'io' }, message: texts.extract.broken } });
  } catch (error) {
    // That its process ended says nothing about the image or its disk.
    const data: ErrorData = gone ? { fault: { kind: 'io' }, message: texts.transfers.gone, advice: texts.transfers.goneAdvice(kind) } : errorOf(error);
    patch(id, { state: 'failed', visible: true, error: data, question: undefined });
    notifyError(data);
  }
}

function apply(id: number, event: JobEvent): void {
  switch (event.event) {
    case 'state':
      tellState(find(id), event.state);
      patch(id, { state: event.state, ...(event.state === 'asking' ? {} : { question: undefined }) });
      break;
    case 'progress':
      patch(id, { progress: event.progress, speed: event.speed, remaining: event.remaining });
      break;
    case 'log': {
      const now = find(id);
      if (now === undefined) break;
      if (now.log.length < LOG_KEPT) patch(id, { log: [...now.log, event.note] });
      else patch(id, { dropped: now.dropped + 1 });
      break;
    }
    case 'question':
      patch(id, { question: event, state: 'asking', visible: true });
      break;
    case 'end':
      patch(id, { state: event.state, summary: event.summary, error: event.error, failed: event.failed, question: undefined, speed: undefined, remaining: undefined });
      break;
  }
}

/** Each change of state is told, and no percents. */
function tellState(transfer: Transfer | undefined, state: JobState): void {
  if (transfer === undefined || !transfer.visible || transfer.state === state) return;
  const { announce: t } = texts.transfers;
  if (state === 'paused') announce(t.paused(transfer.title));
  else if (state === 'running' && transfer.state === 'paused') announce(t.begun(transfer.title, transfer.kind));
  else if (state === 'asking') announce(t.asking(transfer.title));
}

async function again(id: number): Promise<void> {
  const transfer = find(id);
  if (transfer?.failed !== undefined) await attempt(retry(transfer));
}

function finish(id: number, end: JobEnd, more: Offer): void {
  const transfer = find(id);
  if (transfer === undefined) return;
  const { summary } = end;
  const { title, kind, target } = transfer;
  const problems = summary.problems > 0;
  if (problems) patch(id, { visible: true });
  const text = texts.transfers.ended(title, kind, end.state, summary);
  announce(text);
  // What took no time is seen by whoever asked for it. The name is in the title alone: a notice's body may be read as markup.
  if (transfer.visible && getApp().info?.client === 'electron') void attempt(services().app.call('app.notify', { title: title.slice(0, 200), body: end.state === 'failed' ? texts.transfers.states.failed : texts.transfers.summary(summary) }));
  const notice = notify({
    text,
    ...(end.error && end.state === 'failed' ? { error: end.error } : {}),
    ...(end.state === 'cancelled' ? {} : { tone: end.state === 'failed' ? 'error' : problems ? 'warning' : 'done' }),
    actions: [
      ...(more.actions ?? []),
      ...(end.state === 'done' && (end.failed ?? 0) > 0 ? [{ label: texts.transfers.retryFailed(end.failed!), run: () => void again(id) }] : []),
      ...(end.state === 'failed' || target === undefined ? [] : [{ label: texts.extract.show, run: () => void attempt(services().app.call('folder.show', { token: target.token })) }]),
      ...(problems ? [{ label: texts.extract.showLog, run: () => showTransfers(true) }] : []),
    ],
  });
  more.told?.(notice);
}
