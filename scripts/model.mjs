#!/usr/bin/env node
/**
 * Model tests of the writers for as long as asked: random operations on new filesystems of every shape, then e2fsck, the kernel, our own
 * reading and a tree in memory must agree.
 *   npm run model [-- --seed S] [--runs N] [--ops M] [--shape NAME] [--no-kernel]
 * A failure is printed with what repeats it. Exit: 0 when there was none.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { nodeConfig } from '../vite.node.config.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

// As deep below the root as its sources: they find the recipes and the reference from where they lie.
const entry = { source: 'src/engines/testing/model/main.ts', out: 'out/testing/model/run/model.mjs' };
const config = nodeConfig(entry, 'out/testing/model/run');
// The command waits at its top level, which CommonJS cannot; it runs in Node alone.
Object.assign(config.build.rolldownOptions.output, { format: 'esm', chunkFileNames: '[name].mjs' });
config.build.target = 'node20';
config.logLevel = 'error';
await build(config);

const child = spawn(process.execPath, ['--enable-source-maps', entry.out, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => { process.exitCode = code ?? 1; });
