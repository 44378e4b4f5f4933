import { truncateSync, writeFileSync } from 'node:fs';
import { FileDevice } from '../../sources/file.ts';
import { launchGuest } from '../launch.ts';
import type { Guest } from '../manifest.ts';

/** An image file that a guest makes something of. */
export interface MadeDisk {
  readonly path: string;
  /** MiB of a new, empty one; it is there already without. */
  readonly mebibytes?: number;
}

/**
 * Runs a shell script in a guest over image files, as disks /dev/vda and so on, in which it has mdadm and lvm: kernels that containers run on have
 * neither md nor device-mapper.
 * @throws Error with all that it printed when it fails
 */
export async function makeSets(guest: Guest, disks: readonly MadeDisk[], script: string): Promise<string> {
  for (const { path, mebibytes } of disks) {
    if (mebibytes === undefined) continue;
    writeFileSync(path, '');
    truncateSync(path, mebibytes << 20);
  }
  const devices = disks.map(({ path }) => new FileDevice(path, { write: true }));
  try {
    const machine = await launchGuest(guest, { disks: devices.map((device) => ({ device, readOnly: false })), filesystems: ['md', 'lvm'], tools: ['mdadm', 'lvm2'], warm: 'never' });
    const lines: string[] = [];
    const { status } = await machine.run('sh', ['-euc', `config='devices{use_devicesfile=0} activation{udev_sync=0 udev_rules=0}'\nlvm() { /usr/sbin/lvm "$@" --config "$config"; }\n${script}`], { onLine: (line) => lines.push(line) });
    await machine.stop();
    if (status !== 0) throw new Error(`The script ended with status ${status}:\n${lines.join('\n')}`);
    return lines.join('\n');
  } finally {
    for (const device of devices) device.close();
  }
}
