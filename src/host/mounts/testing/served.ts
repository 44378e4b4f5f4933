import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'vite';
import { DiskError, type DiskErrorData } from '../../../engines/core/errors.ts';
import type { Asked } from './serving.ts';

/** The program that serves mounts for a test (serving.ts), as Node runs it. @param out a folder that is made for it @returns its path */
export async function servingProgram(out: string): Promise<string> {
  await build({
    configFile: false, logLevel: 'error', publicDir: false,
    build: { ssr: join(import.meta.dirname, 'serving.ts'), outDir: out, emptyOutDir: true, rollupOptions: { output: { entryFileNames: 'serving.cjs', chunkFileNames: '[name]-[hash].cjs', format: 'cjs' } } },
    ssr: { noExternal: true, external: ['koffi'] },
  });
  return join(out, 'serving.cjs');
}

/** A process that serves mounts, to be asked, and to be killed. */
export class Serving {
  readonly child: ChildProcess;
  readonly gone: Promise<unknown>;
  readonly #waiting: ((said: { readonly answered?: unknown; readonly error?: DiskErrorData }) => void)[] = [];

  constructor(program: string, options: { readonly uid?: number; readonly env?: NodeJS.ProcessEnv } = {}) {
    const { uid, env } = options;
    this.child = spawn(process.execPath, [program, 'serve'], {
      stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, NODE_PATH: join(import.meta.dirname, '../../../../node_modules'), ...env }, ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    this.gone = once(this.child, 'exit');
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.#waiting.shift()?.(JSON.parse(line) as { answered?: unknown }));
  }

  /** Answers come in the order in which they are ready: one question at a time. @throws DiskError as it did there */
  async ask<T>(asked: Asked): Promise<T> {
    const said = await new Promise<{ readonly answered?: unknown; readonly error?: DiskErrorData }>((resolve, reject) => {
      this.#waiting.push(resolve);
      void this.gone.then(() => reject(new Error(`It ended before it answered ${asked.do}`)));
      this.child.stdin!.write(`${JSON.stringify(asked)}\n`);
    });
    if (said.error !== undefined) throw DiskError.from(said.error);
    return said.answered as T;
  }
}
