import { create } from 'zustand';
import type { JobEvent } from '../../shared/contract/calls.ts';
import type { CheckEvent, FindingRow } from '../../shared/contract/edit.ts';
import { tickedIds, withTicks } from '../models/findings.ts';
import { type Log, NO_LINES, withLines } from '../models/log.ts';
import { texts } from '../texts/index.ts';
import { notifyError } from '../ui/toasts.ts';
import { tellDone, unlockImage } from './editing.ts';
import { type ErrorData, errorOf, type HostClient } from './services.ts';
import { announce, type Dialog, findTab, getApp, useApp } from './state.ts';

/** A check of a filesystem, as far as it is known: while it runs, and after. */
export interface Checking {
  readonly tab: number;
  readonly layer: string;
  readonly host: HostClient;
  /** Undefined until its host has begun it. */
  readonly job?: number;
  readonly phase: 'checking' | 'repairing' | 'ended';
  readonly stopped: boolean;
  readonly progress?: Extract<JobEvent, { event: 'progress' }> | undefined;
  readonly findings: readonly FindingRow[];
  /** What the filesystem's own tool says; undefined where ours checks. */
  readonly output?: Log | undefined;
  readonly end?: Extract<CheckEvent, { event: 'end' }> | undefined;
  readonly error?: ErrorData | undefined;
  /** What is not to be repaired, by id. */
  readonly unticked: ReadonlySet<string>;
  /** Pending changes when it began, so that a clean result tells what it is about. */
  readonly pending: boolean;
}

/** The checks by tab and layer. */
export const useChecks = create<{ readonly of: ReadonlyMap<string, Checking> }>(() => ({ of: new Map() }));

export const checkKey = (tab: number, layer: string): string => `${tab} ${layer}`;

/** Milliseconds in which findings are shown together: a badly damaged filesystem has tens of thousands. */
const SHOWN_TOGETHER = 100;

const t = texts.check;

function find({ tab, layer }: Pick<Checking, 'tab' | 'layer'>): Checking | undefined {
  return useChecks.getState().of.get(checkKey(tab, layer));
}

function put(checking: Checking): void {
  useChecks.setState(({ of }) => ({ of: new Map([...of, [checkKey(checking.tab, checking.layer), checking]]) }));
}

/** Changes what is known of a check, unless another one has taken its place. */
function patch(checking: Checking, change: Partial<Checking>): void {
  const now = find(checking);
  if (now !== undefined && now.host === checking.host && now.job === checking.job) put({ ...now, ...change });
}

/** Whether a dialog shows a check, or goes back to it. */
function isShown({ tab, layer }: Pick<Checking, 'tab' | 'layer'>, dialog: Dialog | undefined): boolean {
  return dialog?.kind === 'check' ? dialog.tab === tab && dialog.layer === layer : dialog?.kind === 'save-as' && dialog.back !== undefined && isShown({ tab, layer }, dialog.back);
}

// What was found in an image that is closed, or was opened anew, is of no use: its host is gone.
useApp.subscribe(({ tabs }, before) => {
  if (tabs === before.tabs) return;
  const { of } = useChecks.getState();
  const left = [...of].filter(([, { tab, host }]) => tabs.some((each) => each.id === tab && each.host === host));
  if (left.length < of.size) useChecks.setState({ of: new Map(left) });
});

/** Begins a dry run; what an earlier one found is forgotten. */
export async function beginCheck(tab: number, layer: string): Promise<void> {
  const { host, edit } = findTab(tab) ?? {};
  if (host === undefined) return;
  const checking: Checking = { tab, layer, host, phase: 'checking', stopped: false, findings: [], unticked: new Set(), pending: (edit?.operations ?? 0) > 0 };
  put(checking);
  announce(t.announce.begun);
  try {
    const { job } = await host.call('check.start', { layer });
    if (find(checking) !== checking) {
      // The dialog is closed, or began anew.
      await host.call('job.cancel', { job });
      return;
    }
    const begun = { ...checking, job };
    put(begun);
    await follow(begun, job);
  } catch (error) {
    patch(checking, { phase: 'ended', error: errorOf(error) });
  }
}

/** Follows a check to its end: its findings and its progress. */
async function follow(checking: Checking, job: number): Promise<void> {
  const { host } = checking;
  const watched = { ...checking, job };
  const findings: FindingRow[] = [];
  let output: Log | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const show = (): void => {
    timer = undefined;
    patch(watched, { findings: [...findings], output });
  };
  const events = async (): Promise<ErrorData | undefined> => {
    for await (const event of host.stream('job.events', { job })) {
      if (event.event === 'progress') patch(watched, { progress: event });
      else if (event.event === 'end') return event.state === 'failed' ? (event.error ?? { fault: { kind: 'io' }, message: t.failed }) : undefined;
    }
    return undefined;
  };
  const rows = async (): Promise<Checking['end']> => {
    for await (const event of host.stream('check.rows', { job })) {
      if (event.event === 'end') return event;
      if (event.event === 'lines') output = withLines(output ?? NO_LINES, event.lines.map((text) => ({ text })));
      else findings.push(...event.findings);
      timer ??= setTimeout(show, SHOWN_TOGETHER);
    }
    return undefined;
  };
  try {
    const [error, end] = await Promise.all([events(), rows()]);
    clearTimeout(timer);
    const stopped = end === undefined && error === undefined;
    patch(watched, { phase: 'ended', progress: undefined, findings: [...findings], output: output ?? (end?.tool === undefined ? undefined : NO_LINES), end, stopped, ...(error === undefined ? {} : { error }) });
    if (find(watched) !== undefined) announce(error !== undefined ? t.failed : stopped ? t.announce.stopped : end?.state === 'clean' ? t.announce.clean : end?.tool !== undefined ? toolVerdict(end) : t.announce.findings(findings.length));
  } catch (error) {
    clearTimeout(timer);
    patch(watched, { phase: 'ended', findings: [...findings], output, error: errorOf(error) });
  }
}

/** What a tool's check came to, in a sentence. */
export function toolVerdict({ state, repaired }: Pick<NonNullable<Checking['end']>, 'state' | 'repaired'>): string {
  const { clean, errors, fixed, left } = texts.toolCheck;
  return state === 'clean' ? clean : state === 'fixed' ? fixed : repaired > 0 ? left : errors;
}

export function stopCheck(checking: Checking): void {
  if (checking.job === undefined) return;
  checking.host.call('job.cancel', { job: checking.job }).catch((error: unknown) => notifyError(errorOf(error)));
}

/** The dialog is closed: a dry run is of no use to anybody then, a repair goes on. */
export function leaveCheck(tab: number, layer: string): void {
  const checking = find({ tab, layer });
  if (checking === undefined) return;
  if (checking.phase === 'checking') stopCheck(checking);
  if (checking.phase !== 'repairing') useChecks.setState(({ of }) => ({ of: new Map([...of].filter(([key]) => key !== checkKey(tab, layer))) }));
}

/** Ticks or unticks findings for the repair. */
export function tickFindings(checking: Checking, findings: readonly FindingRow[], on: boolean): void {
  patch(checking, { unticked: withTicks(checking.unticked, findings, on) });
}

/** Makes the repairs that are ticked, as one pending change; the image is unlocked for it, where it is not yet. */
export async function repairTicked(checking: Checking): Promise<void> {
  const { tab, layer, host, job } = checking;
  const ids = tickedIds(checking.findings, checking.unticked);
  // A tool repairs what it can: nobody chooses.
  if (job === undefined || (ids.length === 0 && checking.end?.tool?.repairs !== true) || !(await unlockImage(tab))) return;
  try {
    const started = await host.call('check.repair', { job, findings: ids });
    // What was found before stays in sight until the check that repairs has found it again.
    put({ ...checking, job: started.job, phase: 'repairing', stopped: false, end: undefined, progress: undefined, error: undefined });
    await follow(checking, started.job);
    const done = find({ tab, layer })?.end;
    if (done?.tool !== undefined && done.state !== 'unchecked') tellDone(tab, texts.toolCheck.fixedHint);
    else if (done !== undefined && done.repaired > 0) tellDone(tab, t.repairs(done.repaired));
    // Closed meanwhile: what it found is told, and a later check begins anew.
    if (!isShown(checking, getApp().dialog)) leaveCheck(tab, layer);
  } catch (error) {
    notifyError(errorOf(error));
  }
}
