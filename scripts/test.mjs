#!/usr/bin/env node
/**
 * `npm test`: everything, on a clean clone as well.
 *   npm test [-- --only types|lint|build|unit|page|oracle|mounts|guests|e2e]
 * Installs npm packages when they are missing or older than the lock file and, on Debian as root, the system packages that the
 * tests use. Then checks types, lint and build, and runs unit, page, oracle, mount, guest and end-to-end tests. Prints what was skipped and why.
 * The last line is `N passed, N failed, N skipped`; the exit status is 1 when anything failed.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installSystemPackages } from './system-packages.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

/** Where the reference is asked; everything else is quick. */
const ORACLE = 'src/engines/testing/oracle/';
/** Machines boot here, which takes its time. */
const GUESTS = ['src/host/guests/', 'src/host/ninep/'];
/** Browsers draw every view here. */
const PAGE = 'src/renderer/';
/** Volumes are mounted here, and other programs work in them. */
const MOUNTS = 'src/host/mounts/';

const STEPS = {
  types: () => command(process.execPath, ['scripts/types.mjs']),
  lint: () => command(process.execPath, ['node_modules/oxlint/bin/oxlint', '--quiet', '--format=unix']),
  build: () => command(process.execPath, ['scripts/build.mjs']),
  unit: () => vitest('unit', [ORACLE, ...GUESTS, MOUNTS, PAGE].flatMap((folder) => ['--exclude', `${folder}**`])),
  page: () => vitest('page', [PAGE]),
  oracle: () => vitest('oracle', [ORACLE]),
  mounts: () => vitest('mounts', [MOUNTS]),
  // Emulated machines on a machine that does much else: one that failed may try again, once.
  guests: () => vitest('guests', [...GUESTS, '--retry=1']),
  e2e: () => vitest('end to end', ['--config', 'e2e/vitest.config.ts']),
};

/** No step may hang the whole run. Minutes. */
const LIMIT = 35;

const { values: options } = parseArgs({ options: { only: { type: 'string' } } });
if (options.only !== undefined && !(options.only in STEPS)) {
  console.error(`test: --only takes one of ${Object.keys(STEPS).join(', ')}`);
  process.exit(2);
}
/** The end-to-end tests drive what was built. */
const chosen = options.only === undefined ? Object.keys(STEPS) : options.only === 'e2e' ? ['build', 'e2e'] : [options.only];

const total = { passed: 0, failed: 0, skipped: 0 };
const skips = [];
const begun = performance.now();

/** Process groups that run now: ended with this program. */
const running = new Set();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    for (const group of running) process.kill(-group, 'SIGKILL');
    process.exit(1);
  });
}

await installNpmPackages();
skips.push(...installSystemPackages((line) => console.log(`[packages] ${line}`)));
for (const name of chosen) {
  const started = performance.now();
  console.log(`[${name}]`);
  const result = await STEPS[name]();
  for (const key of Object.keys(total)) total[key] += result[key];
  console.log(`[${name}] ${counts(result)} in ${seconds(started)}`);
}

if (skips.length > 0) console.log(`\nSkipped, and why:\n${grouped(skips).map((line) => `  ${line}`).join('\n')}`);
console.log(`\nThe whole run took ${seconds(begun)}`);
console.log(counts(total));
// Not process.exit: the last line must reach a pipe.
process.exitCode = total.failed > 0 ? 1 : 0;

async function installNpmPackages() {
  const installed = 'node_modules/.package-lock.json';
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync('package-lock.json').mtimeMs) return;
  console.log('[packages] npm ci');
  const { status, output } = await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  if (status === 0) return;
  console.log(output.trimEnd());
  console.log('npm ci failed: nothing can be tested without the packages');
  console.log(counts({ passed: 0, failed: 1, skipped: 0 }));
  process.exit(1);
}

/** A step that is one test: passed when the command succeeds. */
async function command(program, args) {
  const { status, output } = await run(program, args);
  if (status !== 0) console.log(output.trimEnd());
  return { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0 };
}

/** Runs vitest and reads its report: failures with their messages, skips with their reasons. */
async function vitest(name, args) {
  const report = join(root, '.cache/test', `${name}.json`);
  mkdirSync(join(root, '.cache/test'), { recursive: true });
  rmSync(report, { force: true });
  const { status, output } = await run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', '--reporter=json', `--outputFile.json=${report}`, ...args]);
  const result = { passed: 0, failed: 0, skipped: 0 };
  if (!existsSync(report)) {
    console.log(output.trimEnd());
    return { ...result, failed: 1 };
  }
  for (const file of JSON.parse(readFileSync(report, 'utf8')).testResults) {
    const where = relative(root, file.name);
    const tests = file.assertionResults;
    if (file.status === 'failed' && !tests.some((test) => test.status === 'failed')) {
      result.failed++;
      console.log(`FAILED ${where}\n${indent(file.message ?? '')}`);
    }
    for (const test of tests) {
      if (test.status === 'passed') result.passed++;
      else if (test.status === 'failed') {
        result.failed++;
        console.log(`FAILED ${where}: ${test.fullName}\n${indent(test.failureMessages.join('\n'))}`);
      } else {
        result.skipped++;
        skips.push({ what: test.title, where, why: test.meta?.skipped ?? /\(((?:needs|skipped:) .*?)\)(?: |$)/.exec(test.fullName)?.[1] ?? 'see the test' });
      }
    }
  }
  if (status !== 0 && result.failed === 0) {
    result.failed++;
    console.log(output.trimEnd());
  }
  return result;
}

/** Runs a program in a process group of its own and ends the group when the time is over. */
function run(program, args) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let output = '';
    running.add(child.pid);
    const timer = setTimeout(() => {
      output += `\nended after ${LIMIT} minutes\n`;
      console.log(`${program} ${args.join(' ')}: ended after ${LIMIT} minutes`);
      process.kill(-child.pid, 'SIGKILL');
    }, LIMIT * 60_000);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    const end = (result) => {
      clearTimeout(timer);
      running.delete(child.pid);
      resolve(result);
    };
    child.on('error', (error) => end({ status: 1, output: `${program}: ${error.message}` }));
    child.on('close', (status) => end({ status: status ?? 1, output }));
  });
}

/** Many tests are skipped for one reason: they become one line. */
function grouped(all) {
  const lines = new Map();
  for (const { what, where, why } of all) {
    const key = where === undefined ? why : `${why} (${where})`;
    lines.set(key, [...(lines.get(key) ?? []), what]);
  }
  return [...lines].map(([why, whats]) => `${whats.length > 12 ? `${whats.slice(0, 12).join(', ')} and ${whats.length - 12} more` : whats.join(', ')}: ${why}`);
}

function indent(text) {
  const lines = text.split('\n').filter((line) => !/^\s+at .*node_modules/.test(line));
  return (lines.length > 30 ? [...lines.slice(0, 30), `… ${lines.length - 30} lines more`] : lines).map((line) => `  ${line}`).join('\n');
}

function counts({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}
