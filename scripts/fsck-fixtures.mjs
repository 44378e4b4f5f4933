#!/usr/bin/env node
/**
 * Our check of ext2/3/4 beside e2fsck, over the damaged images of e2fsprogs' own tests: exit classes, what e2fsck says of our repairs, and files lost.
 *   npm run fsck-fixtures [-- WORD…] [--verbose] [--quick] [--image FILE…]
 * Words are parts of image names; --image takes other images, --quick leaves the comparison of files out. Exit: 0 when nothing differs.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createServer } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const { values, positionals } = parseArgs({ allowPositionals: true, options: { verbose: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false }, image: { type: 'string', multiple: true, default: [] } } });
const server = await createServer({ configFile: false, root, logLevel: 'error', appType: 'custom', optimizeDeps: { noDiscovery: true }, server: { middlewareMode: true, hmr: false, ws: false, watch: null } });
const { main } = await server.ssrLoadModule(`${root}src/engines/testing/fsck/main.ts`);
process.exitCode = await main({ words: positionals, images: values.image, verbose: values.verbose, quick: values.quick });
await server.close();
