import { type Command, CommanderError } from 'commander';
import { EXIT, errorJson, errorText, exitStatus } from './exit.ts';
import { OutputEnded, OutputFailed, ReaderGone } from './output.ts';
import { makeProgram, usageError } from './program.ts';
import { stderr, stdout } from './streams.ts';

/** Runs the command line. */
async function main(words: readonly string[]): Promise<void> {
  let status: number = EXIT.done;
  const program = makeProgram((verbStatus) => { status = verbStatus; });
  try {
    await program.parseAsync(words, { from: 'user' });
    stdout.flush();
  } catch (error) {
    status = failed(error, words, program);
  }
  try {
    stderr.flush();
  } catch (error) {
    if (!(error instanceof OutputEnded)) throw error;
  }
  // Everything is written: a handle that somebody forgot is no reason to stay.
  process.exit(status);
}

/** Tells what went wrong; the exit status that it means. */
function failed(error: unknown, words: readonly string[], program: Command): number {
  if (error instanceof ReaderGone) return EXIT.done;
  try {
    if (!(error instanceof OutputFailed)) stdout.flush();
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    const told = error instanceof CommanderError ? usageError(error.message, verbOf(words, program)) : error;
    stderr.line(words.includes('--json') ? errorJson(told) : errorText(told));
    return exitStatus(told);
  } catch (nested) {
    if (nested instanceof OutputEnded) return exitStatus(error);
    throw nested;
  }
}

/** The verb that the command line names, with those of its own: "ls", "guests run". */
function verbOf(words: readonly string[], { commands }: Command): string {
  const at = words.findIndex((word) => commands.some((command) => command.name() === word));
  const verb = commands.find((command) => command.name() === words[at]);
  return verb === undefined ? '' : `${verb.name()} ${verbOf(words.slice(at + 1), verb)}`.trimEnd();
}

void main(process.argv.slice(2));
