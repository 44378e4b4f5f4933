import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Reads a process id a line and remembers the last; an empty line forgets it. When nothing more comes, because we ended in whatever way, it
 * kills what it remembers.
 */
const SCRIPT = 'trap "" HUP INT TERM; while read -r next; do pid=$next; done; [ -n "$pid" ] && kill -9 "$pid"';

/**
 * Ends a process after our own end, also when we are killed. The kernel of one system can do that (PR_SET_PDEATHSIG), but only for what a
 * process asks for itself, and QEMU doesn't; a pipe that closes is told everywhere.
 */
export class Watchdog {
  readonly #shell: ChildProcess;

  /** Started before what it watches, so that no moment is left without it. @throws nothing: `onError` is told when there is no shell */
  constructor(onError: (message: string) => void) {
    // In a session of its own: Ctrl-C in a terminal is for us.
    this.#shell = spawn('/bin/sh', ['-c', SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' });
    this.#shell.on('error', (error) => onError(error.message));
    this.#shell.stdin!.on('error', () => {});
    this.#shell.unref();
    (this.#shell.stdin as unknown as { unref?(): void }).unref?.();
  }

  watch(pid: number): void {
    this.#shell.stdin!.write(`${pid}\n`);
  }

  /** The process is gone, and its id may soon be another's. Ends the watchdog. */
  release(): void {
    this.#shell.stdin!.end('\n');
  }
}
