import { type Command, CommanderError } from 'commander';
import { EXIT, errorJson, errorText, exitStatus } from './exit.ts';
import { OutputEnded, ReaderGone } from './output.ts';
import { makeProgram, usageError } from './program.ts';
import { stderr, stdout } from './streams.ts';

/** Runs the command line. */
async function main(words: readonly string[]): Promise<void> {
  let status: number = EXIT.done;
  const program = makeProgram((verbStatus) => { status = verbStatus; });
  try {
    await program.parseAsync(words, { from: 'user' }).catch((error: unknown) => {
      // That help was printed is no error.
      if (!(error instanceof CommanderError && error.exitCode === 0)) throw error;
    });
    stdout.flush();
  } catch (error) {
    // A verb that came to its end has its status, whether somebody read all of it or not.
    if (!(error instanceof ReaderGone)) status = failed(error, words, program);
  }
  unlessEnded(() => stderr.flush());
  // Everything is written: a handle that somebody forgot is no reason to stay.
  process.exit(status);
}

/** Tells what went wrong; the exit status that it means. */
function failed(error: unknown, words: readonly string[], program: Command): number {
  const told = error instanceof CommanderError ? usageError(error.message, verbOf(words, program)) : error;
  unlessEnded(() => stdout.flush());
  unlessEnded(() => stderr.line(words.includes('--json') ? errorJson(told) : errorText(told)));
  return exitStatus(told);
}

/** Prints while it can be printed: what ends the program is told by its status at least. */
function unlessEnded(print: () => void): void {
  try {
    print();
  } catch (error) {
    if (!(error instanceof OutputEnded)) throw error;
  }
}

/** The verb that the command line names, with those of its own: "ls", "guests run". */
function verbOf(words: readonly string[], { commands }: Command): string {
  const at = words.findIndex((word) => commands.some((command) => command.name() === word));
  const verb = commands.find((command) => command.name() === words[at]);
  return verb === undefined ? '' : `${verb.name()} ${verbOf(words.slice(at + 1), verb)}`.trimEnd();
}

void main(process.argv.slice(2));
