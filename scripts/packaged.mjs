/**
 * Looks into a packaged app for everything that it needs to run: what is imported lazily, or read by its path, is missed by nobody before somebody needs it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, posix } from 'node:path';
import { extractFile, listPackage } from '@electron/asar';

/** What the built program asks for and does without: the runtime has the first, ws does without the next two, and fuse-native is for plain Node alone. */
const NOT_PACKED = new Set(['electron', 'bufferutil', 'utf-8-validate', 'fuse-native']);

/** The parts of the built program. */
const PARTS = ['cli', 'host', 'main', 'preload', 'reader', 'renderer', 'winfsp', 'writer'];

/**
 * @param {string} resources folder of app.asar: "dist/linux-unpacked/resources"
 * @param {string} root of the checkout that it was packed from
 * @returns {string[]} a line for each file that is missing or differs, or that the packed program asks for in vain; empty when all is there
 */
export function missingInPackage(resources, root) {
  const archive = join(resources, 'app.asar');
  if (!existsSync(archive)) return [`${archive} is missing`];
  const packed = new Set(listPackage(archive, { isPack: false }).map((path) => path.replaceAll('\\', '/').slice(1)));
  const missing = [];

  const needed = ['package.json', 'LICENSE', ...PARTS.flatMap((part) => filesBelow(root, `out/${part}`)).filter((path) => !path.endsWith('.map'))];
  for (const part of PARTS) if (!existsSync(join(root, 'out', part))) missing.push(`out/${part} is not built`);
  for (const path of needed) if (!packed.has(path)) missing.push(`${path} is not packed`);

  // Programs of the system read these, and they can't look into an archive.
  for (const path of [...filesBelow(root, 'guests'), ...filesBelow(root, 'assets/sample').filter((each) => each.endsWith('.img.gz'))]) {
    const outside = join(`${archive}.unpacked`, path);
    if (!existsSync(outside)) missing.push(`${path} is not unpacked`);
    else if (!readFileSync(outside).equals(readFileSync(join(root, path)))) missing.push(`${path} is not what the checkout has`);
  }

  for (const path of packed) {
    if (!path.startsWith('out/') || !path.endsWith('.cjs')) continue;
    const text = extractFile(archive, path).toString();
    for (const [, name] of text.matchAll(/(?:\brequire|__filename\)\.href\))\(["']([^"'\n]+)["']\)/g)) {
      if (name.startsWith('.')) {
        const at = posix.join(posix.dirname(path), name);
        if (![at, `${at}.cjs`, `${at}.js`, `${at}/index.js`].some((each) => packed.has(each))) missing.push(`${path} asks for ${name}, which is not packed`);
      } else if (!name.startsWith('node:') && !builtinModules.includes(name) && !NOT_PACKED.has(name) && !packed.has(`node_modules/${name}/package.json`)) missing.push(`${path} asks for ${name}, which is not packed`);
    }
  }

  // The library that mounting needs; the loader takes the file of this system from beside it, outside the archive.
  const natives = filesBelow(`${archive}.unpacked`, 'node_modules').filter((path) => path.endsWith('/koffi.node'));
  if (!packed.has('node_modules/koffi/package.json')) missing.push('koffi is not packed');
  if (natives.length === 0) missing.push('koffi.node is not unpacked');
  return missing;
}

/** Paths from `root` with slashes, of all files below a folder. */
function filesBelow(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? filesBelow(root, `${folder}/${entry.name}`) : [`${folder}/${entry.name}`]));
}
