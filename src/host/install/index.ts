import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type InstallTools, installWinfsp } from './winfsp.ts';

/** What mounting by a driver of the system needs, and what came of getting it. */
export interface InstallReport {
  /** "WinFsp". */
  readonly what: string;
  /** 'missing': the person has to install it; `advice` says how. */
  readonly state: 'installed' | 'present' | 'missing';
  readonly version?: string;
  readonly advice?: string;
}

export interface InstallPlatform {
  readonly platform?: NodeJS.Platform;
  readonly exists?: (path: string) => boolean;
  readonly path?: string;
}

/**
 * Installs what mounts need. On Windows that is WinFsp; elsewhere the system's own packages bring it, and it is said which.
 * @throws DiskError as installWinfsp
 */
export async function install(force: boolean, tools: InstallTools & InstallPlatform): Promise<InstallReport> {
  const { platform = process.platform, exists = existsSync, path = process.env.PATH ?? '' } = tools;
  switch (platform) {
    case 'win32': {
      const { state, version, restart } = await installWinfsp(force, tools);
      return { what: 'WinFsp', state, ...(version === '' ? {} : { version }), ...(restart ? { advice: 'Windows must be started again before it can be used.' } : {}) };
    }
    case 'darwin':
      if (exists('/Library/Filesystems/macfuse.fs')) return { what: 'macFUSE', state: 'present' };
      return { what: 'macFUSE', state: 'missing', advice: 'Install it from https://macfuse.github.io, or by: brew install --cask macfuse. Without it volumes are mounted by WebDAV.' };
    default: {
      const mounts = [...path.split(delimiter), '/usr/bin', '/bin'].some((folder) => exists(join(folder, 'fusermount3')));
      if (!mounts) return { what: 'fuse3', state: 'missing', advice: "Install your distribution's package fuse3: sudo apt install fuse3, sudo dnf install fuse3, sudo pacman -S fuse3. Without it volumes are mounted by WebDAV, or by root." };
      if (!exists('/dev/fuse')) return { what: 'fuse3', state: 'missing', advice: 'It is installed, but the kernel has no FUSE: as root, modprobe fuse; in a container it must be given /dev/fuse.' };
      return { what: 'fuse3', state: 'present' };
    }
  }
}
