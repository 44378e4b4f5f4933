import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { hasTool } from './recipes/build.ts';

/** Debian keeps the partition and filesystem tools where an ordinary user's PATH does not look. */
const PATH = [process.env['PATH'] ?? '', '/usr/sbin', '/sbin'].join(delimiter);

/** Why a test that compares with these programs cannot run here; undefined when all are there. Printed once, so that a skip is never silent. */
export function missingTools(...names: string[]): string | undefined {
  const missing = names.filter((name) => !hasTool(name));
  if (missing.length === 0) return undefined;
  const reason = `skipped: ${missing.join(', ')} not installed`;
  console.warn(reason);
  return reason;
}

/** Runs a tool in the C locale; its standard output. @throws with its standard error when it fails */
export function run(name: string, args: readonly string[], input = ''): string {
  return execFileSync(name, args, { input, encoding: 'utf8', env: { ...process.env, PATH, LC_ALL: 'C' }, stdio: ['pipe', 'pipe', 'pipe'] });
}

/** A folder for the images of one test file; `remove` it in afterAll. */
export function scratchFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'clutch-test-'));
  return { path, remove: () => { rmSync(path, { recursive: true, force: true }); } };
}
