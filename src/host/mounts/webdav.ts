import { displayName } from '../../engines/core/names.ts';
import type { MountStats, MountUser } from '../../shared/contract/mounts.ts';
import type { Mount, MountEnd, MountProvider, MountRequest } from './provider.ts';
import type { ClientMount, ClientMounter } from './webdav-client.ts';
import { findDavfs, mountDavfs } from './webdav-davfs.ts';
import { mountGvfs, mountMac, mountWindows } from './webdav-desktop.ts';
import { WebdavServer } from './webdav-server.ts';

/** Mounts as a WebDAV server of this computer, which the system makes a folder or drive of where it can. */
export const webdavProvider: MountProvider = {
  id: 'webdav',
  // The server itself needs nothing.
  available: async () => ({ ok: true }),
  async mount(request) {
    const { tree, title, direct } = request;
    const server = await WebdavServer.start({ tree, title: titleFor(title), ...(direct ? { direct } : {}) });
    try {
      const client = await clientFor(process.platform)(request, server.gate);
      return new WebdavMount(server, client);
    } catch (error) {
      await server.close({ cut: true });
      throw error;
    }
  },
};

/** The client that this system has. */
function clientFor(platform: NodeJS.Platform): ClientMounter {
  if (platform === 'linux') return mountLinux;
  if (platform === 'darwin') return mountMac;
  if (platform === 'win32') return mountWindows;
  return async () => ({ advice: 'Open the address with a program that speaks WebDAV.' });
}

/** The session's own folder, or davfs2 as root: that alone can mount at a place that was asked for. */
async function mountLinux(request: MountRequest, gate: WebdavServer['gate']): Promise<ClientMount | { readonly advice: string }> {
  const desktop = request.at === undefined ? await mountGvfs(gate) : undefined;
  if (desktop !== undefined && 'at' in desktop) return desktop;
  const davfs = await findDavfs();
  if (davfs !== undefined) return mountDavfs(davfs, request, gate);
  const reason = desktop?.advice ?? 'Only root can mount it at a folder, with davfs2.';
  return { advice: `${reason} Open the address with a program that speaks WebDAV: in a file manager as ${gate.secretUrl.replace('http:', 'dav:')}.` };
}

/** A name for the last part of the address: no part of it can be a "/". */
function titleFor(title: string): string {
  const name = displayName(title).replaceAll(/[/\\]/g, '_').trim();
  return name === '' || /^\.+$/.test(name) ? 'volume' : name;
}

class WebdavMount implements Mount {
  readonly provider = 'webdav';
  readonly at: string;
  readonly mounted: boolean;
  readonly advice?: string;
  readonly ended: Promise<MountEnd>;
  readonly #server: WebdavServer;
  readonly #client: ClientMount | undefined;
  #end!: (how: MountEnd) => void;
  #isEnded = false;

  constructor(server: WebdavServer, client: ClientMount | { readonly advice: string }) {
    this.#server = server;
    this.ended = new Promise((resolve) => { this.#end = resolve; });
    this.mounted = 'at' in client;
    if ('at' in client) {
      this.#client = client;
      this.at = client.at;
      void client.ended.then((failure) => this.#finish(failure));
    } else {
      this.at = server.gate.secretUrl;
      this.advice = client.advice;
    }
  }

  stats(): MountStats {
    return this.#server.stats;
  }

  async users(): Promise<readonly MountUser[]> {
    return this.#isEnded || this.#client === undefined ? [] : this.#client.users();
  }

  async unmount({ lazy = false }: { readonly lazy?: boolean } = {}): Promise<void> {
    if (this.#isEnded) return;
    if (this.#client === undefined) return this.#finish(undefined);
    await this.#client.unmount(lazy);
    // Those who have something open are served until they let it go.
    if (!lazy) await this.ended;
  }

  async #finish(failure: string | undefined): Promise<void> {
    await this.#server.close();
    this.#isEnded = true;
    this.#end(failure === undefined ? { how: 'unmounted' } : { how: 'failed', message: failure });
  }
}
