#!/usr/bin/env node
/**
 * Pictures for people to look at. Of every view and state of the page, in light, dark, forced colours and at 200 % zoom, with a
 * sheet of all of them: out/screenshots/index.html. Of the real window under Xvfb, for the documentation: docs/*.png.
 * `npm run screenshots -- --views NAME` takes those of some views alone.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const vitest = join(dirname(require.resolve('vitest/package.json')), 'vitest.mjs');
const folder = join(root, 'out/screenshots');
const LOOKS = ['light', 'dark', 'forced', 'zoomed'];

const at = process.argv.indexOf('--views');
const only = at < 0 ? undefined : process.argv[at + 1];

if (only === undefined) rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const views = run([vitest, 'run', 'src/renderer/testing/page.test.ts'], { CLUTCH_SHOTS: folder, ...(only === undefined ? {} : { CLUTCH_VIEWS: only }) });
writeSheet();
console.log(`Every view: ${join(folder, 'index.html')}`);
const pictures = only === undefined ? run([join(root, 'scripts/build.mjs')]) || run([vitest, 'run', '--config', 'e2e/vitest.config.ts', 'e2e/screenshots.e2e.ts'], { CLUTCH_SCREENSHOTS: '1' }) : 0;
process.exit(views || pictures);

function run(args, more = {}) {
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...more } }).status ?? 1;
}

/** One row a view, one column a look. */
function writeSheet() {
  const names = new Set(readdirSync(folder).flatMap((file) => /^(.+)-(?:light|dark|forced|zoomed)\.png$/.exec(file)?.[1] ?? []));
  const rows = [...names].toSorted().map((name) => `<tr><th>${name}</th>${LOOKS.map((look) => `<td><a href="${name}-${look}.png"><img loading="lazy" src="${name}-${look}.png" alt="${name}, ${look}"></a></td>`).join('')}</tr>`);
  writeFileSync(join(folder, 'index.html'), `<!doctype html><meta charset="utf-8"><title>Views of Clutch</title><style>body{font:13px system-ui;background:#888}th{text-align:start;vertical-align:top;padding:8px}img{width:420px;border:1px solid #555}</style><table><tr><th></th>${LOOKS.map((look) => `<th>${look}</th>`).join('')}</tr>${rows.join('\n')}</table>\n`);
}
