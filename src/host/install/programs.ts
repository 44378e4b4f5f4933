import { execFile } from 'node:child_process';

/** What a program of the system came to. */
export interface Ran {
  /** Its exit status; undefined when it could not be started. */
  readonly status: number | undefined;
  readonly out: string;
}

/** Runs a program of the system, so that tests can stand in for it. */
export type RunProgram = (program: string, args: readonly string[]) => Promise<Ran>;

/** Most that is kept of what a program prints, in bytes. */
const MOST_OUTPUT = 1 << 20;

export const runProgram: RunProgram = (program, args) => new Promise((resolve) => {
  execFile(program, args, { encoding: 'utf8', maxBuffer: MOST_OUTPUT, windowsHide: true }, (error, out) => {
    if (error === null) resolve({ status: 0, out });
    else resolve({ status: typeof error.code === 'number' ? error.code : undefined, out });
  });
});
