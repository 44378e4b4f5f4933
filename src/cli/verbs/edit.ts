import { DiskError, toDiskError, unsupported } from '../../engines/core/errors.ts';
import type { JobContext } from '../../engines/core/job.ts';
import type { Name } from '../../engines/core/names.ts';
import { decodeName } from '../../engines/core/names.ts';
import type { WritableFileSystem } from '../../host/jobs/untar.ts';
import type { ImageSession } from '../../host/session.ts';
import { runOperation } from '../edit-operations.ts';
import { EXIT, UsageError } from '../exit.ts';
import { readInput, readInputFile } from '../input.ts';
import { CliJob } from '../job.ts';
import { type ImageOptions, openFilesystem, selectFilesystem, withImage } from '../open.ts';
import { wordsOf } from '../script.ts';

export interface EditOptions extends ImageOptions {
  /** Path of the script; "-" or nothing: standard input. */
  readonly file?: string;
  /** Writes to the image at once, through the filesystem's own journal. */
  readonly direct?: boolean;
}

/** A line of a script, counted from 1. */
interface ScriptLine {
  readonly number: number;
  readonly words: readonly Name[];
}

/** Runs a script of operations: all of them, or none. */
export async function edit(image: string, options: EditOptions): Promise<number> {
  const { file = '-' } = options;
  if (file === '-' && process.stdin.isTTY) throw new UsageError('The script comes from a file (-f FILE) or from standard input');
  const job = new CliJob({ title: 'Editing', json: options.json === true });
  return job.run(async (context) => {
    const lines = parseScript(file === '-' ? await readInput(job) : readInputFile(file));
    return runScript(image, lines, options, context);
  });
}

function runScript(image: string, lines: readonly ScriptLine[], options: EditOptions, context: JobContext): Promise<number> {
  const { direct = false } = options;
  return withImage(image, options, async (session) => {
    const { path: layer } = await openFilesystem(session, options.part, context);
    await session.editing.unlock({ direct, job: context });
    const { state } = session.editing;
    if (state.state === 'editing' && state.cannotApply !== undefined) throw DiskError.from(state.cannotApply);
    await session.editing.operation({ text: `Ran a script of ${lines.length} operations`, layer }, () => runAll(session, lines, options, context));
    if (!direct) await session.editing.apply(context);
    return EXIT.done;
  }, context);
}

async function runAll(session: ImageSession, lines: readonly ScriptLine[], { part, direct = false }: EditOptions, job: JobContext): Promise<void> {
  const layer = selectFilesystem(session, part);
  const { filesystem } = layer;
  if (filesystem.writer === undefined) throw layer.notWritable ?? unsupported(filesystem.info.format, filesystem.info.access.reason);
  for (const { number, words } of lines) {
    const pause = job.breathe();
    if (pause) await pause;
    try {
      await runOperation(words, { fs: filesystem as WritableFileSystem, job });
    } catch (error) {
      throw atLine(number, error, direct ? 'The lines before it are done.' : 'The image is as it was.');
    }
  }
}

/** All lines are looked at before the first one is run. @throws UsageError */
function parseScript(bytes: Uint8Array): ScriptLine[] {
  return decodeName(bytes).split('\n').flatMap((line, i) => {
    try {
      const words = wordsOf(line);
      return words.length === 0 ? [] : [{ number: i + 1, words }];
    } catch (error) {
      throw new UsageError(`line ${i + 1}: ${(error as Error).message}`);
    }
  });
}

function atLine(number: number, error: unknown, left: string): Error {
  if (error instanceof UsageError) return new UsageError(`line ${number}: ${error.message}\n  ${left}`);
  const { fault, message, advice } = toDiskError(error);
  return new DiskError(fault, `line ${number}: ${message}`, advice === undefined ? left : `${advice} ${left}`);
}
