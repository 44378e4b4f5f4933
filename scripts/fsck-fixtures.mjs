#!/usr/bin/env node
/**
 * Our check of ext2/3/4 beside e2fsck, over the damaged images of e2fsprogs' own tests: exit classes, what e2fsck says of our repairs, and files lost.
 *   npm run fsck-fixtures [-- WORD…] [--verbose] [--quick] [--image FILE…]
 *   npm run fsck-fixtures -- --damage N [--seed S] [--from I] [--keep FILE] [WORD…]
 * Words are parts of image names; --image takes other images, --quick leaves the comparison of files out. --damage takes N sound images that are
 * damaged at random, from number I on: a seed and a number always give the same image. Exit: 0 when nothing differs.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createServer } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const { values, positionals } = parseArgs({ allowPositionals: true, options: {
  verbose: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false }, image: { type: 'string', multiple: true, default: [] },
  damage: { type: 'string' }, seed: { type: 'string', default: '1' }, from: { type: 'string', default: '0' }, keep: { type: 'string' },
} });
const server = await createServer({ configFile: false, root, logLevel: 'error', appType: 'custom', optimizeDeps: { noDiscovery: true }, server: { middlewareMode: true, hmr: false, ws: false, watch: null } });
const { main } = await server.ssrLoadModule(`${root}src/engines/testing/fsck/main.ts`);
const { keep } = values;
const damage = values.damage === undefined ? {} : { damage: { count: Number(values.damage), seed: Number(values.seed), from: Number(values.from), ...(keep === undefined ? {} : { keep }) } };
process.exitCode = await main({ words: positionals, images: values.image, verbose: values.verbose, quick: values.quick, ...damage });
await server.close();
