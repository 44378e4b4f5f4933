import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { absolutePath } from '../host/sources/windows-path.ts';
import { EXIT, RefusedError } from './exit.ts';

/** Whether a window can be shown: on Linux and its like only with an X or Wayland server. */
export function hasDisplay(environment: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): boolean {
  if (platform === 'win32' || platform === 'darwin') return true;
  return Boolean(environment.DISPLAY) || Boolean(environment.WAYLAND_DISPLAY);
}

const ignore = () => {};

/** Opens the window, with an image, and waits until it is closed. In a checkout exactly as `npm start` does. */
export async function openWindow(image: string | undefined): Promise<number> {
  const images = image === undefined ? [] : [absolutePath(image)];
  const { command, args, env } = windowCommand();
  const child = spawn(command, [...args, ...images], { stdio: 'inherit', env });
  // Ctrl-C reaches the whole group: the window closes by itself, and we end with it.
  process.on('SIGINT', ignore);
  try {
    return await new Promise<number>((done, failed) => {
      child.once('error', (error) => failed(new RefusedError(`The window could not be started: ${error.message}`)));
      child.once('exit', (code, signal) => done(code ?? (signal === 'SIGINT' ? EXIT.interrupted : EXIT.failed)));
    });
  } finally {
    process.off('SIGINT', ignore);
  }
}

function windowCommand(): { command: string; args: string[]; env: NodeJS.ProcessEnv } {
  const { ELECTRON_RUN_AS_NODE: _, ...env } = process.env;
  // Installed, this program is the app itself, run as Node.
  if (process.versions.electron !== undefined) return { command: process.execPath, args: [], env };
  const start = join(projectRoot(), 'scripts/start.mjs');
  if (!existsSync(start)) throw new RefusedError('The window is not part of this installation; try: clutch serve');
  return { command: process.execPath, args: [start], env };
}

/** The folder of package.json, above the built file wherever that is. */
function projectRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
