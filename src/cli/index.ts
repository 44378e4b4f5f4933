import { CommanderError } from 'commander';
import { EXIT, errorJson, errorText, exitStatus } from './exit.ts';
import { ReaderGone } from './output.ts';
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
    status = failed(error, words, program.commands.map((command) => command.name()));
  }
  try {
    stderr.flush();
  } catch (error) {
    if (!(error instanceof ReaderGone)) throw error;
  }
  // Everything is written: a handle that somebody forgot is no reason to stay.
  process.exit(status);
}

/** Tells what went wrong; the exit status that it means. */
function failed(error: unknown, words: readonly string[], verbs: readonly string[]): number {
  if (error instanceof ReaderGone) return EXIT.done;
  try {
    stdout.flush();
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    const verb = words.find((word) => verbs.includes(word)) ?? '';
    const told = error instanceof CommanderError ? usageError(error.message, verb) : error;
    stderr.line(words.includes('--json') ? errorJson(told) : errorText(told));
    return exitStatus(told);
  } catch (nested) {
    if (nested instanceof ReaderGone) return exitStatus(error);
    throw nested;
  }
}

void main(process.argv.slice(2));
