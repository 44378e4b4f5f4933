import { toDiskError, unsupported } from '../../engines/core/errors.ts';
import type { MountProviderId, MountProviderRow, MountWay } from '../../shared/contract/mounts.ts';
import type { MountProvider } from './provider.ts';

/** A way to mount that is loaded when it is looked at. */
export interface ProviderEntry extends MountWay {
  load(): Promise<MountProvider>;
}

/** All of them, the one that is taken first before the others: WebDAV, which serves everywhere and knows least of what a file is, comes last. */
export const mountProviders: readonly ProviderEntry[] = [
  {
    id: 'fuse', title: 'FUSE', summary: 'A folder of this computer, by the kernel of Linux. Programs see everything that files have: owners, permissions, links, attributes.',
    systems: { Linux: 'the kernel, as root and by fusermount3' },
    load: async () => (await import('./fuse.ts')).fuseProvider,
  },
  {
    id: 'fuse-native', title: 'FUSE by libfuse', summary: 'A folder through libfuse, for macOS with macFUSE, where it is not tried yet; from the command line alone. Times can not be set, and are seen to the millisecond.',
    systems: { Linux: 'libfuse 2', macOS: '' },
    load: async () => (await import('./fuse-native/index.ts')).fuseNativeProvider,
  },
  {
    id: 'winfsp', title: 'WinFsp', summary: 'A drive of Windows, by the driver WinFsp, which clutch install fetches. Not tried on Windows yet: what it is made of is tested elsewhere.',
    systems: { Windows: '' },
    load: async () => (await import('./winfsp/index.ts')).winfspProvider(),
  },
  {
    id: 'webdav', title: 'WebDAV', summary: 'A server on this computer alone, which the desktop, davfs2, the Finder or Windows makes a folder or drive of. Needs nothing installed; links, owners and attributes are not seen.',
    systems: { Linux: 'davfs2, litmus and curl; not the desktop\'s own (gvfs)', macOS: '', Windows: '' },
    load: async () => (await import('./webdav.ts')).webdavProvider,
  },
];

/** The ways to mount, and whether each can be used here. */
export function providerRows(entries: readonly ProviderEntry[] = mountProviders): Promise<MountProviderRow[]> {
  return Promise.all(entries.map(async ({ id, title, summary, load }): Promise<MountProviderRow> => {
    try {
      return { id, title, summary, available: await (await load()).available() };
    } catch (error) {
      return { id, title, summary, available: { ok: false, reason: toDiskError(error).message } };
    }
  }));
}

/**
 * The way that is asked for, or the first one that can be used here.
 * @throws DiskError unsupported, with the reasons
 */
export async function chooseProvider(id: MountProviderId | undefined, entries: readonly ProviderEntry[] = mountProviders): Promise<MountProvider> {
  const reasons: string[] = [];
  for (const entry of entries) {
    if (id !== undefined && entry.id !== id) continue;
    const [row] = await providerRows([entry]);
    if (row!.available.ok) return entry.load();
    reasons.push(`${entry.title}: ${row!.available.reason}`);
  }
  if (id !== undefined) throw unsupported(id, reasons[0] ?? `There is no way to mount called "${id}" in this version`);
  throw unsupported('mount', 'Nothing here can make a volume a folder or a drive', reasons.join('\n  '));
}
