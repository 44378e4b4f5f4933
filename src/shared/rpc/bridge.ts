import type { DiskErrorData } from '../../engines/core/errors.ts';
import type { SourceToken } from '../contract/calls.ts';

/**
 * What Electron's preload gives the page: channels to the two services, and tokens for dropped files. It takes File objects,
 * which a page can't make for a path of its choice, and no paths.
 */
export interface Bridge {
  /** Asks for a channel to the app ('app') or to an image's host. A PortMessage with the same `id` follows on the window. */
  connect(target: 'app' | number, id: string): void;
  /** @param use to be opened as images, or put into one */
  sourcesOf(files: readonly unknown[], use: 'open' | 'put'): Promise<{ readonly sources: readonly SourceToken[] } | { readonly error: DiskErrorData }>;
}

/** Posted to the window by the preload; the MessagePort is transferred with it unless there is an error. */
export interface PortMessage {
  readonly clutch: 'port';
  readonly id: string;
  readonly error?: DiskErrorData;
}
