#!/usr/bin/env node
/**
 * Cuts the power of direct changes to ext2/3/4 at thousands of points; recovered by us, by e2fsck and by the kernel, each has to be clean and to hold what was synced.
 *   npm run crash [-- --points 5000] [--seed S] [--filter KIND] [--e2fsck-every N] [--kernel-every N] [--jobs 2]
 * Every failure is printed with what makes it again. Exit: 0 when there was none.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { nodeConfig } from '../vite.node.config.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

const entry = { source: 'src/engines/testing/crash/main.ts', out: 'out/crash/crash.mjs' };
const config = nodeConfig(entry, 'out/crash');
// The command waits at its top level, which CommonJS cannot; it runs in Node alone.
Object.assign(config.build.rolldownOptions.output, { format: 'esm', chunkFileNames: 'chunks/[name].mjs' });
config.build.target = 'node20';
await build(config);

const child = spawn(process.execPath, ['--enable-source-maps', entry.out, ...process.argv.slice(2)], {
  stdio: 'inherit',
  // The bundle lies elsewhere than its sources, which find these folders from where they lie.
  env: { CLUTCH_CACHE: join(root, '.cache'), CLUTCH_FIXTURES: join(root, '../shared/fixtures'), ...process.env },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => { process.exitCode = code ?? 1; });
