#!/usr/bin/env node
/**
 * Type checks every box (a folder with a tsconfig.json of its own), as many at a time as there are cores.
 *   node scripts/types.mjs [BOX…]
 * Exit status 1 when one has errors.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const boxes = process.argv.length > 2 ? process.argv.slice(2) : ['src', 'src/engines', '.'].flatMap(boxesIn).toSorted();
const waiting = boxes.filter(hasSource);
let failed = 0;
await Promise.all(Array.from({ length: availableParallelism() }, async () => {
  for (let box = waiting.shift(); box !== undefined; box = waiting.shift()) {
    const { status, output } = await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', box]);
    if (status === 0) continue;
    failed++;
    console.log(`types: ${box}\n${output.trimEnd()}`);
  }
}));
console.log(`types: ${boxes.length} boxes, ${failed} with errors`);
process.exit(failed > 0 ? 1 : 0);

function boxesIn(folder) {
  return readdirSync(folder).filter((name) => name !== 'node_modules' && existsSync(join(folder, name, 'tsconfig.json'))).map((name) => join(folder, name));
}

/** A box without a line of code is nothing to check (the compiler calls it an error). */
function hasSource(box) {
  return readdirSync(box, { recursive: true }).some((name) => /\.tsx?$/.test(name));
}

function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => { output += text; });
    child.on('error', (error) => resolve({ status: 1, output: error.message }));
    child.on('close', (status) => resolve({ status, output }));
  });
}
