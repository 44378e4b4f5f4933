import type { SourceToken } from '../../shared/contract/calls.ts';
import type { DeviceList, DeviceRow } from '../../shared/contract/devices.ts';
import type { Cancel } from '../../shared/rpc/types.ts';

const GB = 1_000_000_000;
const ADVICE = 'In a terminal, "sudo clutch info /dev/nvme0n1" reads it as root. For the window, "sudo setfacl -m u:ada:r /dev/nvme0n1" lets you read it until it is disconnected. Members of the group "disk" may always read and write every disk: "sudo usermod -aG disk ada", and log in again.';

/** The disks of a computer. The words of `what`: "none", "container", "fail", "wait", "hostile"; else the usual ones. */
export function fakeDevices(what: string, source: (path: string) => SourceToken): DeviceList {
  const row = (path: string, more: Partial<DeviceRow>): DeviceRow => ({ source: source(path), kind: 'disk', size: 500 * GB, model: '', label: '', uuid: '', contents: '', readOnly: false, removable: false, used: [], ...more });
  const closed: Pick<DeviceRow, 'error'> = { error: { fault: { kind: 'usage', errno: 'EACCES' }, message: '/dev/nvme0n1 may not be read by this account', advice: ADVICE } };
  switch (what) {
    case 'none': return { devices: [], advice: '' };
    case 'container': return { devices: [], advice: 'This computer shows no disks; a container has none of its own.' };
    case 'hostile': return { advice: '', devices: [
      row('/dev/sdb', { model: '\u202eevil\u0007 disk of a maker whose name goes on and on and on '.repeat(8), removable: true, contents: 'GPT' }),
      row('/dev/sdb1', { kind: 'partition', parent: '/dev/sdb', label: '\u202eetalp\u0000', contents: 'x'.repeat(900), used: ['/media/\u202ea b', ...Array.from({ length: 90 }, (_, i) => `/mnt/${i}`)], error: { fault: { kind: 'io' }, message: 'bad \u001b[31m words' } }),
    ] };
    default: return {
      advice: '3 of 7 may not be read by this account.',
      devices: [
        row('/dev/nvme0n1', { size: 1024 * GB, model: 'Samsung SSD 980 PRO 1TB', contents: 'GPT', used: ['/boot/efi', '/', 'dm-1'], ...closed }),
        row('/dev/nvme0n1p1', { kind: 'partition', parent: '/dev/nvme0n1', size: 0.5 * GB, label: 'EFI system', contents: 'FAT', used: ['/boot/efi'], ...closed }),
        row('/dev/nvme0n1p2', { kind: 'partition', parent: '/dev/nvme0n1', size: 1023 * GB, contents: 'LUKS encrypted volume', used: ['dm-1'], ...closed }),
        row('/dev/sda', { size: 64 * GB, model: 'USB stick', removable: true, contents: 'MBR' }),
        row('/dev/sda1', { kind: 'partition', parent: '/dev/sda', size: 64 * GB, label: 'Photos 2024', removable: true, contents: 'ext4' }),
        row('/dev/sdb', { size: 8 * GB, model: 'Card reader', removable: true, readOnly: true, error: { fault: { kind: 'timeout', ms: 30_000 }, message: '/dev/sdb does not answer', advice: 'The disk may be failing. Disconnect it, and connect it again.' } }),
        row('/dev/sr0', { size: 4.7 * GB, model: 'DVD-RW', label: 'Holidays', readOnly: true, removable: true, contents: 'ISO 9660 (CD, DVD)' }),
      ],
    };
  }
}

/** Tells them, and without one that is pulled out by `fake.pull("/dev/sda")`. */
export async function* fakeDeviceChanges(what: string, source: (path: string) => SourceToken, cancel: Cancel): AsyncGenerator<DeviceList> {
  if (what === 'fail') throw Object.assign(new Error('The disks can’t be asked for: EIO'), { fault: { kind: 'io' } });
  let list = fakeDevices(what, source);
  let wake = (): void => {};
  cancel.onAbort(() => wake());
  Object.assign((window as unknown as { fake: object }).fake, {
    pull(path: string) {
      list = { ...list, devices: list.devices.filter(({ parent, source: { path: own } }) => own !== path && parent !== path) };
      wake();
    },
  });
  while (!cancel.aborted) {
    if (what !== 'wait') yield list;
    await new Promise<void>((done) => { wake = done; });
  }
}
