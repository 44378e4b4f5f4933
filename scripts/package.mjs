#!/usr/bin/env node
/**
 * `npm run package [-- [--output FOLDER] TARGET…]`: the packaged app under dist/ (target "dir" unless others are named), looked through for what it needs.
 * Where Electron's own binary can't be fetched it packs the runtime that scripts/runtime.mjs found.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { missingInPackage } from './packaged.mjs';
import { electronRuntime } from './runtime.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const { values: { output }, positionals: targets } = parseArgs({ options: { output: { type: 'string', default: 'dist' } }, allowPositionals: true });

const built = spawnSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' });
if (built.status !== 0) process.exit(built.status ?? 1);

const runtime = await electronRuntime({ say: (line) => console.error(line) });
const args = ['node_modules/electron-builder/cli.js', '--publish', 'never', `-c.directories.output=${output}`, ...(targets.length > 0 ? ['--linux', ...targets] : ['--dir'])];
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
const missing = readdirSync(output).map((name) => join(output, name, 'resources')).filter((folder) => existsSync(join(folder, 'app.asar'))).flatMap((folder) => missingInPackage(folder, root));
if (missing.length > 0) {
  console.error(['The package is not whole:', ...missing].join('\n  '));
  process.exit(1);
}
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
console.error(`Clutch ${version}: ${readdirSync(output).map((name) => join(output, name)).join(', ')}`);
