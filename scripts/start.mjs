#!/usr/bin/env node
/**
 * `npm start [-- IMAGE…]`: installs what is missing, builds what has changed and opens the window.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { dirname, join, resolve } from 'node:path';

const root = fileURLToPath(new URL('..', import.meta.url));
const images = process.argv.slice(2).map((path) => resolve(process.env.INIT_CWD ?? process.cwd(), path));
process.chdir(root);

if (!existsSync('node_modules/.package-lock.json') || statSync('node_modules/.package-lock.json').mtimeMs < statSync('package-lock.json').mtimeMs) {
  console.error('Installing packages');
  must('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}
must(process.execPath, ['scripts/build.mjs']);

if (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) {
  console.error(`There is no display here. The same window opens in a browser with:

  bin/clutch serve${images.map((path) => ` ${path}`).join('') || ' [IMAGE]'}`);
  process.exit(1);
}

const { electronRuntime } = await import('./runtime.mjs');
let runtime;
try {
  runtime = await electronRuntime({ say: (line) => console.error(line) });
} catch (error) {
  console.error(`${error.message}\nThe same window opens in a browser with: bin/clutch serve`);
  process.exit(1);
}
if (runtime.notice) console.error(runtime.notice);

const missing = missingLibraries(runtime.executable);
if (missing.length > 0) {
  console.error(`Electron needs libraries that are not here: ${missing.join(', ')}
On Debian: apt-get install libgtk-3-0 libnss3 libasound2 libgbm1`);
  process.exit(1);
}

// Chromium refuses to sandbox a process of root's; only then is it told to do without.
const asRoot = process.getuid?.() === 0;
const helper = asRoot ? undefined : neededHelper(runtime.executable);
if (helper !== undefined) {
  console.error(`Chromium's sandbox can't work here: the system keeps user namespaces from ordinary accounts (AppArmor on Ubuntu, a container).
Once this was done, it works by a helper of its own:

  sudo chown root:root '${helper}' && sudo chmod 4755 '${helper}'

The same window opens in a browser with: bin/clutch serve`);
  process.exit(1);
}
if (asRoot) console.error('Running as root, so without Chromium\'s sandbox.');
const child = spawn(runtime.executable, [...(asRoot ? ['--no-sandbox'] : []), '.', ...images], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
// npm passes a signal on to its shell only, which dies of it and leaves us to another parent: then the window ends, too.
const parent = process.ppid;
if (process.env.npm_lifecycle_event) setInterval(() => { if (process.ppid !== parent) child.kill('SIGTERM'); }, 500).unref();
child.on('exit', (status) => process.exit(status ?? 1));

function must(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (error) console.error(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

/** Chromium's set-user-ID helper, where its sandbox can't do without and it is not set up: the program would only abort. */
function neededHelper(executable) {
  if (process.platform !== 'linux') return undefined;
  const path = join(dirname(executable), 'chrome-sandbox');
  const { uid, mode } = statSync(path, { throwIfNoEntry: false }) ?? {};
  if (uid === undefined || (uid === 0 && (mode & 0o4000) !== 0)) return undefined;
  // What Chromium tries itself (sandbox/linux/services/credentials.cc). Without the program it is left to try.
  const { status, error } = spawnSync('unshare', ['--user', '--map-root-user', 'true'], { stdio: 'ignore' });
  return error !== undefined || status === 0 ? undefined : path;
}

/** Names of shared libraries that the loader would not find; Electron itself would only die with the first. */
function missingLibraries(executable) {
  if (process.platform !== 'linux') return [];
  const { stdout } = spawnSync('ldd', [executable], { encoding: 'utf8' });
  return [...(stdout ?? '').matchAll(/^\s*(\S+) => not found/gm)].map((match) => match[1]);
}
