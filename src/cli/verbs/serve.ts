import { spawn } from 'node:child_process';
import { openSource } from '../../host/sources/image.ts';
import { serve as startServer } from '../../host/serve/index.ts';
import { EXIT, UsageError } from '../exit.ts';
import { stderr, stdout } from '../streams.ts';
import { counted } from '../text.ts';

export interface ServeOptions {
  readonly port?: string;
  readonly open?: boolean;
}

/** Serves the window to a browser of this computer until it is stopped. */
export async function serve(images: readonly string[], options: ServeOptions): Promise<number> {
  const port = options.port === undefined ? 0 : Number(options.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new UsageError(`--port takes a number up to 65535, not "${options.port}"`);
  // An image that can't be opened is told here, not only in the page.
  for (const image of images) openSource(image).device.close();
  const served = await startServer({ images, port });
  stdout.line(served.url);
  stdout.flush();
  stderr.line('clutch: the address works once, in one browser of this computer. Ctrl-C ends it.');
  stderr.flush();
  if (options.open) openBrowser(served.url);
  await new Promise<void>((stop) => {
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop());
    let warned = false;
    process.on('SIGINT', () => {
      if (served.pending === 0 || warned) return stop();
      warned = true;
      stderr.line(`clutch: there are changes in ${counted(served.pending, 'image')} that were not applied. Apply them in the browser, or press Ctrl-C again to discard them.`);
      stderr.flush();
    });
  });
  await served.close();
  return EXIT.done;
}

function openBrowser(url: string): void {
  const [command, ...args] = process.platform === 'darwin' ? ['open'] : process.platform === 'win32' ? ['cmd', '/c', 'start', ''] : ['xdg-open'];
  const child = spawn(command!, [...args, url], { stdio: 'ignore', detached: true });
  child.on('error', (error) => {
    stderr.line(`clutch: no browser could be started (${error.message}); open the address yourself`);
    stderr.flush();
  });
  child.unref();
}
