import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { missingTools } from './tools.ts';

/** Debian's 9P2000.L server over a socket of ours, exporting one folder of this machine. */
export interface Diod {
  readonly socket: Duplex;
  readonly process: ChildProcess;
  /** Ends it, and waits until it has. */
  stop(): Promise<void>;
}

/** Why diod can't be run here; undefined when it can. As an ordinary user it could set no owners. */
export function missingDiod(): string | undefined {
  const missing = missingTools('diod');
  if (missing !== undefined || process.getuid?.() === 0) return missing;
  const reason = 'skipped: diod needs root to set owners';
  console.warn(reason);
  return reason;
}

/** diod on a socket pair: it speaks on its file descriptor 3, as it does in a guest. */
export function startDiod(folder: string): Diod {
  const child = spawn('diod', ['-f', '-n', '-N', '-c', '/dev/null', '-e', folder, '-r', '3', '-w', '3', '-L', '/dev/null'], {
    // It dumps core at times when its client goes: not into whatever folder the tests were started in.
    cwd: '/proc', stdio: ['ignore', 'ignore', 'ignore', 'pipe'], env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` },
  });
  const ended = new Promise<void>((resolve) => { child.once('close', () => { resolve(); }); });
  return {
    socket: child.stdio[3] as Duplex,
    process: child,
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
