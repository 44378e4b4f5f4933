import { describe, expect, it } from 'vitest';
import { accessAdvice, linuxAdvice } from './access.ts';
import { deviceRow, devicesAdvice, listDevices } from './list.ts';
import { macDevices } from './mac.ts';
import { parsePlist } from './plist.ts';
import { parseWindowsDevices, SCRIPT, windowsDevices } from './windows.ts';

const plist = (body: string): string => `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
${body}
</plist>
`;

describe('property lists', () => {
  it('hold what diskutil writes', () => {
    expect(parsePlist(plist('<dict><!-- a --><key>a &amp; b</key>\n<string>x &lt;&#x42;&#67;&gt; &quot;&apos;</string><key>n</key><integer>-5</integer><key>r</key><real>0.5</real><key>t</key><true/><key>f</key><false/><key>e</key><string></string><key>s</key><string/>\n<key>l</key><array><string>1</string><array/><dict/></array></dict>'))).toEqual({
      'a & b': 'x <BC> "\'', n: -5, r: 0.5, t: true, f: false, e: '', s: '', l: ['1', [], {}],
    });
  });

  it.each(['', '<plist>', plist('<dict><key>a</key>'), plist('<dict><string>a</string></dict>'), plist('<dict><key>a<string>b</string></dict>'), plist('<nonsense/>'), plist('<array>'.repeat(5000)), plist('</array>')])('that make no sense are refused (%#)', (text) => {
    expect(() => parsePlist(text)).toThrow(expect.objectContaining({ name: 'DiskError' }));
  });

  it('make no prototypes', () => {
    const value = parsePlist(plist('<dict><key>__proto__</key><dict><key>polluted</key><true/></dict></dict>'));
    expect((value as { polluted?: unknown }).polluted).toBeUndefined();
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

const entry = (pairs: Readonly<Record<string, string | number | boolean>>, inside = ''): string =>
  `<dict>${Object.entries(pairs).map(([key, value]) => `<key>${key}</key>${typeof value === 'number' ? `<integer>${value}</integer>` : typeof value === 'boolean' ? `<${value}/>` : `<string>${value}</string>`}`).join('\n')}${inside}</dict>`;

/** A notebook with a stick of two partitions: shaped as macOS 14 answers, the parts that are read. */
const MAC: Readonly<Record<string, string>> = {
  'list -plist': plist(`<dict>
  <key>AllDisks</key><array><string>disk0</string><string>disk0s1</string><string>disk0s2</string><string>disk3</string><string>disk3s1</string><string>disk4</string></array>
  <key>AllDisksAndPartitions</key>
  <array>
    ${entry({ Content: 'GUID_partition_scheme', DeviceIdentifier: 'disk0', OSInternal: false, Size: 500277792768 }, `<key>Partitions</key><array>
      ${entry({ Content: 'Apple_APFS_ISC', DeviceIdentifier: 'disk0s1', DiskUUID: '5D8E0F0A-0000-4000-8000-0000AAAA0001', Size: 524288000 })}
      ${entry({ Content: 'Apple_APFS', DeviceIdentifier: 'disk0s2', DiskUUID: '5D8E0F0A-0000-4000-8000-0000AAAA0002', Size: 494384795648 })}</array>`)}
    ${entry({ Content: 'EF57347C-0000-11AA-AA11-00306543ECAC', DeviceIdentifier: 'disk3', Size: 494384795648 }, `<key>APFSPhysicalStores</key><array>${entry({ DeviceIdentifier: 'disk0s2' })}</array>
      <key>APFSVolumes</key><array>${entry({ DeviceIdentifier: 'disk3s1', MountPoint: '/', VolumeName: 'Macintosh HD' })}${entry({ DeviceIdentifier: 'disk3s5', MountPoint: '/System/Volumes/Data', VolumeName: 'Data' })}${entry({ DeviceIdentifier: 'disk3s6', VolumeName: 'VM' })}</array><key>Partitions</key><array/>`)}
    ${entry({ Content: 'FDisk_partition_scheme', DeviceIdentifier: 'disk4', Size: 31024349184 }, `<key>Partitions</key><array>
      ${entry({ Content: 'Windows_NTFS', DeviceIdentifier: 'disk4s1', MountPoint: '/Volumes/Photos &amp; films', Size: 31023300608, VolumeName: 'Photos &amp; films' })}
      ${entry({ Content: 'Linux', DeviceIdentifier: 'disk4s2', Size: 1048576 })}
      ${entry({ Content: 'Linux', DeviceIdentifier: '-x; rm', Size: 1048576 })}</array>`)}
    ${entry({ DeviceIdentifier: 'disk5', Size: 0 })}
  </array>
</dict>`),
  'info -plist disk0': plist(entry({ DeviceIdentifier: 'disk0', MediaName: 'APPLE SSD AP0512Q', Size: 500277792768, WritableMedia: true, RemovableMedia: false, Ejectable: false, Internal: true })),
  'info -plist disk4': plist(entry({ DeviceIdentifier: 'disk4', MediaName: 'Ultra', Size: 31024349184, WritableMedia: false, RemovableMedia: true, Ejectable: true })),
  'info -plist disk4s1': plist(entry({ DeviceIdentifier: 'disk4s1', FilesystemName: 'ExFAT', MountPoint: '/Volumes/Photos &amp; films', VolumeName: 'Photos &amp; films', VolumeUUID: '0D8E0F0A-0000-4000-8000-00000000EFAA', Size: 31023300608, WritableMedia: false, RemovableMedia: true })),
};

describe('macDevices', () => {
  it('lists what diskutil tells, with the volumes of a container of APFS where it lies', async () => {
    const asked: string[] = [];
    const devices = await macDevices((program, args) => {
      const answer = MAC[args.join(' ')];
      asked.push(args.join(' '));
      return answer === undefined || program !== 'diskutil' ? Promise.reject(new Error('Could not find disk')) : Promise.resolve(answer);
    });
    expect(devices.map(({ path, parent = '', size, model, contents, label, readOnly, removable, used }) => [path, parent, size, model, contents, label, readOnly, removable, used])).toEqual([
      ['/dev/disk0', '', 500277792768, 'APPLE SSD AP0512Q', 'GPT', '', false, false, ['/', '/System/Volumes/Data']],
      ['/dev/disk0s1', '/dev/disk0', 524288000, '', 'APFS', '', false, false, []],
      ['/dev/disk0s2', '/dev/disk0', 494384795648, '', 'APFS', '', false, false, ['/', '/System/Volumes/Data']],
      ['/dev/disk3', '', 494384795648, '', 'APFS', '', false, false, ['/', '/System/Volumes/Data']],
      ['/dev/disk4', '', 31024349184, 'Ultra', 'MBR', '', true, true, ['/Volumes/Photos & films']],
      ['/dev/disk4s1', '/dev/disk4', 31023300608, '', 'ExFAT', 'Photos & films', true, true, ['/Volumes/Photos & films']],
      ['/dev/disk4s2', '/dev/disk4', 1048576, '', 'Linux', '', false, false, []],
    ]);
    expect(asked.some((each) => each.includes('rm'))).toBe(false);
  });
});

/** As PowerShell 5.1 answers SCRIPT: names where the module Storage has them, else numbers. */
const WINDOWS = {
  disks: [
    { Number: 0, FriendlyName: 'Samsung SSD 980 PRO 1TB', Size: 1000204886016, PartitionStyle: 'GPT', IsReadOnly: false, BusType: 'NVMe', UniqueId: 'eui.002538B411B2C3D4', LogicalSectorSize: 512 },
    { Number: 1, FriendlyName: 'SanDisk Ultra', Size: 31029460992, PartitionStyle: 1, IsReadOnly: true, BusType: 7, UniqueId: 'USBSTOR\\DISK', LogicalSectorSize: 512 },
    { Number: 2, FriendlyName: 'Empty reader', Size: 0, PartitionStyle: 'RAW', IsReadOnly: false, BusType: 'USB', UniqueId: null },
  ],
  partitions: [
    { DiskNumber: 0, PartitionNumber: 1, Size: 104857600, AccessPaths: ['\\\\?\\Volume{11111111-2222-3333-4444-555555555555}\\'], Guid: '{9b2f1f6e-0000-4000-8000-000000000001}', Type: 'System', IsReadOnly: false },
    { DiskNumber: 0, PartitionNumber: 3, Size: 999000000000, AccessPaths: ['C:\\', '\\\\?\\Volume{66666666-2222-3333-4444-555555555555}\\'], Guid: '{9b2f1f6e-0000-4000-8000-000000000003}', Type: 'Basic', IsReadOnly: false },
    { DiskNumber: 1, PartitionNumber: 1, Size: 31028412416, AccessPaths: ['E:\\', 'C:\\mnt\\stick\\', '\\\\?\\Volume{77777777-2222-3333-4444-555555555555}\\'], Guid: null, Type: 'FAT32', IsReadOnly: true },
    { DiskNumber: 9, PartitionNumber: 1, Size: 512, AccessPaths: null, Guid: null, Type: 'Unknown', IsReadOnly: false },
    { DiskNumber: '1; rm', PartitionNumber: 2, Size: 512 },
  ],
  volumes: [
    { Path: '\\\\?\\Volume{66666666-2222-3333-4444-555555555555}\\', FileSystem: 'NTFS', FileSystemLabel: 'Windows', DriveType: 'Fixed' },
    { Path: '\\\\?\\Volume{77777777-2222-3333-4444-555555555555}\\', FileSystem: 'FAT32', FileSystemLabel: 'PHOTOS', DriveType: 'Removable' },
  ],
};

describe('windowsDevices', () => {
  it('lists what PowerShell tells', async () => {
    const devices = await windowsDevices(async (program, args) => {
      expect([program, args.at(-1)]).toEqual(['powershell.exe', SCRIPT]);
      return `\uFEFF${JSON.stringify(WINDOWS)}\r\n`;
    });
    expect(devices.map(({ path, parent = '', size, model, contents, label, readOnly, removable, used }) => [path, parent, size, model, contents, label, readOnly, removable, used])).toEqual([
      ['\\\\.\\PhysicalDrive0', '', 1000204886016, 'Samsung SSD 980 PRO 1TB', 'GPT', '', false, false, ['C:\\']],
      ['\\\\.\\Harddisk0Partition1', '\\\\.\\PhysicalDrive0', 104857600, '', 'System', '', false, false, []],
      ['\\\\.\\Harddisk0Partition3', '\\\\.\\PhysicalDrive0', 999000000000, '', 'NTFS', 'Windows', false, false, ['C:\\']],
      ['\\\\.\\PhysicalDrive1', '', 31029460992, 'SanDisk Ultra', 'MBR', '', true, true, ['E:\\', 'C:\\mnt\\stick\\']],
      ['\\\\.\\Harddisk1Partition1', '\\\\.\\PhysicalDrive1', 31028412416, '', 'FAT32', 'PHOTOS', true, true, ['E:\\', 'C:\\mnt\\stick\\']],
    ]);
  });

  it('takes one for a list of one, and refuses what is no JSON', () => {
    expect(parseWindowsDevices(JSON.stringify({ disks: WINDOWS.disks[0], partitions: null, volumes: null }))).toHaveLength(1);
    expect(parseWindowsDevices('{}')).toEqual([]);
    expect(() => parseWindowsDevices('Get-Disk : Access is denied')).toThrow(/does not list the disks/);
  });
});

describe('listDevices', () => {
  it('says why there is no list, where there is none', async () => {
    expect(await listDevices('aix')).toEqual({ devices: [], advice: expect.stringContaining('aix') as string });
    // There is no such program here.
    if (process.platform !== 'win32') expect(await listDevices('win32')).toEqual({ devices: [], advice: expect.stringContaining('powershell.exe') as string });
  });

  it('makes rows of what was read rather than of what the system knows, and no text in them acts', () => {
    const device = { path: '/dev/sda', kind: 'disk', size: 1, model: '\u001b[31m', contents: 'FAT', label: 'old', uuid: 'u', readOnly: false, removable: true, used: ['/mnt/\u202e'], state: 's' } as const;
    const source = { token: 't', name: 'sda', path: '/dev/sda' };
    expect(deviceRow(device, undefined, source)).toEqual({ source, kind: 'disk', size: 1, model: '\\x1b[31m', contents: 'FAT', label: 'old', uuid: 'u', readOnly: false, removable: true, used: ['/mnt/\\u{202e}'] });
    expect(deviceRow(device, { contents: 'ext4', label: 'new', uuid: '' }, source)).toMatchObject({ contents: 'ext4', label: 'new', uuid: 'u' });
    const closed = deviceRow(device, { contents: '', label: '', uuid: '', error: { fault: { kind: 'usage', errno: 'EACCES' }, message: '/dev/sda may not be read' } }, source);
    expect(closed).toMatchObject({ contents: 'FAT', error: { message: '/dev/sda may not be read' } });
    expect(devicesAdvice('', [closed, deviceRow(device, undefined, source)])).toBe('1 of 2 may not be read by this account.');
    expect([devicesAdvice('', []), devicesAdvice('none', [closed])]).toEqual(['', 'none']);
  });
});

describe('the advice for a disk that may not be read', () => {
  it('tells commands for the very disk and account, and takes no rights', () => {
    expect(linuxAdvice('/dev/sdb', 'disk', 'ada')).toMatch(/"sudo clutch info \/dev\/sdb".*"sudo setfacl -m u:ada:r \/dev\/sdb".*udisks.*"sudo usermod -aG disk ada"/s);
    expect(linuxAdvice('/dev/sdb', undefined, 'ada')).not.toContain('usermod');
    expect(accessAdvice('/dev/disk2', 'darwin', false)).toContain('sudo clutch info /dev/disk2');
    expect(accessAdvice('\\\\.\\PhysicalDrive0', 'win32', false)).toContain('Run as administrator');
    expect(accessAdvice('/dev/sdb', 'linux', true)).toContain('Even root');
  });
});
