import { describe, expect, it } from 'vitest';
import type { DeviceRow } from '../../shared/contract/devices.ts';
import { adviceLines, isExplained, isMountPoint, isNoAccess, titleOf } from './devices.ts';

describe('devices', () => {
  const source = { token: 't', name: 'sda1', path: '/dev/sda1' };

  it('are called by their label, else by their maker, else by their place', () => {
    expect(titleOf({ label: 'Photos', model: 'Stick', source })).toBe('Photos');
    expect(titleOf({ label: '', model: 'Stick', source })).toBe('Stick');
    expect(titleOf({ label: '', model: '', source })).toBe('/dev/sda1');
  });

  it('are mounted at places, and used by what is none', () => {
    expect(['/', '/mnt/a b', 'C:\\', 'd:\\data'].map(isMountPoint)).toEqual([true, true, true, true]);
    expect(['swap', 'md0', 'btrfs', ''].map(isMountPoint)).toEqual([false, false, false, false]);
  });

  it('that may not be read are told from those that can not', () => {
    expect(isNoAccess({ fault: { kind: 'usage', errno: 'EACCES' }, message: '' })).toBe(true);
    expect(isNoAccess({ fault: { kind: 'usage', errno: 'ENOENT' }, message: '' })).toBe(false);
    expect(isNoAccess({ fault: { kind: 'io' }, message: '' })).toBe(false);
  });

  it('that may not be read explain it once, with the disk', () => {
    const row: DeviceRow = { source, kind: 'disk', size: 1, model: '', label: '', uuid: '', contents: '', readOnly: false, removable: false, used: [] };
    const error = { fault: { kind: 'usage', errno: 'EACCES' }, message: '' } as const;
    const disk = { ...row, source: { ...source, path: '/dev/sda' } };
    const partition = { ...row, parent: '/dev/sda', error };
    expect(isExplained(partition, [{ ...disk, error }, partition])).toBe(true);
    expect(isExplained(partition, [disk, partition])).toBe(false);
    expect(isExplained(partition, [{ ...disk, error: { fault: { kind: 'io' }, message: '' } }, partition])).toBe(false);
    expect(isExplained({ ...disk, error }, [{ ...disk, error }])).toBe(false);
  });

  it('have advice a sentence a line, whose commands stay whole', () => {
    expect(adviceLines('In a terminal, "sudo clutch info /dev/sda. x" reads it. Members of "disk" may, too.')).toEqual(['In a terminal, "sudo clutch info /dev/sda. x" reads it.', 'Members of "disk" may, too.']);
    expect(adviceLines('One')).toEqual(['One']);
  });
});
