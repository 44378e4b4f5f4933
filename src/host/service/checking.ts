import { setTimeout } from 'node:timers/promises';
import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import { OverlayDevice } from '../../engines/core/bytes/overlay.ts';
import type { Check, CheckResult, Finding, ToolCheck, ToolResult } from '../../engines/core/check.ts';
import { toDiskError, usage } from '../../engines/core/errors.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { displayName } from '../../engines/core/names.ts';
import type { CheckEvent, FindingRow } from '../../shared/contract/edit.ts';
import type { Cancel } from '../../shared/rpc/types.ts';
import { FilePages } from '../edit/pages.ts';
import type { Tally } from '../jobs/extract/tally.ts';

/** Findings of one check that clients are told of; a crafted image has as many as it likes. */
const MOST_FINDINGS = 100_000;

/** Characters of one finding's texts together: names in it are as long as the image says. */
const MOST_TEXT = 4000;

/** Findings that are told at once. */
const BATCH = 200;

/** Checks whose findings are kept. */
const MOST_CHECKS = 8;

/** Milliseconds between two looks for more findings. */
const LOOK_EVERY = 100;

/** One run of a check: what it found so far, for whoever wants to hear it, from the beginning. */
export class CheckRun {
  readonly layer: string;
  readonly title: string;
  readonly findings: FindingRow[] = [];
  /** What a tool printed. */
  readonly #lines: string[] = [];
  #tool: ToolCheck | undefined;
  #errors = 0;
  #warnings = 0;
  #more = 0;
  #end: Extract<CheckEvent, { event: 'end' }> | undefined;
  #stopped = false;

  constructor(layer: string, title: string) {
    this.layer = layer;
    this.title = title;
  }

  get ended(): Extract<CheckEvent, { event: 'end' }> | undefined {
    return this.#end;
  }

  /**
   * Looks, over an overlay that is thrown away: every repair is made there, so that it tells what one leads to another; nothing counts as repaired.
   * @throws DiskError cancelled
   */
  async dry(check: Check, device: BlockDevice, job: JobContext, tally: Tally): Promise<void> {
    const overlay = new OverlayDevice(device, new FilePages());
    try {
      const { state, ...result } = await this.#run(check, overlay, job, tally, () => true, false);
      this.#finish({ ...result, repaired: 0, state: state === 'fixed' ? 'errors' : state });
    } finally {
      overlay.close();
    }
  }

  /** Looks again, and makes the repairs of `accepted`. @param device writable @throws DiskError cancelled; then what it wrote is to be taken back */
  async repair(check: Check, device: BlockDevice, accepted: ReadonlySet<string>, job: JobContext, tally: Tally): Promise<void> {
    this.#finish(await this.#run(check, device, job, tally, ({ id }) => accepted.has(id), true));
  }

  /** Whether something can be repaired that it found. */
  get repairable(): boolean {
    return this.#tool === undefined ? this.findings.some(({ repair }) => repair !== undefined) : this.#tool.repairs && this.#end?.state === 'errors';
  }

  /** Looks, by the filesystem's own tool, which gets the devices for reading. @throws DiskError cancelled */
  dryTool(tool: ToolCheck, devices: readonly BlockDevice[], job: JobContext, tally: Tally): Promise<void> {
    return this.#runTool(tool, devices, job, tally, false);
  }

  /** Lets the tool repair. @param devices writable @throws DiskError; then what it wrote is to be taken back */
  repairTool(tool: ToolCheck, devices: readonly BlockDevice[], job: JobContext, tally: Tally): Promise<void> {
    return this.#runTool(tool, devices, job, tally, true);
  }

  async #runTool(tool: ToolCheck, devices: readonly BlockDevice[], job: JobContext, tally: Tally, repair: boolean): Promise<void> {
    this.#tool = tool;
    let result: ToolResult;
    try {
      result = await tool.run(devices, { repair, line: (text) => this.#line(text) }, job);
    } catch (thrown) {
      const error = toDiskError(thrown);
      if (error.kind === 'cancelled' || repair) throw error;
      result = { state: 'unchecked', findings: 0, repaired: 0, status: -1, error: error.toJSON() };
    }
    if (result.state === 'errors') tally.problems++;
    this.#finish(result);
  }

  #line(text: string): void {
    if (this.#lines.length < MOST_FINDINGS) this.#lines.push(shown(text));
    else this.#more++;
  }

  /** Its job has ended. */
  stop(): void {
    this.#stopped = true;
  }

  /** All that was found and is being found, and what came of it. */
  async *events(cancel: Cancel): AsyncGenerator<CheckEvent> {
    for (let at = 0, line = 0; !cancel.aborted;) {
      // Before the findings are looked at: none comes after the end.
      const ended = this.#stopped;
      if (line < this.#lines.length) {
        const lines = this.#lines.slice(line, line + BATCH);
        line += lines.length;
        yield { event: 'lines', lines };
      } else if (at < this.findings.length) {
        const findings = this.findings.slice(at, at + BATCH);
        at += findings.length;
        yield { event: 'findings', findings };
      } else if (ended) {
        if (this.#end !== undefined) yield this.#end;
        return;
      } else {
        await setTimeout(LOOK_EVERY, undefined, { ref: false });
      }
    }
  }

  /** As lines of text. */
  *report(): Iterable<string> {
    yield `Check of ${this.title}`;
    yield `State: ${this.#end?.state ?? 'not checked to its end'}`;
    if (this.#end?.error !== undefined) yield `Error: ${this.#end.error.message}`;
    if (this.#tool !== undefined) yield `Checked by ${this.#tool.name}`;
    else yield `Errors: ${this.#errors}; warnings: ${this.#warnings}; repaired: ${this.#end?.repaired ?? 0}`;
    for (const { severity, code, message, meaning, place, repair, repaired } of this.findings) {
      yield '';
      yield `${severity.toUpperCase()} ${code}`;
      yield `  ${message}`;
      yield `  ${meaning}`;
      if (place !== undefined) yield `  Place: ${place.structure}${place.at === undefined ? '' : ` at byte ${place.at}`}`;
      yield `  Repair: ${repair === undefined ? 'none' : repair}${repaired ? ' (done)' : ''}`;
    }
    if (this.#lines.length > 0) yield '';
    yield* this.#lines;
    if (this.#more > 0) yield `… and ${this.#more} more`;
  }

  async #run(check: Check, device: BlockDevice, job: JobContext, tally: Tally, accept: (finding: Omit<Finding, 'repaired'>) => boolean, real: boolean): Promise<CheckResult> {
    try {
      return await check(device, {
        accept,
        found: (finding) => this.#found(finding, real, tally),
        now: () => BigInt(Date.now()) * 1_000_000n,
      }, job);
    } catch (thrown) {
      const error = toDiskError(thrown);
      if (error.kind === 'cancelled' || real) throw error;
      return { state: 'unchecked', findings: this.findings.length + this.#more, repaired: 0, error: error.toJSON() };
    }
  }

  #found({ id, code, severity, message, meaning, place, repair, repaired }: Finding, real: boolean, tally: Tally): void {
    if (severity === 'error') this.#errors++;
    if (severity === 'warning') this.#warnings++;
    if (severity !== 'note' && !(real && repaired)) tally.problems++;
    if (this.findings.length >= MOST_FINDINGS) {
      this.#more++;
      return;
    }
    this.findings.push({
      id, code, severity, message: shown(message), meaning: shown(meaning), repaired: real && repaired,
      ...(place === undefined ? {} : { place: { ...place, structure: shown(place.structure) } }), ...(repair === undefined ? {} : { repair: shown(repair) }),
    });
  }

  #finish({ state, findings, repaired, error, status }: CheckResult & { readonly status?: number }): void {
    const tool = this.#tool === undefined ? {} : { tool: { name: this.#tool.name, status: status ?? -1, repairs: this.#tool.repairs } };
    this.#end = { event: 'end', state, findings, repaired, cut: this.#more > 0, ...tool, ...(error === undefined ? {} : { error }) };
  }
}

/** The checks of one image, by their jobs. */
export class Checks {
  readonly #runs = new Map<number, CheckRun>();

  add(job: number, run: CheckRun): void {
    this.#runs.set(job, run);
    for (const id of this.#runs.keys()) {
      if (this.#runs.size <= MOST_CHECKS) break;
      if (id !== job) this.#runs.delete(id);
    }
  }

  /** @throws DiskError usage EBADF */
  get(job: number): CheckRun {
    const run = this.#runs.get(job);
    if (run === undefined) throw usage('EBADF', `Job ${job} is no check, or one of long ago`);
    return run;
  }
}

function shown(text: string): string {
  return displayName(text.slice(0, MOST_TEXT));
}
