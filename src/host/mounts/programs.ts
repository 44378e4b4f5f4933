import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where the system's own programs are, also for those whose PATH does not look there. */
const FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin'];

/** Milliseconds that a program may take to mount, or to unmount: what programs wrote goes to the image meanwhile. */
const LONG = 10 * 60_000;

/** Absolute path of a program of the system; undefined where it is not installed. */
export function findProgram(name: string, path = process.env['PATH'] ?? ''): string | undefined {
  for (const folder of [...path.split(delimiter).filter((each) => each.startsWith('/')), ...FOLDERS]) {
    const program = join(folder, name);
    try {
      accessSync(program, constants.X_OK);
      return program;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/** Runs a program in the C locale, beside everything else. @returns undefined when it went well, otherwise what it said in one line. Never rejects */
export function runProgram(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, args, { env: { ...process.env, LC_ALL: 'C' }, cwd: '/', timeout: LONG, killSignal: 'SIGKILL', maxBuffer: 1 << 16 }, (error, stdout, stderr) => {
      if (error === null) resolve(undefined);
      else resolve(`${stderr}${stdout}`.trim().replaceAll(/\s*\n\s*/g, '; ') || error.message);
    });
  });
}
