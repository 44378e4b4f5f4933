import { contextBridge, ipcRenderer, webUtils } from 'electron';
import type { Bridge, PortMessage } from '../shared/rpc/bridge.ts';

/** Newer Electron knows a dropped file's path through webUtils, older ones by a property of the file. A file that a page made has none. */
function pathOf(file: unknown): string {
  if (!(file instanceof File)) return '';
  const utils: { getPathForFile?(file: File): string } | undefined = webUtils;
  return utils?.getPathForFile?.(file) ?? (file as File & { readonly path?: string }).path ?? '';
}

const bridge: Bridge = {
  connect: (target, id) => ipcRenderer.send('clutch:connect', target, id),
  sourcesOf: (files, use) => ipcRenderer.invoke('clutch:sources', files.map((file) => pathOf(file)), use),
};
contextBridge.exposeInMainWorld('clutch', bridge);

ipcRenderer.on('clutch:port', (event, message: PortMessage) => {
  // Ports can't pass the bridge; the page's own window can be given them.
  window.postMessage(message, location.origin, [...event.ports]);
});
