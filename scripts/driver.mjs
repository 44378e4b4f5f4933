/**
 * Runs a test driver, of src/engines/testing unless told, for as long as asked: bundles it, and runs it as a program of its own with this one's arguments, its exit
 * status and its end. As modules of the sources, drivers would be several times slower.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { nodeConfig } from '../vite.node.config.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * @param {string} name of the driver
 * @param {string} folder with its main.ts
 */
export async function runDriver(name, folder = `src/engines/testing/${name}`) {
  process.chdir(root);
  // As deep below the root as its sources: they find the recipes and the reference from where they lie.
  const out = `out/testing/${name}/run`;
  const config = nodeConfig({ source: `${folder}/main.ts`, out: `${out}/${name}.mjs` }, out);
  // The command waits at its top level, which CommonJS cannot; it runs in Node alone.
  Object.assign(config.build.rolldownOptions.output, { format: 'esm', chunkFileNames: '[name].mjs' });
  config.build.target = 'node20';
  config.logLevel = 'error';
  await build(config);
  const child = spawn(process.execPath, ['--enable-source-maps', `${out}/${name}.mjs`, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { CLUTCH_CACHE: join(root, '.cache'), CLUTCH_FIXTURES: join(root, '../shared/fixtures'), ...process.env },
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code) => { process.exitCode = code ?? 1; });
}
