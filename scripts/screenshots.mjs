#!/usr/bin/env node
/** Takes the pictures of the documentation: docs/window.png and docs/window-dark.png, of the real window under Xvfb. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const vitest = join(dirname(require.resolve('vitest/package.json')), 'vitest.mjs');

const steps = [
  [[join(root, 'scripts/build.mjs')], {}],
  [[vitest, 'run', '--config', 'e2e/vitest.config.ts', 'e2e/screenshots.e2e.ts'], { CLUTCH_SCREENSHOTS: '1' }],
];
for (const [args, more] of steps) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...more } });
  if (status !== 0) process.exit(status ?? 1);
}
