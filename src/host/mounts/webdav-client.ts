import type { MountUser } from '../../shared/contract/mounts.ts';
import type { MountRequest } from './provider.ts';
import type { WebdavGate } from './webdav-gate.ts';

/** A program of the system that has made a folder or drive of the server. */
export interface ClientMount {
  /** Absolute path, or a drive. */
  readonly at: string;
  users(): Promise<readonly MountUser[]>;
  /**
   * What programs wrote has arrived at the server when it returns.
   * @throws DiskError busy; io with what the system's tool said
   */
  unmount(lazy: boolean): Promise<void>;
  /** Resolves when nothing of it is left, whoever ended it. @returns what is wrong, for the person */
  readonly ended: Promise<string | undefined>;
}

/**
 * Makes a folder or drive of a server.
 * @returns why it can't, for the person, where that is no mistake of his: the address is all there is then
 * @throws DiskError usage for the place that was asked for
 */
export type ClientMounter = (request: MountRequest, gate: WebdavGate) => Promise<ClientMount | { readonly advice: string }>;
