import type { AppContract, HostContract, SourceToken } from '../../shared/contract/calls.ts';
import type { Client } from '../../shared/rpc/types.ts';
import type { ImageInfo, LayerRow } from '../../shared/contract/rows.ts';

export type AppClient = Client<AppContract>;
export type HostClient = Client<HostContract>;
export type ErrorData = NonNullable<LayerRow['error']>;
export type Note = ImageInfo['layers'][number]['notes'][number];

/** How the window reaches the rest: Electron's ports, a WebSocket, or a test's own. */
export interface Services {
  readonly app: AppClient;
  connectHost(image: number): Promise<HostClient>;
  /** Tokens of files that were dropped on the window, to be opened as images unless they are to be put into one; empty where the client may not know their paths. */
  sourcesOfFiles(files: readonly File[], use?: 'open' | 'put'): Promise<readonly SourceToken[]>;
}

let current: Services | undefined;

export function provideServices(provided: Services): void {
  current = provided;
}

export function services(): Services {
  if (current === undefined) throw new Error('provideServices() comes first');
  return current;
}

/** Any rejection as plain error data. */
export function errorOf(error: unknown): ErrorData {
  if (typeof error === 'object' && error !== null && 'fault' in error && 'message' in error) {
    const { fault, message, advice } = error as ErrorData;
    return advice === undefined ? { fault, message } : { fault, message, advice };
  }
  return { fault: { kind: 'io' }, message: error instanceof Error ? error.message : String(error) };
}

export function isCancelled(error: unknown): boolean {
  return errorOf(error).fault.kind === 'cancelled' || (error instanceof Error && error.name === 'AbortError');
}
