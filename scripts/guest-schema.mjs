#!/usr/bin/env node
/** Writes guests/guest.schema.json, the published JSON schema of guest.yml, from the one that checks manifests: node scripts/guest-schema.mjs */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));
const server = await createServer({ root, configFile: false, logLevel: 'warn', server: { middlewareMode: true, hmr: false, ws: false }, optimizeDeps: { noDiscovery: true } });
try {
  const { guestJsonSchema } = await server.ssrLoadModule('/src/host/guests/testing/json-schema.ts');
  writeFileSync(fileURLToPath(new URL('../guests/guest.schema.json', import.meta.url)), guestJsonSchema());
} finally {
  await server.close();
}
