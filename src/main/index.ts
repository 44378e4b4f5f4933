import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { app, type BrowserWindow, clipboard, dialog, ipcMain, MessageChannelMain, type MessagePortMain, nativeTheme, shell } from 'electron';
import { version } from '../../package.json';
import { toDiskError, usage } from '../engines/core/errors.ts';
import { App } from '../host/app/service.ts';
import { findBuilt } from '../host/built.ts';
import type { PortMessage } from '../shared/rpc/bridge.ts';
import { portTransport } from '../shared/rpc/transports/port.ts';
import { imagesOf } from './arguments.ts';
import { Attention } from './attention.ts';
import { DragOut } from './drag-out.ts';
import { startImageProcess } from './image-process.ts';
import { NO_COMMANDS, setMenu } from './menu.ts';
import { declareScheme, hardenContents, hardenSession, isOurPage } from './security.ts';
import { createWindow } from './window.ts';

/** Paths that one drop may name. */
const MAX_DROPPED = 256;

declareScheme();
const images = imagesOf(process.argv, app.isPackaged, process.cwd());
// One app for one person: a second start hands its images over and ends.
if (app.requestSingleInstanceLock({ images })) void main();
else void leave();

/** Another start has the lock, or nobody can have it: it lies in the folder of settings, which may be root's since somebody used sudo. */
async function leave(): Promise<void> {
  const folder = app.getPath('userData');
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    app.quit();
  } catch {
    const why = `Clutch can't start: its settings can't be written to ${folder}\n  Make that folder yours again: a start with sudo may have made it root's.`;
    console.error(why);
    await app.whenReady();
    dialog.showErrorBox('Clutch', why);
    app.exit(1);
  }
}

async function main(): Promise<void> {
  const built = findBuilt();
  const drags = new DragOut();
  let window: BrowserWindow | undefined;
  const attention = new Attention(() => window);
  let commands = NO_COMMANDS;

  const clutch = new App<MessagePortMain>({
    info: { version, client: 'electron', platform: process.platform, dialogs: 'native', dragOut: true },
    folder: app.getPath('userData'),
    session: true,
    startProcess: () => startImageProcess(built.host),
    ...(built.sample === undefined ? {} : { sample: built.sample }),
    pickImages: async () => {
      const { canceled, filePaths } = await ask({ title: 'Open image', properties: ['openFile', 'multiSelections'] });
      return canceled ? [] : filePaths;
    },
    pickFolder: async () => {
      const { canceled, filePaths } = await ask({ title: 'Choose folder', properties: ['openDirectory', 'createDirectory'] });
      return canceled ? undefined : filePaths[0];
    },
    async pickToPut(what) {
      const { canceled, filePaths } = await ask({ title: what === 'files' ? 'Add files' : 'Add folders', properties: [what === 'files' ? 'openFile' : 'openDirectory', 'multiSelections', 'showHiddenFiles'] });
      return canceled ? [] : filePaths;
    },
    async pickSave(name) {
      const options = { title: 'Save', defaultPath: name, properties: ['createDirectory', 'showOverwriteConfirmation'] } satisfies Electron.SaveDialogOptions;
      const { canceled, filePath } = await (window ? dialog.showSaveDialog(window, options) : dialog.showSaveDialog(options));
      return canceled || filePath === '' ? undefined : filePath;
    },
    async showFolder(folder) {
      const failure = await shell.openPath(folder);
      if (failure !== '') throw new Error(failure);
    },
    copyText: (text) => clipboard.writeText(text),
    pasteText() {
      // Only the person who works in the window can have asked: a page that went bad must not read along what is copied elsewhere.
      if (window?.isFocused() !== true) throw usage('EACCES', 'The clipboard is read only while the window is used', 'Click into the window and try again, or paste the text into the field.');
      return clipboard.readText();
    },
    async drag(host, params) {
      if (window) await drags.start(host, params, window.webContents);
    },
    onProgress: (progress) => attention.progress(progress),
    notify: (notice) => attention.notify(notice),
    showFile: (file) => shell.showItemInFolder(file),
    onMenu(menu) {
      commands = menu;
      showMenu();
    },
    onRecents: showMenu,
    onSettings: ({ theme }) => { nativeTheme.themeSource = theme; },
  });
  nativeTheme.themeSource = clutch.settings.theme;

  function ask(options: Electron.OpenDialogOptions): Promise<Electron.OpenDialogReturnValue> {
    return window ? dialog.showOpenDialog(window, options) : dialog.showOpenDialog(options);
  }

  function showMenu(): void {
    setMenu(commands, clutch.recentPaths(), { command: (command) => clutch.tell({ event: 'command', command }), openRecent: (path) => open([path]) });
  }

  function showWindow(): void {
    if (window) {
      if (window.isMinimized()) window.restore();
      window.focus();
      return;
    }
    window = createWindow(join(app.getPath('userData'), 'window.json'), fileURLToPath(new URL('../preload/preload.cjs', import.meta.url)));
    window.on('closed', () => { window = undefined; });
    window.webContents.on('render-process-gone', (_event, { reason }) => {
      if (reason !== 'clean-exit') clutch.forgetSession();
    });
  }

  function open(paths: readonly string[]): void {
    clutch.open(paths);
    if (app.isReady()) showWindow();
  }

  hardenContents();
  open(images);
  app.on('second-instance', (_event, _argv, _cwd, data) => {
    const { images: more } = (data ?? {}) as { images?: unknown };
    open(Array.isArray(more) ? more.filter((path) => typeof path === 'string') : []);
  });
  app.on('open-file', (event, path) => {
    event.preventDefault();
    open([path]);
  });
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit();
  });
  app.on('activate', showWindow);

  // Images' processes are closed before the app ends, so that what they write is whole.
  let closed = false;
  app.on('will-quit', (event) => {
    if (closed) return;
    event.preventDefault();
    void clutch.close().finally(() => {
      drags.clear();
      closed = true;
      // In a turn of its own: while this event is still being handled, a second quit counts for nothing.
      setImmediate(() => app.quit());
    });
  });

  ipcMain.on('clutch:connect', (event, target: unknown, id: unknown) => {
    if (!isOurPage(event) || typeof id !== 'string' || id.length > 64) return;
    const answer: PortMessage = { clutch: 'port', id };
    try {
      const { port1, port2 } = new MessageChannelMain();
      if (target === 'app') clutch.connect(portTransport(port1));
      else clutch.host(Number(target)).connect(port1);
      event.senderFrame?.postMessage('clutch:port', answer, [port2]);
    } catch (error) {
      event.senderFrame?.postMessage('clutch:port', { ...answer, error: toDiskError(error).toJSON() });
    }
  });
  // Files that were dropped on the page; only the preload sees their paths.
  ipcMain.handle('clutch:sources', (event, paths: unknown, use: unknown) => {
    if (!isOurPage(event) || !Array.isArray(paths) || paths.length > MAX_DROPPED) return { sources: [] };
    const named = paths.filter((path) => typeof path === 'string' && path !== '');
    return { sources: use === 'put' ? named.map((path) => clutch.tokenOf(path, 'put')) : clutch.sourcesOf(named) };
  });

  await app.whenReady();
  hardenSession(built.renderer);
  showMenu();
  showWindow();
}
