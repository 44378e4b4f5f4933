import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { scratchFolder } from '../../engines/testing/tools.ts';
import { linuxDevices } from './linux.ts';
import type { SystemFolders } from './sysfs.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());

/** A computer's files in a folder: paths and what stands in them. Entries of class/block and block are links, as the kernel makes them. */
function computer(name: string, files: Readonly<Record<string, string>>): SystemFolders {
  const root = join(scratch.path, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text === '' ? '' : `${text}\n`);
  }
  for (const each of ['sys/class/block', 'sys/block']) mkdirSync(join(root, each), { recursive: true });
  const link = (path: string): void => {
    const parts = path.split('/');
    symlinkSync(join(root, 'sys/devices', path), join(root, 'sys/class/block', parts.at(-1)!));
    if (parts.length === 1) symlinkSync(join(root, 'sys/devices', path), join(root, 'sys/block', parts[0]!));
  };
  for (const path of new Set(Object.keys(files).flatMap((each) => /^sys\/devices\/(.+)\/size$/.exec(each)?.[1] ?? []))) link(path);
  return { sys: join(root, 'sys'), proc: join(root, 'proc'), udev: join(root, 'udev'), dev: '/dev' };
}

const mounts = (...lines: readonly string[]): string => ['22 27 0:21 / /proc rw,relatime - proc proc rw', ...lines].join('\n');
const brief = (folders: SystemFolders) => linuxDevices(folders).map(({ path, used }) => [path, used]);

describe('linuxDevices', () => {
  it('lists each disk before its partitions, numbers as numbers, without what has no medium or lies in memory', () => {
    const found = linuxDevices(computer('order', {
      'sys/devices/sdb/size': '2048', 'sys/devices/sdb/dev': '8:16', 'sys/devices/sdb/removable': '1', 'sys/devices/sdb/ro': '0', 'sys/devices/sdb/device/model': 'Stick',
      'sys/devices/sdb/sdb10/size': '8', 'sys/devices/sdb/sdb10/partition': '10', 'sys/devices/sdb/sdb10/ro': '0', 'sys/devices/sdb/sdb2/size': '8', 'sys/devices/sdb/sdb2/partition': '2',
      'sys/devices/loop0/size': '0', 'sys/devices/zram0/size': '99', 'sys/devices/ram1/size': '99', 'sys/devices/nvme0c0n1/size': '99', 'sys/devices/nvme0c0n1/hidden': '1',
      'sys/devices/loop3/size': '9', 'sys/devices/loop3/loop/backing_file': '/var/lib/snapd/snaps/core_1.snap',
      'sys/devices/loop4/size': '9', 'sys/devices/loop4/loop/backing_file': '/home/ada/disk.img',
      'sys/devices/cciss!c0d0/size': '16', 'sys/devices/cciss!c0d0/ro': '1', 'sys/devices/cciss!c0d0/cciss!c0d0p1/size': '8', 'sys/devices/cciss!c0d0/cciss!c0d0p1/partition': '1',
    }));
    expect(found.map(({ state: _state, contents: _contents, label: _label, uuid: _uuid, used: _used, ...rest }) => rest)).toEqual([
      { path: '/dev/cciss/c0d0', kind: 'disk', size: 8192, model: '', readOnly: true, removable: false },
      { path: '/dev/cciss/c0d0p1', kind: 'partition', parent: '/dev/cciss/c0d0', size: 4096, model: '', readOnly: false, removable: false },
      { path: '/dev/loop4', kind: 'disk', size: 4608, model: 'loop of /home/ada/disk.img', readOnly: false, removable: false },
      { path: '/dev/sdb', kind: 'disk', size: 1048576, model: 'Stick', readOnly: false, removable: true },
      { path: '/dev/sdb2', kind: 'partition', parent: '/dev/sdb', size: 4096, model: '', readOnly: false, removable: true },
      { path: '/dev/sdb10', kind: 'partition', parent: '/dev/sdb', size: 4096, model: '', readOnly: false, removable: true },
    ]);
  });

  it('finds none where there is no sysfs', () => {
    expect(linuxDevices({ sys: '/nowhere', proc: '/nowhere', udev: '/nowhere', dev: '/dev' })).toEqual([]);
  });

  it('tells where each is mounted, by number or by name, and of a disk also where its partitions are', () => {
    expect(brief(computer('mounted', {
      'sys/devices/sda/size': '2048', 'sys/devices/sda/dev': '8:0',
      'sys/devices/sda/sda1/size': '8', 'sys/devices/sda/sda1/dev': '8:1', 'sys/devices/sda/sda1/partition': '1',
      'sys/devices/sda/sda2/size': '8', 'sys/devices/sda/sda2/dev': '8:2', 'sys/devices/sda/sda2/partition': '2',
      'sys/devices/sda/sda3/size': '8', 'sys/devices/sda/sda3/dev': '8:3', 'sys/devices/sda/sda3/partition': '3',
      'sys/devices/dm-0/size': '8', 'sys/devices/dm-0/dev': '253:0', 'sys/devices/dm-0/dm/name': 'vg-home',
      'proc/self/mountinfo': mounts(
        '30 1 8:1 / / rw shared:1 - ext4 /dev/root rw', '31 1 8:1 /home /mnt/a\\040b\\012c rw - ext4 /dev/root rw',
        '32 1 0:44 / /media/stick rw - fuseblk /dev/sda2 rw', '33 1 0:45 /@ /home rw - btrfs /dev/mapper/vg-home rw', 'nonsense', '',
      ),
    }))).toEqual([
      ['/dev/dm-0', ['/home']],
      ['/dev/sda', ['/', '/mnt/a b\nc', '/media/stick']],
      ['/dev/sda1', ['/', '/mnt/a b\nc']],
      ['/dev/sda2', ['/media/stick']],
      ['/dev/sda3', []],
    ]);
  });

  it('tells what else uses them: swap, RAID and LVM, loop devices, a btrfs of several disks', () => {
    expect(brief(computer('used', {
      'sys/devices/sda/size': '8', 'sys/devices/sda/dev': '8:0', 'sys/devices/sda/holders/md0/uevent': '', 'sys/devices/md0/size': '8', 'sys/devices/md0/dev': '9:0',
      'sys/devices/sdb/size': '8', 'sys/devices/sdb/dev': '8:16', 'sys/devices/sdc/size': '8', 'sys/devices/sdc/dev': '8:32',
      'sys/devices/sdd/size': '8', 'sys/devices/sdd/dev': '8:48', 'sys/devices/loop0/size': '8', 'sys/devices/loop0/loop/backing_file': '/dev/sdc',
      'sys/fs/btrfs/2e7b4b3c/devices/sdd/size': '8', 'sys/fs/btrfs/features/x': '1',
      'proc/swaps': 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/sdb                               partition\t16380\t\t0\t\t-2\n/swap\\040file file 1 0 -3',
    }))).toEqual([['/dev/loop0', []], ['/dev/md0', []], ['/dev/sda', ['md0']], ['/dev/sdb', ['swap']], ['/dev/sdc', ['loop0']], ['/dev/sdd', ['btrfs']]]);
  });

  it('takes what udev has found, for accounts that may not read the disk themselves', () => {
    const found = linuxDevices(computer('udev', {
      'sys/devices/sda/size': '8', 'sys/devices/sda/dev': '8:0', 'udev/b8:0': 'S:disk/by-id/x\nE:ID_MODEL=USB_DISK\nE:ID_MODEL_ENC=USB\\x20DISK\\x20\\x20\nE:ID_PART_TABLE_TYPE=gpt\nE:ID_PART_TABLE_UUID=aa-bb\nG:systemd',
      'sys/devices/sda/sda1/size': '8', 'sys/devices/sda/sda1/dev': '8:1', 'sys/devices/sda/sda1/partition': '1', 'udev/b8:1': 'E:ID_FS_TYPE=vfat\nE:ID_FS_LABEL=B_ro\nE:ID_FS_LABEL_ENC=B\\xc3\\xbcro\nE:ID_FS_UUID=12AB-34CD\nE:ID_FS_UUID_ENC=12AB-34CD\nE:ID_PART_ENTRY_NAME=EFI\\x20System',
      'sys/devices/sda/sda2/size': '8', 'sys/devices/sda/sda2/dev': '8:2', 'sys/devices/sda/sda2/partition': '2', 'udev/b8:2': 'E:ID_FS_TYPE=crypto_LUKS\nE:ID_PART_ENTRY_NAME=root\\x20a=b',
      'sys/devices/sda/sda3/size': '8', 'sys/devices/sda/sda3/dev': '8:3', 'sys/devices/sda/sda3/partition': '3', 'udev/b8:3': 'E:ID_FS_TYPE=something_new',
      'sys/devices/sr0/size': '2097151', 'sys/devices/sr0/dev': '11:0', 'udev/b11:0': 'E:ID_CDROM=1\nE:ID_MODEL=DVD',
      'sys/devices/sr1/size': '8', 'sys/devices/sr1/dev': '11:1', 'udev/b11:1': 'E:ID_CDROM=1\nE:ID_CDROM_MEDIA=1\nE:ID_FS_TYPE=iso9660',
    }));
    expect(found.map(({ path, model, contents, label, uuid }) => [path, model, contents, label, uuid])).toEqual([
      ['/dev/sda', 'USB DISK', 'GPT', '', 'aa-bb'],
      ['/dev/sda1', '', 'FAT', 'Büro', '12AB-34CD'],
      ['/dev/sda2', '', 'LUKS encrypted volume', 'root a=b', ''],
      ['/dev/sda3', '', 'something_new', '', ''],
      ['/dev/sr1', '', 'ISO 9660 (CD, DVD)', '', ''],
    ]);
  });

  it('has another state when a medium is another, and when one that is not in use was written to; else the same', () => {
    const files = { 'sys/devices/sda/size': '8', 'sys/devices/sda/dev': '8:0', 'sys/devices/sda/diskseq': '7', 'sys/devices/sda/stat': '  1 2 3 4 5 6 100 8' };
    const folders = computer('state', files);
    const state = (): string | undefined => linuxDevices(folders)[0]?.state;
    const write = (path: string, text: string): void => {
      mkdirSync(join(folders.sys, '..', dirname(path)), { recursive: true });
      writeFileSync(join(folders.sys, '..', path), text);
    };
    const first = state();
    expect(state()).toBe(first);
    write('sys/devices/sda/stat', '  9 9 9 9 9 6 100 8');
    expect(state()).toBe(first);
    write('sys/devices/sda/stat', '  1 2 3 4 5 6 101 8');
    const written = state();
    expect(written).not.toBe(first);
    write('sys/devices/sda/diskseq', '8');
    const inserted = state();
    expect(inserted).not.toBe(written);
    write('proc/self/mountinfo', mounts('30 1 8:0 / /mnt rw - ext4 /dev/sda rw'));
    const mounted = state();
    expect(mounted).not.toBe(inserted);
    write('sys/devices/sda/stat', '  1 2 3 4 5 6 999 8');
    expect(state()).toBe(mounted);
    rmSync(join(folders.sys, 'devices/sda'), { recursive: true });
    expect(linuxDevices(folders)).toEqual([]);
  });
});
