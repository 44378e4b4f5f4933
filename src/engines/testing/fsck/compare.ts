import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryDevice } from '../../core/bytes/memory.ts';
import { busy } from '../fuzz/walk.ts';
import type { CheckResult, Finding } from '../../core/check.ts';
import { isDiskError } from '../../core/errors.ts';
import { checkExt4 } from '../../filesystems/ext4/check/index.ts';
import { ext4 } from '../../filesystems/ext4/index.ts';
import { testContext } from '../context.ts';
import { FileDevice } from '../file-device.ts';
import { type SharedImage, unpacked } from '../recipes/shared.ts';
import { walk } from '../walk.ts';

/**
 * What fsck(8)'s exit status says: 0 clean, 1 corrected, 4 errors left, 8 could not be checked. Where e2fsck gives up in the middle (12), errors are
 * left. On some of the images it never ends, or ends by a fault of its own, which it reports as 8.
 */
export type ExitClass = 'clean' | 'corrected' | 'errors' | 'unchecked' | 'timeout' | 'crashed';

/** A run of ours over an image in memory. */
export interface OwnRun {
  readonly result: CheckResult;
  readonly findings: readonly Finding[];
  readonly exit: ExitClass;
  /** The image as the run left it. */
  readonly bytes: Uint8Array;
  /** Milliseconds. */
  readonly time: number;
  /** Stacks of what went wrong in the checker itself. */
  readonly faults: readonly string[];
}

/** Both checkers over one image. */
export interface Comparison {
  readonly name: string;
  /** `e2fsck -fn`, `-fy`, and `-fy` once more over what that left. */
  readonly theirs: { readonly dry: ExitClass; readonly fixed: ExitClass; readonly again: ExitClass };
  readonly ours: { readonly dry: OwnRun; readonly fixed: OwnRun; readonly again: OwnRun };
  /** What `e2fsck -fn` says of the image that we repaired, and its words. */
  readonly after: ExitClass;
  readonly words: string;
  /** Files that e2fsck's repair keeps and ours does not: "path (size, hash)". */
  readonly lost: readonly string[];
}

/** e2fsck loops for ever over two of the images. */
const PATIENCE = 20_000;
const WALK = new URL('../oracle/kernel-walk.py', import.meta.url).pathname;
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

export function e2fsck(image: string, ...options: string[]): { readonly exit: ExitClass; readonly words: string } {
  const { status, stdout, stderr } = spawnSync('e2fsck', [...options, image], { encoding: 'utf8', timeout: PATIENCE, killSignal: 'SIGKILL', maxBuffer: 1 << 26, env: { ...process.env, PATH, LC_ALL: 'C' } });
  const words = `${stdout ?? ''}${stderr ?? ''}`;
  return { exit: status === null ? 'timeout' : /^Signal \(\d+\) SIG/m.test(words) ? 'crashed' : classOf(status), words };
}

function classOf(status: number): ExitClass {
  if ((status & 4) !== 0) return 'errors';
  if ((status & 8) !== 0) return 'unchecked';
  return (status & 3) !== 0 ? 'corrected' : 'clean';
}

/** Our check over a copy in memory. @param accept whether repairs are made */
export async function runOwn(image: Uint8Array, accept: boolean, now = BigInt(Date.now()) * 1_000_000n): Promise<OwnRun> {
  const bytes = new Uint8Array(image);
  const findings: Finding[] = [];
  const began = busy();
  const { job, log } = testContext();
  const result = await checkExt4(new MemoryDevice(bytes), { accept: () => accept, found: (finding) => { findings.push(finding); }, now: () => now }, job);
  const exit: ExitClass = result.state === 'unchecked' ? 'unchecked' : result.state === 'errors' ? 'errors' : result.state === 'fixed' ? 'corrected' : 'clean';
  return { result, findings, exit, bytes, time: busy() - began, faults: log.filter(({ level }) => level === 'error').map(({ message }) => message) };
}

/** Who lists the files that are left: nobody, our own reading engine, or debugfs, which takes most of the time. */
export type Lister = 'nobody' | 'engine' | 'debugfs';

/** Runs both over a shared image. @param folder for copies, which are removed */
export function compare(shared: SharedImage, folder: string, lister: Lister): Promise<Comparison> {
  // An image that was named by its path is taken as it is.
  const image = readFileSync(shared.files[0] === shared.name ? shared.name : unpacked(shared).image);
  return compareBytes(shared.name.replace(/^.*\//, ''), image, folder, lister);
}

/** Runs both over the bytes of an image, which stay as they are. */
export async function compareBytes(name: string, image: Uint8Array, folder: string, lister: Lister): Promise<Comparison> {
  const copy = join(folder, 'theirs.img');
  const own = join(folder, 'ours.img');
  try {
    writeFileSync(copy, image);
    const dry = e2fsck(copy, '-fn').exit;
    const fixed = e2fsck(copy, '-fy').exit;
    const kept = lister === 'nobody' ? [] : await contents(copy, lister);
    const again = e2fsck(copy, '-fy').exit;
    const ours = { dry: await runOwn(image, false), fixed: await runOwn(image, true) };
    writeFileSync(own, ours.fixed.bytes);
    const after = e2fsck(own, '-fn');
    const lost = kept.length === 0 ? [] : missingFrom(await contents(own, lister), kept);
    return { name, theirs: { dry, fixed, again }, ours: { ...ours, again: await runOwn(ours.fixed.bytes, true) }, after: after.exit, words: after.words, lost };
  } finally {
    rmSync(copy, { force: true });
    rmSync(own, { force: true });
  }
}

interface Entry {
  readonly path: string;
  readonly type?: string;
  readonly size?: number;
  readonly sha256?: string;
  readonly error?: unknown;
}

/** Contents that are in the second list and not in the first, wherever they lie there: lost+found names files by their numbers. */
function missingFrom(ours: readonly Entry[], theirs: readonly Entry[]): string[] {
  const found = new Set(ours.map(keyOf));
  return theirs.filter((entry) => entry.type === 'file' && entry.error === undefined && !found.has(keyOf(entry))).map((entry) => `${entry.path} (${keyOf(entry)})`);
}

const keyOf = ({ type, size, sha256 }: Entry): string => `${type} ${size ?? 0} ${sha256?.slice(0, 12) ?? ''}`;

async function contents(image: string, lister: Lister): Promise<readonly Entry[]> {
  if (lister === 'engine') {
    // Not in memory: a repair may make an image as long as its superblock says.
    const device = new FileDevice(image);
    try {
      return await walk(await ext4.open(device, testContext()));
    } catch (error) {
      if (isDiskError(error)) return [];
      throw error;
    } finally {
      device.close();
    }
  }
  const { stdout } = spawnSync('python3', [WALK, '--debugfs', image], { encoding: 'utf8', timeout: 4 * PATIENCE, maxBuffer: 1 << 28, env: { ...process.env, PATH, LC_ALL: 'C.UTF-8' } });
  return (stdout ?? '').split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Entry);
}

/** Where e2fsck finds no end, or crashes, there is nothing to compare with. */
const isAnswer = (exit: ExitClass): boolean => exit !== 'timeout' && exit !== 'crashed';

/** What is not as it should be, in words; empty when all is well. */
export function differences({ theirs, ours, after, lost }: Comparison): string[] {
  const wrong: string[] = [];
  if (isAnswer(theirs.dry) && ours.dry.exit !== theirs.dry) wrong.push(`-fn says ${theirs.dry}, our dry run ${ours.dry.exit}`);
  if (isAnswer(theirs.fixed) && ours.fixed.exit !== theirs.fixed) wrong.push(`-fy says ${theirs.fixed}, our repair ${ours.fixed.exit}`);
  // What e2fsck itself leaves with errors, or refuses, we may leave as well.
  const repairable = theirs.fixed !== 'errors' && theirs.again !== 'errors' && theirs.again !== 'unchecked';
  if (isAnswer(after) && repairable && after !== 'clean') wrong.push(`after our repair -fn says ${after}`);
  // Where e2fsck's own second run repairs again, ours may: what there is no space for is tried each time.
  if ((ours.fixed.exit === 'clean' || ours.fixed.exit === 'corrected') && ours.again.exit !== 'clean' && ours.again.exit !== theirs.again) wrong.push(`our second repair says ${ours.again.exit}`);
  if (lost.length > 0) wrong.push(`lost ${lost.length}: ${lost.slice(0, 3).join(', ')}`);
  return wrong;
}
