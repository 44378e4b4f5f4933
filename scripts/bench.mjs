#!/usr/bin/env node
/**
 * Measures Clutch beside 7z, debugfs, fls, e2fsck, mke2fs, fuse2fs and the kernel's loop mount, and prints one table; another one for the search.
 *   npm run bench [-- --rounds 5] [--only WORD…] [--against NAME…] [--scratch DIR] [--keep]
 * --only takes words of case names ("extract", "many"), --against names of programs; --scratch a folder to extract to; --keep adds the table to bench/results.md.
 * CLUTCH_CORPUS names a folder with the images (default .cache/corpus; what is missing is made).
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createServer } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' }, only: { type: 'string', multiple: true, default: [] },
    against: { type: 'string', multiple: true, default: [] }, scratch: { type: 'string' }, keep: { type: 'boolean', default: false },
  },
});
// Open to the end: the host imports a format when it meets it.
const server = await createServer({ configFile: false, root, logLevel: 'error', appType: 'custom', optimizeDeps: { noDiscovery: true }, server: { middlewareMode: true, hmr: false, ws: false, watch: null } });
const module = await server.ssrLoadModule(`${root}bench/bench.ts`);
await module.bench({ root, rounds: Number(values.rounds), only: values.only, against: values.against, scratch: values.scratch, keep: values.keep });
await server.close();
