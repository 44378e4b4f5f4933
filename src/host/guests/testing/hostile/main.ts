/**
 * Opens hostile images by a guest: the guest may die, this process may not, and nothing of it may stay behind.
 *   npm run guests-fuzz -- [--count N] [--seed S] [--start N] [--guest NAME] [--filter SEED-IMAGE] [--jobs 2]
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { builtGuest } from '../built.ts';
import { seeds } from './images.ts';
import { childProcesses, Hostile, type Outcome } from './run.ts';

/** Bytes by which this process may grow over what it has after its first images. */
const MEMORY_LIMIT = 512 * 2 ** 20;
/** Milliseconds for machines that save states beside the work. */
const END_WITHIN = 300_000;

const { values: options } = parseArgs({ options: {
  count: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' }, start: { type: 'string', default: '0' },
  guest: { type: 'string', default: 'linux-6.12' }, filter: { type: 'string', default: '' }, jobs: { type: 'string', default: '2' },
} });
const failures: string[] = [];
process.on('uncaughtException', (error) => { failures.push(`uncaught: ${error.stack}`); });
process.on('unhandledRejection', (error) => { failures.push(`unhandled: ${String(error)}`); });

const answer = await builtGuest(options.guest);
if ('reason' in answer) process.exit(2);
// Sockets of this run alone: what stays behind is ours.
const folder = mkdtempSync(join(tmpdir(), 'clutch-test-'));
process.env['TMPDIR'] = folder;
const { guest } = answer;
const all = seeds(new Set(guest.manifest.filesystems.filter(({ access }) => access !== 'known-bad').map(({ format }) => format))).filter(({ name }) => name.includes(options.filter));
const [start, count] = [Number(options.start), Number(options.count)];
/** A stride that is prime to their number: a short run meets all kinds. */
const stride = all.length % 37 === 0 ? 1 : 37;
// By seed, for a saved state of the guest is then used by many.
const numbers = Array.from({ length: count }, (_, i) => start + i).toSorted((a, b) => seedOf(a) - seedOf(b) || a - b);
function seedOf(number: number): number {
  return (number * stride) % all.length;
}

const hostile = new Hostile(guest);
const outcomes: Outcome[] = [];
let calm = 0;
let peak = 0;
const look = setInterval(() => {
  const { rss } = process.memoryUsage();
  if (outcomes.length < 5) calm = Math.max(calm, rss);
  peak = Math.max(peak, rss);
}, 200);
await Promise.all(Array.from({ length: Number(options.jobs) }, async () => {
  for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
    const outcome = await hostile.run(all[seedOf(number)]!, Number(options.seed), number);
    outcomes.push(outcome);
    const again = `--seed ${options.seed} --start ${number} --count 1`;
    console.log(`${outcomes.length}/${count} ${outcome.name} (${outcome.mutations}): ${outcome.what}${outcome.reason === '' ? '' : `: ${outcome.reason}`}; ${outcome.nodes} nodes, ${outcome.errors} errors${outcome.written ? ', written to' : ''}${outcome.deaths.length > 0 ? `; died: ${outcome.deaths.join(' | ')}` : ''}`);
    if (outcome.failure !== undefined) {
      failures.push(`${again}: ${outcome.failure}`);
      console.log(`FAILURE ${again}\n${outcome.failure}`);
    }
  }
}));
clearInterval(look);
hostile.close();
if (peak - calm > MEMORY_LIMIT) failures.push(`it grew by ${Math.round((peak - calm) / 2 ** 20)} MiB`);
for (const end = performance.now() + END_WITHIN; childProcesses().length > 0 && performance.now() < end;) await setTimeout(200);
failures.push(...childProcesses().map((name) => `${name} still runs`), ...readdirSync(folder).map((name) => `${name} stays in the folder of temporary files`));
rmSync(folder, { recursive: true, force: true });
const of = (what: Outcome['what']): number => outcomes.filter((each) => each.what === what).length;
console.log(`guests-fuzz: ${outcomes.length} images: ${of('opened')} opened (${outcomes.filter(({ written }) => written).length} written to), ${of('refused')} refused, ${of('not made')} not made; the guest died over ${outcomes.filter(({ deaths }) => deaths.length > 0).length}; ${outcomes.reduce((sum, { errors }) => sum + errors, 0)} errors within; memory +${Math.round((peak - calm) / 2 ** 20)} MiB; ${failures.length} failures`);
for (const failure of failures) console.log(`  ${failure}`);
process.exit(failures.length === 0 ? 0 : 1);
