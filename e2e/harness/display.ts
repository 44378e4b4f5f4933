import { type ChildProcess, spawn } from 'node:child_process';

/** A virtual screen of its own for one test file. */
export interface Display {
  /** ":99" */
  readonly name: string;
  end(): void;
}

/** Starts Xvfb on a free display number, which it chooses itself. */
export async function startDisplay(size = '1280x800x24'): Promise<Display> {
  const child: ChildProcess = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', size, '-nolisten', 'tcp', '-ac'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const number = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`Xvfb ended with ${code}`)));
    child.stdio[3]!.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('\n')) resolve(text.trim());
    });
  });
  return { name: `:${number}`, end: () => { child.kill('SIGTERM'); } };
}
