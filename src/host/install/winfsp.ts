import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, win32 } from 'node:path';
import { cancelled, corrupt, DiskError, usage } from '../../engines/core/errors.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { type Downloads, digestOf, type Wanted } from '../guests/build/downloads.ts';
import { runProgram } from './programs.ts';
import { findWinfsp, type LookForWinfsp, type WinfspPlace } from './winfsp-place.ts';

export const WINFSP_VERSION = '2.1.25156';

/** WinFsp's own installer of that version. The digest is the one that its release page and Microsoft's winget-pkgs (WinFsp.WinFsp) have. */
export const WINFSP_INSTALLER: Wanted = {
  urls: [`https://github.com/winfsp/winfsp/releases/download/v2.1/winfsp-${WINFSP_VERSION}.msi`],
  // Neither of them says how long it is; versions 1 and 2 have about 2 MB.
  size: 16 << 20, about: true,
  sha256: '073a70e00f77423e34bed98b86e600def93393ba5822204fac57a29324db9f7a',
  title: `WinFsp ${WINFSP_VERSION}`,
  advice: 'Check the network, or install WinFsp by hand: https://winfsp.dev',
};

/** What msiexec ends with, beside 0 (Windows Installer, "MsiExec.exe and InstMsi.exe error messages"). */
const RESTART = new Set([1641, 3010]);
const REFUSED: Readonly<Record<number, DiskError>> = {
  1602: cancelled('The installation was stopped'),
  1618: new DiskError({ kind: 'busy' }, 'Another installation is under way', 'Try again when it is done.'),
  1625: usage('EPERM', "This computer's rules forbid the installation", 'Ask its administrator.'),
  1925: usage('EPERM', 'This account may not install programs', 'Try again as an administrator.'),
};

export interface InstallTools extends LookForWinfsp {
  readonly downloads: Downloads;
  readonly job: JobContext;
  readonly wanted?: Wanted;
}

/** How an installation came out. */
export interface Installed {
  /** 'present': it was there already, and nothing was done. */
  readonly state: 'installed' | 'present';
  readonly version: string;
  readonly restart: boolean;
}

/**
 * Fetches WinFsp's installer, verifies it and runs it; Windows asks the person whether it may. Nothing is done when it is there already.
 * @param force installs it all the same
 * @throws DiskError corrupt when what came is not the installer; io, timeout, usage ENOENT when it can't be fetched; cancelled, busy, usage EPERM
 */
export async function installWinfsp(force: boolean, { downloads, job, wanted = WINFSP_INSTALLER, run = runProgram, ...look }: InstallTools): Promise<Installed> {
  const there = await findWinfsp({ run, ...look });
  if (there !== undefined && !force) return { state: 'present', version: there.version ?? '', restart: false };
  const fetched = await downloads.file(wanted, job);
  const folder = mkdtempSync(join(tmpdir(), 'clutch-install-'));
  try {
    // msiexec goes by the name; and what it runs with an administrator's rights is what was looked at last.
    const installer = join(folder, `winfsp-${WINFSP_VERSION}.msi`);
    copyFileSync(fetched, installer);
    if ((await digestOf(installer, job)) !== wanted.sha256) throw corrupt(wanted.title, 'its digest is not the one that was published for it, so it is not used');
    const msiexec = win32.join((look.env ?? process.env).SystemRoot ?? 'C:\\Windows', 'System32', 'msiexec.exe');
    const { status } = await run(msiexec, installArguments(installer, there));
    if (status === 0 || (status !== undefined && RESTART.has(status))) return { state: 'installed', version: WINFSP_VERSION, restart: status !== 0 };
    throw (status === undefined ? undefined : REFUSED[status]) ?? new DiskError({ kind: 'io' }, `The installer of WinFsp failed (${status ?? 'it could not be started'})`, 'Install WinFsp by hand: https://winfsp.dev');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** /passive shows how far it is, and lets Windows ask for an administrator's consent, which /quiet does not. */
function installArguments(installer: string, there: WinfspPlace | undefined): string[] {
  const again = there?.version?.startsWith(WINFSP_VERSION) === true ? ['REINSTALL=ALL', 'REINSTALLMODE=vamus'] : [];
  return ['/i', installer, '/passive', '/norestart', ...again];
}
