import { closeSync, openSync, readSync } from 'node:fs';
import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import { OverlayDevice } from '../../engines/core/bytes/overlay.ts';
import type { Check, CheckOptions, CheckResult, Finding, ToolCheck, ToolResult } from '../../engines/core/check.ts';
import { type DiskErrorData, toDiskError } from '../../engines/core/errors.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { bestOpener, isWaiting, type Layer, layersOf } from '../../engines/core/layer.ts';
import { displayName } from '../../engines/core/names.ts';
import { GUEST, splitChoice } from '../../engines/core/offers.ts';
import { checkOf, devicesOf, isCheckable, toolOf } from '../../host/edit/checks.ts';
import { FilePages } from '../../host/edit/pages.ts';
import { cannotOpen, type ImageSession } from '../../host/session.ts';
import { errorJson, errorText, FSCK, RefusedError, UsageError } from '../exit.ts';
import { CliJob } from '../job.ts';
import { type ImageOptions, selectLayer, withImage } from '../open.ts';
import { OutputFailed, ReaderGone, writeAll } from '../output.ts';
import { stderr, stdout } from '../streams.ts';
import { counted } from '../text.ts';

export interface FsckOptions extends ImageOptions {
  readonly fix?: boolean;
  readonly yes?: boolean;
}

/** Findings that are kept until the end, to be printed by severity. A ruined image has one for each of its blocks. */
const MOST_KEPT = 10_000;

/** Checks a filesystem; with `fix` repairs it. The exit status is fsck(8)'s own. */
export async function fsck(image: string, options: FsckOptions): Promise<number> {
  const { fix = false, yes = false, json = false } = options;
  if (yes && !fix) throw new UsageError('--yes answers what --fix asks: say --fix --yes');
  if (fix && !yes && !(process.stdin.isTTY && process.stderr.isTTY)) throw new UsageError('--fix asks about each repair, and there is no terminal to ask on; --fix --yes makes all of them');
  const job = new CliJob({ title: 'Checking', json, printsResult: true });
  // A guest that is asked for runs its checker; the filesystem itself is not opened for that.
  const { with: opener, ...rest } = options;
  const toOpen = opener?.startsWith(GUEST) ? rest : options;
  let exit: number | undefined;
  try {
    exit = await job.run((context) => withImage(image, toOpen, async (session) => {
      await session.assemble(options.part, { job: context });
      return fix ? repair(session, options, context) : look(session, options, context);
    }, context, false));
    stdout.flush();
    return exit;
  } catch (error) {
    // Who stopped reading is not told that it is clean.
    if (error instanceof ReaderGone) return exit ?? FSCK.failed;
    if (error instanceof UsageError || toDiskError(error).kind === 'cancelled') throw error;
    // fsck(8) has one status for all that kept it from checking.
    stderr.line(json ? errorJson(error) : errorText(error));
    if (json && !(error instanceof OutputFailed)) stdout.line(JSON.stringify({ state: 'unchecked', exit: FSCK.failed }));
    return FSCK.failed;
  }
}

/** A dry run: nothing is repaired, and what the check itself writes goes to an overlay that is thrown away. */
async function look(session: ImageSession, options: FsckOptions, job: JobContext): Promise<number> {
  const layer = selectCheckable(session, options.part);
  const tool = await chosenTool(session, layer, options);
  if (tool !== undefined) return toolEnd(await runTool(tool, devicesOf(session.layers, layer), options, job, false), tool, options);
  const check = await checkOf(layer, session.registry);
  const overlay = new OverlayDevice(layer.device, new FilePages());
  try {
    const report = new Report(options.json === true, false);
    return report.end(await run(check, overlay, { accept: () => false, found: (finding) => report.found(finding) }, job));
  } finally {
    overlay.close();
  }
}

/** Repairs are staged, and applied as a whole. */
async function repair(session: ImageSession, options: FsckOptions, job: JobContext): Promise<number> {
  const { path } = selectCheckable(session, options.part);
  await session.editing.unlock({ repair: true, job });
  const { state } = session.editing;
  if (state.state === 'editing' && state.cannotApply !== undefined) throw new RefusedError(state.cannotApply.message);
  const layer = [...layersOf(session.layers)].find((each) => each.path === path) ?? selectCheckable(session, options.part);
  const tool = await chosenTool(session, layer, options);
  if (tool !== undefined) return repairByTool(session, layer, tool, options, job);
  const check = await checkOf(layer, session.registry);
  const report = new Report(options.json === true, true);
  const accept = options.yes === true ? () => true : (finding: Omit<Finding, 'repaired'>) => finding.repair !== undefined && askRepair(finding);
  const result = await session.editing.operation({ text: `Repaired ${layer.title}`, layer: path, raw: true }, () => run(check, layer.device, { accept, found: (finding) => report.found(finding) }, job));
  // Of a check that did not come to its end, nothing is kept: what its later passes would have put right is not.
  if (result.state !== 'unchecked') await session.editing.apply(job);
  return report.end(result);
}

/** The tool of the guest that `--with` asks for, or of the one that opens the layer. @throws RefusedError */
async function chosenTool(session: ImageSession, layer: Layer, { with: opener }: FsckOptions): Promise<ToolCheck | undefined> {
  if (!opener?.startsWith(GUEST)) return toolOf(layer, session.registry);
  const tool = await toolOf(layer, await session.openers(), splitChoice(opener).id);
  if (tool === undefined) throw new RefusedError(`${opener} has no checker for ${layer.title}, or can't be started; see clutch guests list`);
  return tool;
}

/** The filesystem's own tool repairs, without choice among its repairs; they are staged, and applied as a whole. */
async function repairByTool(session: ImageSession, layer: Layer, tool: ToolCheck, options: FsckOptions, job: JobContext): Promise<number> {
  if (!tool.repairs) throw new RefusedError(`${tool.name} only looks`);
  if (options.yes !== true && !ask(`${tool.name} repairs without asking about each finding.\n  Let it repair`)) throw new RefusedError('Nothing was repaired');
  const result = await session.editing.operation({ text: `Repaired ${layer.title}`, layer: layer.path, raw: true }, () => runTool(tool, devicesOf(session.layers, layer), options, job, true));
  if (result.state !== 'unchecked') await session.editing.apply(job);
  return toolEnd(result, tool, options);
}

/** What the tool prints is printed as it comes. It is stopped when nothing more can be printed. @throws OutputEnded */
async function runTool(tool: ToolCheck, devices: readonly BlockDevice[], { json = false }: FsckOptions, job: JobContext, repairing: boolean): Promise<ToolResult> {
  let ended: unknown;
  // Lines come from a socket: what is thrown there would reach nobody.
  const line = (text: string): void => {
    if (ended !== undefined) return;
    try {
      stdout.line(json ? JSON.stringify({ line: text }) : displayName(text));
      stdout.flush();
    } catch (error) {
      ended = error;
    }
  };
  const signal = { get aborted() { return job.signal.aborted || ended !== undefined; } };
  const ran = await tool.run(devices, { repair: repairing, line }, { ...job, signal }).catch((error: unknown) => { throw ended ?? error; });
  if (ended !== undefined) throw ended;
  return ran;
}

/** @returns the exit status */
function toolEnd({ state, status, error }: ToolResult, { name, repairs }: ToolCheck, { json = false, fix = false }: FsckOptions): number {
  const exit = EXITS[state];
  if (json) stdout.line(JSON.stringify({ state, exit, tool: { name, status }, ...(error === undefined ? {} : { error: { ...error.fault, message: error.message } }) }));
  else stdout.line(`${name} (status ${status}): ${toolSummary(state, fix, repairs, error)}`);
  return exit;
}

function toolSummary(state: ToolResult['state'], fix: boolean, repairs: boolean, error: DiskErrorData | undefined): string {
  switch (state) {
    case 'clean': return 'clean';
    case 'fixed': return 'repaired';
    case 'errors': return fix ? 'errors are left' : repairs ? 'errors; clutch fsck --fix lets it repair them' : 'errors';
    case 'unchecked': return `not checked${error === undefined ? '' : `: ${displayName(error.message)}`}${fix ? '; nothing was changed' : ''}`;
  }
}

function run(check: Check, device: Layer['device'], options: Omit<CheckOptions, 'now'>, job: JobContext): Promise<CheckResult> {
  return check(device, { ...options, now: () => BigInt(Date.now()) * 1_000_000n }, job);
}

/** The layer that `--part` picks, or the only one that can be checked. @throws UsageError, RefusedError */
function selectCheckable(session: ImageSession, part: string | undefined): Layer {
  const picked = selectLayer(session, part);
  const found = [...layersOf(picked)].filter((layer) => isCheckable(layer));
  const [only] = found;
  if (only !== undefined && found.length === 1) {
    // A guest has its checker, too; what has to be done first to have one is said as to who opens it.
    if (isWaiting(only) && bestOpener(only) === undefined) throw cannotOpen(only);
    return only;
  }
  if (found.length > 1) {
    const lines = found.map((layer) => `  ${layer.path}  ${layer.title}  ${displayName(layer.label)}`.trimEnd());
    throw new UsageError(['There are several filesystems; choose one with --part:', ...lines].join('\n'));
  }
  throw picked.error ?? new RefusedError(`There is no filesystem that can be checked in ${part === undefined ? 'the image' : `"${part}"`} (${session.summary()})`);
}

/** Asks on the terminal; the check waits for the answer where it is. */
function askRepair(finding: Omit<Finding, 'repaired'>): boolean {
  return ask(`${displayName(finding.message)}\n  ${displayName(finding.repair ?? '')}`);
}

function ask(question: string): boolean {
  stderr.flush();
  const terminal = openSync('/dev/tty', 'r+');
  try {
    for (;;) {
      writeAll(terminal, Buffer.from(`${question}? [y]es, [n]o: `));
      const line = Buffer.alloc(1024);
      const answer = line.subarray(0, readSync(terminal, line)).toString().trim().toLowerCase();
      if (answer === 'y' || answer === 'yes') return true;
      if (answer === 'n' || answer === 'no' || answer === '') return false;
    }
  } finally {
    closeSync(terminal);
  }
}

const ORDER: readonly Finding['severity'][] = ['error', 'warning', 'note'];
const HEADINGS = { error: 'Errors', warning: 'Warnings', note: 'Notes' } as const;

/** What is printed: for programs as it comes, for people at the end and by severity. */
class Report {
  readonly #json: boolean;
  readonly #fix: boolean;
  readonly #kept: Finding[] = [];
  #left = 0;

  constructor(json: boolean, fix: boolean) {
    this.#json = json;
    this.#fix = fix;
  }

  found(finding: Finding): void {
    if (this.#json) stdout.line(JSON.stringify(finding));
    else if (this.#kept.length < MOST_KEPT) this.#kept.push(finding);
    else this.#left++;
  }

  /** @returns the exit status */
  end({ state, findings, repaired, error }: CheckResult): number {
    const exit = EXITS[state];
    if (this.#json) {
      stdout.line(JSON.stringify({ state, exit, findings, repaired, ...(error === undefined ? {} : { error: { ...error.fault, message: error.message } }) }));
      return exit;
    }
    for (const severity of ORDER) {
      const list = this.#kept.filter((finding) => finding.severity === severity);
      if (list.length > 0) stdout.line(`${HEADINGS[severity]}:`);
      for (const finding of list) this.#print(finding);
    }
    if (this.#left > 0) stdout.line(`… and ${this.#left} more; --json prints all of them`);
    stdout.line(summary(state, findings, repaired, this.#fix, error));
    return exit;
  }

  #print({ message, meaning, place, repair: what, repaired, code }: Finding): void {
    const where = place?.at === undefined ? place?.structure : `${place.structure}, byte ${place.at}`;
    stdout.line(`  ${displayName(message)}`);
    stdout.line(`    ${displayName(meaning)}`);
    if (where !== undefined) stdout.line(`    Where:  ${displayName(where)} (${code})`);
    if (what !== undefined) stdout.line(`    ${repaired ? 'Done:  ' : 'Repair:'} ${displayName(what)}`);
  }
}

const EXITS = { clean: FSCK.clean, fixed: FSCK.corrected, errors: FSCK.left, unchecked: FSCK.failed } as const satisfies Record<CheckResult['state'], number>;

function summary(state: CheckResult['state'], findings: number, repaired: number, fix: boolean, error: DiskErrorData | undefined): string {
  const found = counted(findings, 'finding');
  switch (state) {
    case 'clean': return findings === 0 ? 'Clean' : `Clean; ${found}`;
    case 'fixed': return `Repaired: ${found}, ${repaired} repaired`;
    case 'errors': return fix ? `Errors are left: ${found}, ${repaired} repaired` : `Errors: ${found}; clutch fsck --fix repairs them`;
    case 'unchecked': return `Not checked to its end${error === undefined ? '' : `: ${displayName(error.message)}`}${fix ? '; nothing was changed' : ''}`;
  }
}
