/**
 * Kills QEMU or the process that uses it at random moments of writing and of Apply, and judges what is left.
 *   npm run guests-kill -- [--count N] [--seed S] [--start N] [--filter FORMAT] [--guest NAME] [--jobs 2]
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { builtGuest } from '../built.ts';
import { killOne, missingToolsOf, SUBJECTS } from './run.ts';
import { work } from './work.ts';

const { values: options, positionals } = parseArgs({ allowPositionals: true, options: {
  count: { type: 'string', default: '40' }, seed: { type: 'string', default: '1' }, start: { type: 'string', default: '0' }, filter: { type: 'string', default: '' },
  guest: { type: 'string', default: 'linux-6.12' }, jobs: { type: 'string', default: '2' }, work: { type: 'boolean', default: false },
} });
if (options.work) {
  await work(JSON.parse(positionals[0]!) as Parameters<typeof work>[0], (said) => { process.stdout.write(`${JSON.stringify(said)}\n`); });
  process.exit(0);
}
const answer = await builtGuest(options.guest);
if ('reason' in answer) process.exit(2);
const subjects = SUBJECTS.filter((subject) => {
  const missing = missingToolsOf(subject);
  if (missing.length > 0) console.log(`skipped: ${subject.format}: ${missing.join(', ')} not installed`);
  return missing.length === 0 && subject.format.includes(options.filter);
});
if (subjects.length === 0) process.exit(2);
const folder = mkdtempSync(join(tmpdir(), 'clutch-test-kill-'));
process.env['TMPDIR'] = folder;
const kinds = new Map<string, number>();
const failures: string[] = [];
const numbers = Array.from({ length: Number(options.count) }, (_, i) => Number(options.start) + i);
await Promise.all(Array.from({ length: Number(options.jobs) }, async () => {
  for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
    const { text, kind, failure } = await killOne(subjects[number % subjects.length]!, { program: [process.argv[1]!, '--work'], guest: options.guest, folder, seed: Number(options.seed), number });
    console.log(`${number}: ${failure === undefined ? text : `FAILURE --seed ${options.seed} --start ${number} --count 1: ${failure}`}`);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    if (failure !== undefined) failures.push(failure);
  }
}));
// A killed process can't remove its socket; whoever makes the next one does.
if (failures.length === 0) rmSync(folder, { recursive: true, force: true });
else console.log(`kept in ${folder}: ${readdirSync(folder).join(', ')}`);
console.log(`guests-kill: ${options.count} kills, ${failures.length} failures`);
for (const [kind, times] of [...kinds].toSorted()) console.log(`  ${times} ${kind}`);
process.exit(failures.length === 0 ? 0 : 1);
