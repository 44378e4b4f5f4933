import { readFileSync } from 'node:fs';
import { cancelled, DiskError, usage } from '../engines/core/errors.ts';
import type { CliJob } from './job.ts';

/**
 * Standard input as it comes. Node makes a pipe non-blocking as soon as it is looked at, so it can't be read at once where its writer is slow; and
 * whoever waits for one that brings nothing hears of Ctrl-C all the same. @throws DiskError cancelled
 */
export async function* standardInput(job: CliJob): AsyncGenerator<Uint8Array> {
  job.onInterrupt(() => process.stdin.destroy(cancelled()));
  for await (const bytes of process.stdin as AsyncIterable<Uint8Array>) yield bytes;
}

/** All of it. @throws DiskError cancelled */
export async function readInput(job: CliJob): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of standardInput(job)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A whole file of this computer. @throws DiskError usage ENOENT, EISDIR, EACCES; io */
export function readInputFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    switch ((error as NodeJS.ErrnoException).code) {
      case 'ENOENT': case 'ENOTDIR': throw usage('ENOENT', `There is no ${path} on this computer`);
      case 'EISDIR': throw usage('EISDIR', `${path} is a folder`);
      case 'EACCES': case 'EPERM': throw usage('EACCES', `${path} may not be read by this account`);
      default: throw new DiskError({ kind: 'io' }, `${path} can't be read (${(error as Error).message})`);
    }
  }
}
