import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { isDiskError } from '../../../engines/core/errors.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import type { GuestCompile } from '../manifest.ts';
import type { Package } from './archive.ts';
import type { Downloads } from './downloads.ts';

/** Raised when what is done with the same sources is another thing. */
const RECIPE = 1;

/** Milliseconds in which a compiler says its version. */
const VERSION_WITHIN = 20_000;

/** What is noted of modules that were compiled: their bytes lie among the downloads, each by its digest. */
const noteSchema = v.record(v.string(), v.object({ size: v.number(), sha256: v.string() }));

/** A name for all that decides what comes out: sources, headers, how they are compiled, by which compiler. */
export async function compiledKey({ prepare, configure, modules }: GuestCompile, packages: readonly Package[], programs: Readonly<Record<string, string>>): Promise<string> {
  const versions = await Promise.all(['gcc', 'ld'].map(async (name) => (await promisify(execFile)(programs[name]!, ['--version'], { timeout: VERSION_WITHIN, env: { LC_ALL: 'C' } })).stdout.split('\n')[0]!));
  return createHash('sha256').update(JSON.stringify([RECIPE, { prepare, configure, modules }, packages.map(({ name, sha256 }) => [name, sha256]), versions])).digest('hex').slice(0, 32);
}

/** Modules that were compiled before, file names with bytes; undefined when there are none, or not all of them, or they were damaged since. */
export async function compiledBefore(key: string, downloads: Downloads, job: JobContext): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
  try {
    const modules = new Map<string, Uint8Array>();
    for (const [name, { size, sha256 }] of Object.entries(v.parse(noteSchema, JSON.parse(readFileSync(noteOf(key, downloads), 'utf8'))))) {
      modules.set(name, readFileSync(await downloads.file({ urls: [], size, sha256, title: name }, job)));
    }
    return modules;
  } catch (error) {
    if (isDiskError(error) && error.kind === 'cancelled') throw error;
    return undefined;
  }
}

/** Keeps modules, as files that were fetched are kept. */
export function keepCompiled(key: string, modules: ReadonlyMap<string, Uint8Array>, downloads: Downloads): void {
  const note: v.InferOutput<typeof noteSchema> = {};
  for (const [name, bytes] of modules) {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    put(join(downloads.folder, sha256), bytes);
    note[name] = { size: bytes.length, sha256 };
  }
  put(noteOf(key, downloads), JSON.stringify(note));
}

function noteOf(key: string, { folder }: Downloads): string {
  return join(folder, `${key}.compiled`);
}

/** Whole or not at all, also when another process does the same. */
function put(path: string, content: Uint8Array | string): void {
  writeFileSync(`${path}.${process.pid}.part`, content);
  renameSync(`${path}.${process.pid}.part`, path);
}
