import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * What is not bundled: the platform, koffi (it loads a native library from beside itself) and the two optional
 * addons that ws asks for and does without.
 */
const EXTERNAL = ['electron', 'koffi', 'bufferutil', 'utf-8-validate', /^node:/, ...builtinModules];

/**
 * How one entry of the Node side is built: CommonJS for Node 18 (Electron's preload and utility processes and plain Node alike),
 * everything else bundled, and what is imported lazily kept as a chunk, so that a start loads only what it uses.
 * @param {{ source: string, out: string, single?: boolean }} entry paths from the repository's root; `single`: one file without chunks
 * @param {string} outDir where to write
 * @returns {import('vite').InlineConfig}
 */
export function nodeConfig(entry, outDir) {
  const file = entry.out.slice(entry.out.lastIndexOf('/') + 1);
  return {
    configFile: false,
    root: fileURLToPath(new URL('.', import.meta.url)),
    publicDir: false,
    logLevel: 'warn',
    ssr: { noExternal: true },
    build: {
      ssr: entry.source,
      target: 'node18',
      outDir,
      emptyOutDir: true,
      minify: false,
      sourcemap: true,
      rolldownOptions: {
        external: EXTERNAL,
        output: {
          format: 'cjs',
          exports: 'named',
          entryFileNames: file,
          chunkFileNames: 'chunks/[name].cjs',
          ...(entry.single ? { codeSplitting: false } : {}),
        },
      },
    },
  };
}
