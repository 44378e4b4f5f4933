/** `npm run model -- --seed S --runs N --ops M [--shape NAME] [--no-kernel]`: model tests for as long as asked. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CACHE } from '../recipes/build.ts';
import { filled, matrix } from './matrix.ts';
import { runModel } from './run.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' }, runs: { type: 'string', default: '35' }, ops: { type: 'string', default: '300' }, shape: { type: 'string', default: '' },
    'no-kernel': { type: 'boolean', default: false }, keep: { type: 'string' }, stack: { type: 'boolean', default: false },
  },
});

const shapes = [...matrix, ...filled].filter(({ name }) => name.includes(values.shape));
let failures = 0;
let operations = 0;
for (let run = 0; run < Number(values.runs); run++) {
  const shape = shapes[run % shapes.length]!;
  const seed = Number(values.seed) + run;
  const began = performance.now();
  try {
    const keep = values.keep ?? join(CACHE, `model-${shape.name}-${seed}.img`);
    const outcome = await runModel(shape, seed, Number(values.ops), { kernel: !values['no-kernel'], keep });
    operations += outcome.operations;
    console.log(`${shape.name} ${seed}: ${outcome.operations} operations, ${outcome.refused} refused, ${outcome.full} without room, ${Math.round(performance.now() - began)} ms ${outcome.unasked}`);
  } catch (error) {
    failures++;
    console.log(`FAILED ${values.stack ? String(((error as Error).cause as Error).stack) : ''}\n${(error as Error).message.slice(0, 4000)}\nagain: npm run model -- --shape ${shape.name} --seed ${seed} --runs 1 --ops ${values.ops}`);
  }
}
console.log(`${values.runs} runs, ${operations} operations, ${failures} failures`);
process.exitCode = failures === 0 ? 0 : 1;
