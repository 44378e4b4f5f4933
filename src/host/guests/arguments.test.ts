import { describe, expect, it } from 'vitest';
import { type MachineArguments, machineArguments } from './arguments.ts';
import type { GuestManifest, MachineShape } from './manifest.ts';
import { fakeGuest } from './testing/fake-machine.ts';

const { manifest } = fakeGuest();

function args(more: Partial<GuestManifest> = {}, machine: Partial<MachineArguments> = {}): string[] {
  return machineArguments({ manifest: { ...manifest, ...more }, files: '/guests/a,b', accelerator: 'tcg', disks: [], memory: 256, kernel: '/k', initrd: '/i', ...machine });
}

const own = (...given: string[]): Partial<GuestManifest> => ({ machine: { ...manifest.machine, arguments: given } satisfies MachineShape });
const devices = (line: readonly string[]): string[] => line.filter((_, i) => line[i - 1] === '-device').map((device) => device.split(',')[0]!);

describe('QEMU\'s command line', () => {
  it('has no network, no devices of its own, and the sandbox', () => {
    const line = args();
    expect(line).toEqual(expect.arrayContaining(['-nodefaults', '-no-user-config', '-no-reboot', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny']));
    expect(line.join(' ')).not.toMatch(/netdev|-net |-nic|path=|server=on/);
    expect(devices(line)).toEqual(['virtio-serial-pci', 'virtserialport', 'virtserialport', 'virtserialport', 'virtio-rng-pci', 'vmgenid', 'pvpanic-pci']);
  });

  it('names each architecture\'s devices as they are called there', () => {
    expect(devices(args({ architecture: 's390x', boot: { ...manifest.boot, console: 'sclp' } }))).toEqual(['sclpconsole', 'virtio-serial-ccw', 'virtserialport', 'virtserialport', 'virtserialport', 'virtio-rng-ccw']);
    expect(devices(args({ architecture: 'aarch64' }))).toEqual(['virtio-serial-pci', 'virtserialport', 'virtserialport', 'virtserialport', 'virtio-rng-pci', 'pvpanic-pci']);
  });

  it('keeps paths and names in their place', () => {
    const line = args({}, { disks: [{ socket: '/tmp/x,readonly=off/s', name: 'disk0', readOnly: true }] });
    expect(line).toContain('driver=nbd,node-name=disk0,server.type=unix,server.path=/tmp/x,,readonly=off/s,export=disk0,read-only=on,discard=unmap');
    expect(line).toContain('virtio-blk-pci,drive=disk0,serial=disk0,opt_io_size=1048576,werror=report,rerror=report');
  });

  it('shares the memory of a state only while it is made', () => {
    const memory = (use: 'make' | 'resume') => args({}, { state: { file: '/s', use } }).find((arg) => arg.startsWith('memory-backend-file'));
    expect(memory('make')).toMatch(/share=on$/);
    expect(memory('resume')).toMatch(/share=off$/);
    expect(args({}, { state: { file: '/s', use: 'resume' } })).toContain('vmgenid,guid=auto');
  });

  it.each([
    ['-netdev', 'user,id=n'], ['-nic', 'user'], ['-drive', 'file=/etc/shadow'], ['-chardev', 'file,id=a,path=/x'], ['-device', 'vfio-pci,host=00:02.0'], ['-device', 'loader,file=/etc/shadow'],
    ['-device', 'virtio-net,netdev=n'], ['-bios', '/etc/shadow'], ['-bios', '{files}/../../etc/shadow'], ['-monitor', 'stdio'], ['-sandbox', 'off'], ['-device'], ['-virtfs', 'local,path=/'], ['-fw_cfg', 'name=a,file=/etc/shadow'],
  ])('refuses a manifest\'s %s %s', (...given) => {
    expect(() => args(own(...given))).toThrow(/may not give QEMU/);
  });

  it('takes what stays inside', () => {
    expect(args(own('-device', 'ES1370', '-bios', '{files}/rom.bin')).slice(-4)).toEqual(['-device', 'ES1370', '-bios', '/guests/a,,b/rom.bin']);
  });
});
