import { createHash } from 'node:crypto';
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { unsupported } from '../../engines/core/errors.ts';
import type { GuestManifest } from './manifest.ts';

/** A program that plays the machine: QEMU, or in tests one that stands in for it. */
export interface MachineProgram {
  readonly command: string;
  /** Before QEMU's own arguments. */
  readonly args: readonly string[];
}

/** Where installers put it that set no PATH. */
const PLACES: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = { darwin: ['/opt/homebrew/bin', '/usr/local/bin', '/opt/local/bin'] };

/** How people get it. */
const ADVICE: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: 'Install it from the distribution: qemu-system-x86 (Debian, Ubuntu), qemu (Arch), qemu-kvm (Fedora).', darwin: 'Install it with: brew install qemu',
};

/** @throws DiskError unsupported, with how to get it */
export function findQemu(architecture: GuestManifest['architecture']): MachineProgram {
  if (process.platform === 'win32') throw unsupported('guests', 'Guests do not run on Windows yet: QEMU there takes no connections that only we can use');
  const name = `qemu-system-${architecture}`;
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), ...(PLACES[process.platform] ?? [])]) {
    if (folder === '') continue;
    const command = join(folder, name);
    try {
      accessSync(command, constants.X_OK);
      if (statSync(command).isFile()) return { command, args: [] };
    } catch {
      // Not here.
    }
  }
  throw unsupported('qemu', `${name} is not installed`, ADVICE[process.platform] ?? `Install QEMU, so that ${name} is found.`);
}

/**
 * What tells one build of QEMU from another without starting it, which would take a tenth of a warm start: where the program lies, its size and
 * its time. An update changes them.
 */
export function programKey({ command, args }: MachineProgram): string {
  const files = [command, ...args.filter((arg) => arg.startsWith('/'))].map((path) => {
    const real = realpathSync(path);
    const { size, mtimeMs } = statSync(real);
    return `${real} ${size} ${mtimeMs}`;
  });
  return createHash('sha256').update(files.join('\n')).digest('hex');
}
