import { BrowserWindow, dialog, nativeTheme, type Rectangle, screen } from 'electron';
import * as v from 'valibot';
import { readJson, writeJson } from '../host/app/json-file.ts';
import { PAGE } from './security.ts';

const SIZE = { width: 1180, height: 740 };
const LEAST = { minWidth: 640, minHeight: 420 };

/** The page's own background, so that a window does not flash in before it is drawn. */
const BACKGROUND = { light: '#ffffff', dark: '#1b1d20' };

/** A page that dies this often within a minute is not reloaded again. */
const MAX_CRASHES = 3;

const integer = v.pipe(v.number(), v.safeInteger());
const schema = v.object({ x: integer, y: integer, width: integer, height: integer, maximized: v.boolean() });
type Bounds = v.InferOutput<typeof schema>;

/**
 * The window, where it was left.
 * @param settings the file that keeps its place
 * @param preload the built preload
 */
export function createWindow(settings: string, preload: string): BrowserWindow {
  const kept = readBounds(settings);
  const window = new BrowserWindow({
    ...SIZE, ...LEAST, ...(kept && isOnScreen(kept) ? { x: kept.x, y: kept.y, width: kept.width, height: kept.height } : {}),
    show: false,
    title: 'Clutch',
    autoHideMenuBar: true,
    backgroundColor: background(),
    webPreferences: {
      preload, sandbox: true, contextIsolation: true, nodeIntegration: false, webviewTag: false, webSecurity: true,
      spellcheck: false, navigateOnDragDrop: false, autoplayPolicy: 'user-gesture-required',
    },
  });
  if (kept?.maximized) window.maximize();
  window.once('ready-to-show', () => window.show());
  const follow = (): void => window.setBackgroundColor(background());
  nativeTheme.on('updated', follow);
  window.on('close', () => writeBounds(settings, placeOf(window)));
  window.on('closed', () => nativeTheme.off('updated', follow));
  reloadAfterCrash(window);
  void window.loadURL(PAGE);
  return window;
}

function background(): string {
  return nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light;
}

/** A fresh page begins empty; images of the old one are closed with its channel. */
function reloadAfterCrash(window: BrowserWindow): void {
  const crashes: number[] = [];
  window.webContents.on('render-process-gone', (_event, { reason }) => {
    if (reason === 'clean-exit' || window.isDestroyed()) return;
    const now = Date.now();
    crashes.push(now);
    if (crashes.filter((at) => now - at < 60_000).length < MAX_CRASHES) window.webContents.reload();
    else dialog.showErrorBox('Clutch', `The window's page ended again and again (${reason}). Please start Clutch anew.`);
  });
}

/** A screen may have gone since. */
function isOnScreen(bounds: Rectangle): boolean {
  return screen.getAllDisplays().some(({ workArea }) => {
    const width = Math.min(bounds.x + bounds.width, workArea.x + workArea.width) - Math.max(bounds.x, workArea.x);
    const height = Math.min(bounds.y + bounds.height, workArea.y + workArea.height) - Math.max(bounds.y, workArea.y);
    return width > 100 && height > 100;
  });
}

/** None yet, or damaged: the window opens where the system puts it. */
function readBounds(file: string): Bounds | undefined {
  const { success, output } = v.safeParse(schema, readJson(file));
  return success ? output : undefined;
}

function placeOf(window: BrowserWindow): Bounds {
  const { x, y, width, height } = window.getNormalBounds();
  return { x, y, width, height, maximized: window.isMaximized() };
}

function writeBounds(file: string, bounds: Bounds): void {
  try {
    writeJson(file, bounds);
  } catch (error) {
    console.error('clutch: the place of the window could not be kept:', error);
  }
}
