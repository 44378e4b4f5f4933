import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { app, type IpcMainEvent, type IpcMainInvokeEvent, protocol, session, type WebContents } from 'electron';
import { HEADERS, pageFile, pageType } from '../host/serve/pages.ts';

/** Where the page lives: a scheme of our own, so that it has an origin, and file: has none of its powers. */
const ORIGIN = 'app://clutch';
export const PAGE = `${ORIGIN}/`;

/** Requests of the page's that go anywhere: itself, and what it made in memory. */
const ALLOWED = /^(app:\/\/clutch\/|blob:app:\/\/clutch\/|data:|devtools:)/;

/** Before the app is ready. */
export function declareScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } }]);
}

/** Serves the page, and denies it and everything in it all else: other addresses, permissions, devices. @param folder of the built page */
export function hardenSession(folder: string): void {
  const { defaultSession } = session;
  defaultSession.protocol.handle('app', async (request) => {
    const { host, pathname } = new URL(request.url);
    const file = host === 'clutch' && request.method === 'GET' ? pageFile(folder, pathname) : undefined;
    const bytes = file === undefined ? undefined : await readFile(file).catch(() => undefined);
    if (file === undefined || bytes === undefined) return new Response('Not found\n', { status: 404, headers: { ...HEADERS, 'content-type': 'text/plain' } });
    return new Response(new Uint8Array(bytes), { headers: { ...HEADERS, 'content-type': pageType(extname(file)) } });
  });
  defaultSession.webRequest.onBeforeRequest((details, answer) => answer({ cancel: !ALLOWED.test(details.url) }));
  defaultSession.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  defaultSession.setPermissionCheckHandler(() => false);
  defaultSession.setDevicePermissionHandler(() => false);
  defaultSession.on('will-download', (event) => event.preventDefault());
}

/** For every page that is ever made: it stays where it is, opens no windows and embeds nothing. A dropped file is a navigation too. */
export function hardenContents(): void {
  app.on('web-contents-created', (_event, contents: WebContents) => {
    contents.setWindowOpenHandler(() => ({ action: 'deny' }));
    contents.on('will-navigate', (event) => event.preventDefault());
    contents.on('will-redirect', (event) => event.preventDefault());
    contents.on('will-attach-webview', (event) => event.preventDefault());
  });
}

/** Whether a message came from our own page itself, not from a frame in it and not from a page that took its place. */
export function isOurPage(event: IpcMainEvent | IpcMainInvokeEvent): boolean {
  const { senderFrame, sender } = event;
  return senderFrame !== null && senderFrame === sender.mainFrame && senderFrame.url.startsWith(PAGE);
}
