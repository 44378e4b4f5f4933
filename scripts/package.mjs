#!/usr/bin/env node
/**
 * `npm run package [-- TARGET…]`: the packaged app under dist/ (target "dir" unless others are named).
 * Where Electron's own binary can't be fetched it packs the runtime that scripts/runtime.mjs found.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { electronRuntime } from './runtime.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const targets = process.argv.slice(2);

const built = spawnSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' });
if (built.status !== 0) process.exit(built.status ?? 1);

const runtime = await electronRuntime({ say: (line) => console.error(line) });
const args = ['node_modules/electron-builder/cli.js', '--publish', 'never', ...(targets.length > 0 ? ['--linux', ...targets] : ['--dir'])];
if (runtime.notice) {
  console.error(runtime.notice);
  args.push(`-c.electronDist=${dirname(runtime.executable)}`, `-c.electronVersion=${runtime.version}`);
} else {
  // A fuse that the older runtime does not have, where naming it is an error.
  args.push('-c.electronFuses.grantFileProtocolExtraPrivileges=false');
}
// electron-builder brings an archiver by download; Debian's does the same.
const sevenZip = ['/usr/bin/7za', '/usr/bin/7z'].find((path) => existsSync(path));
const packed = spawnSync(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ...(sevenZip ? { ELECTRON_BUILDER_7ZIP_PATH: sevenZip } : {}) } });
if (packed.status !== 0) process.exit(packed.status ?? 1);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
console.error(`Clutch ${version}: ${readdirSync('dist').map((name) => join('dist', name)).join(', ')}`);
