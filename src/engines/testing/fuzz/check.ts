import { type OwnRun, runOwn } from '../fsck/compare.ts';
import { Broken, busy, type Outcome, TIME_LIMIT, TooSlow } from './walk.ts';

/** What a reference checker says of an image; empty when it finds nothing, undefined when it has no answer. */
export type Judge = (image: Uint8Array) => string | undefined;

/** The moment at which repairs are stamped: the same in every run. */
const NOW = 1_800_000_000_000_000_000n;

/**
 * Checks an image, repairs all of it, and checks what that left. Never throws.
 * @param judge is asked about what the repair left
 */
export async function exerciseCheck(image: Uint8Array, judge?: Judge): Promise<Outcome> {
  const started = busy();
  const counts: Record<string, number> = {};
  const count = (what: string): void => { counts[what] = (counts[what] ?? 0) + 1; };
  let failure: Error | undefined;
  let findings = 0;
  let slowest = 0;
  try {
    const dry = sound(await runOwn(image, false, NOW), false);
    const fixed = sound(await runOwn(image, true, NOW), true);
    findings = fixed.findings.length;
    slowest = Math.max(dry.time, fixed.time);
    count(`first ${fixed.result.state}`);
    // What is only noted is repaired as well; and a dry run does not replay the journal, which may mend all.
    if (dry.result.state === 'clean' && fixed.findings.some(({ severity }) => severity !== 'note')) throw new Broken(`dry it is clean, with repairs ${fixed.result.state}: ${fixed.findings.find(({ severity }) => severity !== 'note')!.message}`);
    if (fixed.result.state === 'fixed' || fixed.result.state === 'errors') {
      const again = sound(await runOwn(fixed.bytes, true, NOW), true);
      slowest = Math.max(slowest, again.time);
      count(`second ${again.result.state}`);
      const after = again.findings.length;
      // What can't be repaired is found again.
      if (again.result.repaired > 0 && after >= findings) throw new Broken(`a second check finds ${after} after ${findings}: ${again.findings[0]!.code}: ${again.findings[0]!.message}`);
    }
    if (fixed.result.state === 'fixed') {
      const words = judge?.(fixed.bytes);
      if (words !== undefined) count(words === '' ? 'judged clean' : 'judged otherwise');
      if (words !== undefined && words !== '') counts[`judged: ${firstWords(words)}`] = 1;
    }
  } catch (error) {
    failure = error instanceof Error ? error : new Broken(String(error));
  }
  if (failure === undefined && slowest > TIME_LIMIT) failure = new TooSlow(`a check took ${Math.round(slowest)} ms`);
  return { failure, ms: busy() - started, layers: 1, nodes: findings, errors: 0, counts };
}

/** What every run of a check promises, whatever it reads. */
function sound(run: OwnRun, repairs: boolean): OwnRun {
  const { result, findings, faults } = run;
  if (faults.length > 0) throw Object.assign(new Broken(faults[0]!.split('\n')[0]), { stack: faults[0] });
  const repaired = findings.filter((finding) => finding.repaired).length;
  expect(result.findings === findings.length, `it counts ${result.findings} findings, and told ${findings.length}`);
  // Housekeeping is repaired as well, but is no damage.
  expect(result.repaired <= repaired && (repairs || repaired === 0), `it counts ${result.repaired} repairs, and told ${repaired}`);
  expect(result.state !== 'fixed' || result.repaired > 0, 'nothing was repaired, and it is fixed');
  expect(result.state !== 'unchecked' || result.error !== undefined, 'it is unchecked without a reason');
  // After a restart, what was repaired may be met again.
  const left = findings.filter((finding) => !finding.repaired);
  expect(new Set(left.map(({ id }) => id)).size === left.length, 'two findings have one id');
  return run;
}

function expect(holds: boolean, message: string): void {
  if (!holds) throw new Broken(message);
}

/** The first complaint, without its numbers. */
function firstWords(words: string): string {
  const line = words.split('\n').find((each) => each !== '' && !/^(e2fsck |Pass )/.test(each)) ?? '';
  return line.replaceAll(/\d+/g, 'N').slice(0, 90);
}
