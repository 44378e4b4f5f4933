import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { extname, join } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml',
  '.png': 'image/png', '.woff2': 'font/woff2', '.json': 'application/json', '.map': 'application/json',
};

/**
 * What a page may load: itself, and pictures that it made of bytes of the image. Nothing remote, nothing inline.
 * React Aria and the virtual list set styles through the DOM, which this does not concern.
 */
export const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin', 'cross-origin-resource-policy': 'same-origin', 'cache-control': 'no-store',
};

/** The page's file for a URL path, or undefined where it is none: only plain names below the folder are looked at. */
export function pageFile(folder: string, path: string): string | undefined {
  if (path === '/') return join(folder, 'index.html');
  return /^(?:\/[\w-][\w.-]*)+$/.test(path) ? join(folder, path) : undefined;
}

/** The media type of a page's file by its extension. */
export function pageType(extension: string): string {
  return TYPES[extension] ?? 'application/octet-stream';
}

/** Sends a file of the built page. */
export async function sendPage(folder: string, path: string, response: ServerResponse): Promise<void> {
  const file = pageFile(folder, path);
  const bytes = file === undefined ? undefined : await readFile(file).catch(() => undefined);
  if (file === undefined || bytes === undefined) {
    response.writeHead(404, { ...HEADERS, 'content-type': 'text/plain' }).end('Not found\n');
    return;
  }
  response.writeHead(200, { ...HEADERS, 'content-type': pageType(extname(file)) }).end(bytes);
}
