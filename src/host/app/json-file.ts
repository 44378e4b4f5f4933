import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** The value in a JSON file; undefined where there is none, or it is damaged: what the app remembers is never worth a failed start. */
export function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Writes a value for people to read. Beside the file and renamed over it: a crash leaves the old one or the new one.
 * @throws Error of the system's, when the folder can't be written to
 */
export function writeJson(file: string, value: unknown): void {
  mkdirSync(dirname(file), { recursive: true });
  const fresh = `${file}.${process.pid}.new`;
  writeFileSync(fresh, `${JSON.stringify(value, undefined, 2)}\n`);
  renameSync(fresh, file);
}

/** Keeps a damaged file beside itself (".damaged") before it is written anew: what somebody wrote by hand is in it. */
export function keepDamaged(file: string): void {
  try {
    copyFileSync(file, `${file}.damaged`);
  } catch {
    // There is no such file; or no room, and then writing it anew will say so.
  }
}
