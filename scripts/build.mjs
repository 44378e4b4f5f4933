#!/usr/bin/env node
/**
 * Builds what has changed: the Node side (main, preload, host, cli) and the renderer, each beside a stamp of its sources.
 *   node scripts/build.mjs [--only node|renderer] [--force]
 * Every part is built into a folder of its own and renamed into place when it is whole, so that a program started
 * meanwhile, or a second build, never meets half of one.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

/** The entries of the Node side; `single` where the loader takes one file only (a sandboxed preload has no require). */
const ENTRIES = [
  { source: 'src/main/index.ts', out: 'out/main/main.cjs' },
  { source: 'src/preload/index.ts', out: 'out/preload/preload.cjs', single: true },
  { source: 'src/host/process.ts', out: 'out/host/host.cjs' },
  { source: 'src/host/jobs/extract/writer.ts', out: 'out/writer/writer.cjs' },
  { source: 'src/host/jobs/put/reader.ts', out: 'out/reader/reader.cjs' },
  { source: 'src/host/mounts/winfsp/thread.ts', out: 'out/winfsp/winfsp.cjs' },
  { source: 'src/cli/index.ts', out: 'out/cli/clutch.cjs' },
];

const PARTS = {
  node: { sources: ['src/engines', 'src/shared', 'src/host', 'src/main', 'src/preload', 'src/cli'], config: 'vite.node.config.mjs', build: buildNode },
  renderer: { sources: ['src/engines/core', 'src/shared', 'src/renderer'], config: 'vite.config.mjs', build: buildRenderer },
};

const { values: options } = parseArgs({ options: { only: { type: 'string' }, force: { type: 'boolean' } } });
if (options.only !== undefined && !(options.only in PARTS)) {
  console.error(`build: --only takes ${Object.keys(PARTS).join(' or ')}`);
  process.exit(2);
}

for (const [name, part] of Object.entries(PARTS)) {
  if (options.only !== undefined && options.only !== name) continue;
  mkdirSync('out', { recursive: true });
  const stampFile = `out/.${name}.stamp`;
  const stamp = stampOf([...part.sources, part.config, 'scripts/build.mjs', 'package.json', 'package-lock.json']);
  if (!options.force && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) continue;
  const started = performance.now();
  try {
    await part.build();
  } catch (error) {
    console.error(`build: ${name} failed\n${error instanceof Error ? error.message : error}`);
    process.exit(1);
  }
  writeFileSync(stampFile, stamp);
  console.error(`build: ${name} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

async function buildNode() {
  const { build } = await import('vite');
  const { nodeConfig } = await import('../vite.node.config.mjs');
  for (const entry of ENTRIES) {
    await inPlace(dirname(entry.out), (folder) => build(nodeConfig(entry, folder)));
  }
}

async function buildRenderer() {
  const { build } = await import('vite');
  await inPlace('out/renderer', (folder) => build({ configFile: join(root, 'vite.config.mjs'), logLevel: 'warn', build: { outDir: folder } }));
}

/** Lets `make` fill a folder beside `target` and puts it in target's place. */
async function inPlace(target, make) {
  const fresh = join(root, `${target}.new-${process.pid}`);
  const old = join(root, `${target}.old-${process.pid}`);
  mkdirSync(dirname(fresh), { recursive: true });
  try {
    await make(fresh);
    for (let tries = 1; ; tries++) {
      try {
        if (existsSync(target)) renameSync(target, old);
        renameSync(fresh, target);
        break;
      } catch (error) {
        // Another build put its own there in between; the same sources make the same result, so whose stays does not matter.
        if (tries === 10) throw error;
        rmSync(old, { recursive: true, force: true });
      }
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
  }
}

/** A digest of names and contents of all files under the paths, tests left out. By content, so that a checkout or a touch builds nothing. */
function stampOf(paths) {
  const hash = createHash('sha256');
  const add = (path) => hash.update(`${path}\0`).update(readFileSync(path)).update('\0');
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (!/\.test\.tsx?$|\.md$|^tsconfig\.json$/.test(entry.name)) add(path);
    }
  };
  for (const path of paths) {
    if (!existsSync(path)) continue;
    if (path.startsWith('src/')) walk(path);
    else add(path);
  }
  return hash.digest('hex');
}
