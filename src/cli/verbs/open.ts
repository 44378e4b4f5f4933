import { existsSync } from 'node:fs';
import { EXIT, RefusedError, UsageError } from '../exit.ts';
import { selectFilesystem, withImage } from '../open.ts';
import { stderr, stdout } from '../streams.ts';
import { hasDisplay, openWindow } from '../window.ts';
import { printInfo } from './info.ts';
import { ls } from './ls.ts';

/** No verb: the window, or what it would show first where there is none. */
export async function open(image: string | undefined, options: { tty?: boolean; part?: string }): Promise<number> {
  if (image !== undefined && !existsSync(image) && !/[./\\]/.test(image)) throw new UsageError(`"${image}" is neither a verb nor a file\n  See: clutch --help`);
  if (!options.tty && hasDisplay()) return openWindow(image);
  if (image === undefined) {
    if (options.tty) throw new UsageError('--tty needs an image\n  See: clutch --help');
    throw new RefusedError('There is no display to open a window on. To see what is in an image: clutch IMAGE; for the window in a browser: clutch serve');
  }
  const several = await withImage(image, options, async (session) => {
    printInfo(session, session.layers, false);
    try {
      selectFilesystem(session, options.part);
      return undefined;
    } catch (error) {
      return error;
    }
  });
  if (several === undefined) {
    stdout.line();
    return ls(image, [], { long: true, ...(options.part === undefined ? {} : { part: options.part }) });
  }
  if (!(several instanceof UsageError) || options.part !== undefined) throw several;
  stderr.line('clutch: to list one of them: clutch ls IMAGE --part N');
  return EXIT.done;
}
