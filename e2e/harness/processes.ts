import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Processes that a test started; `endAll` ends them and nothing else. */
const started = new Set<ChildProcess>();

/** A process whose lines of output can be waited for. */
export interface Lines {
  readonly child: ChildProcess;
  /** Resolves with the first line, seen already or yet to come, that matches. Rejects after `ms`. */
  line(pattern: RegExp, ms?: number): Promise<string>;
  end(): Promise<void>;
}

/** Starts a program and listens to its lines. */
export function start(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Lines {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  started.add(child);
  child.once('exit', () => started.delete(child));
  const seen: string[] = [];
  const waiting = new Set<(line: string) => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      seen.push(line);
      for (const tell of waiting) tell(line);
    });
  }
  return {
    child,
    line: (pattern, ms = 20_000) => new Promise((resolve, reject) => {
      const before = seen.find((line) => pattern.test(line));
      if (before !== undefined) { resolve(before); return; }
      const timer = setTimeout(() => { waiting.delete(tell); reject(new Error(`${command} did not print ${pattern} within ${ms} ms; it printed:\n${seen.join('\n')}`)); }, ms);
      const tell = (line: string): void => {
        if (!pattern.test(line)) return;
        clearTimeout(timer);
        waiting.delete(tell);
        resolve(line);
      };
      waiting.add(tell);
    }),
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await once(child, 'exit');
      clearTimeout(timer);
    },
  };
}

/** Ends what is still running of what this file started. */
export function endAll(): void {
  for (const child of started) child.kill('SIGKILL');
}

/** True when a program is on the PATH. */
export function has(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }).status === 0;
}

/** Runs a program to its end; its output. Throws with its stderr when it fails. */
export function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { env, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}`);
  return stdout;
}
