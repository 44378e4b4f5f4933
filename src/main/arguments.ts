import { resolve } from 'node:path';
import { absolutePath, isWindowsDisk } from '../host/sources/windows-path.ts';

/**
 * The images that a command line names, as absolute paths.
 * @param argv with the program first; unpackaged, the app's folder comes before the images
 */
export function imagesOf(argv: readonly string[], packaged: boolean, cwd: string): string[] {
  const named: string[] = [];
  for (let i = 1; i < argv.length; i++) {
    // Electron's own "-r MODULE", which tools that drive the app use.
    if (argv[i] === '-r' || argv[i] === '--require') i++;
    else if (!argv[i]!.startsWith('-')) named.push(argv[i]!);
  }
  return named.slice(packaged ? 0 : 1).map((path) => (isWindowsDisk(path) ? absolutePath(path) : resolve(cwd, path)));
}
