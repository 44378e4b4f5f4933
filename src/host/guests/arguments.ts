import { usage } from '../../engines/core/errors.ts';
import type { GuestManifest } from './manifest.ts';
import { diskFormat } from './own-disk.ts';

/** File descriptors that QEMU inherits, all connected sockets. No socket of a guest has a path, so nobody else can connect. */
export const DESCRIPTORS = { qmp: 3, console: 4, files: 5, control: 6, bulk: 7, state: 8 } as const;

/** What a disk of the machine is: an export of our NBD server, or nothing yet (while a state is made to be resumed). */
export interface DiskArgument {
  /** Path of the server's Unix socket. */
  readonly socket: string;
  /** Name of the export. */
  readonly name: string;
  readonly readOnly: boolean;
}

export interface MachineArguments {
  readonly manifest: GuestManifest;
  /** Where the guest's files lie; `{files}` of the manifest. */
  readonly files: string;
  /** Absolute paths. */
  readonly kernel?: string;
  readonly initrd?: string;
  /** Of QEMU: "tcg", "kvm", "hvf", "whpx". */
  readonly accelerator: string;
  /** Undefined: a placeholder whose bytes come when the state is resumed. */
  readonly disks: readonly (DiskArgument | undefined)[];
  /** MiB. */
  readonly memory: number;
  /** The machine's memory lies in a file: shared with it to make a state, private to resume one. */
  readonly state?: { readonly file: string; readonly use: 'make' | 'resume' };
}

/** MiB of translated code that TCG keeps, at most. */
const CODE_CACHE = 256;

/**
 * Bytes that a disk says are best asked for at once. The guest's kernel reads twice as much ahead (block/blk-settings.c), instead of 128 KiB: a sequential read
 * takes two fifths less of QEMU's time, and a fifth less of ours.
 */
const BEST_READ = 1 << 20;

/** Bytes of a disk that is not there yet. */
const PLACEHOLDER_BYTES = 1 << 20;

/** What QEMU itself may not do, whatever a guest makes of it: become another program, another user, or another process. */
const SANDBOX = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny';

/** QEMU's word for the same thing on each bus. */
const BUS = { pci: { serial: 'virtio-serial-pci', disk: 'virtio-blk-pci', random: 'virtio-rng-pci' }, ccw: { serial: 'virtio-serial-ccw', disk: 'virtio-blk-ccw', random: 'virtio-rng-ccw' } } as const;

/** Options that a manifest may add. Everything else reaches the host, or is ours. */
const ALLOWED = new Set(['-device', '-smp', '-global', '-rtc', '-boot', '-vga', '-bios', '-dtb', '-g', '-prom-env']);

/** Devices and properties that reach files, other devices or the network of the host. */
const REFUSED = /vfio|vhost|ivshmem|usb-host|usb-mtp|u2f|ccid|scsi-generic|scsi-block|loader|netdev|chardev|hostbus|hostaddr|sysfsdev|mem-path|file|splash|rootdir|path=|evdev=/i;

/** QEMU's command line for a guest, without the program's name. @throws DiskError usage EINVAL for manifests whose own arguments reach the host */
export function machineArguments(machine: MachineArguments): string[] {
  const { manifest, memory, state } = machine;
  const args = [
    '-name', `clutch-${manifest.name}`, '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-sandbox', SANDBOX,
    '-machine', `${manifest.machine.type}${state === undefined ? '' : ',memory-backend=ram'}`, '-cpu', manifest.machine.cpu, '-m', String(memory),
    '-accel', machine.accelerator === 'tcg' ? `tcg,tb-size=${CODE_CACHE}` : machine.accelerator,
    ...channel('qmp', DESCRIPTORS.qmp), '-mon', 'chardev=qmp,mode=control', ...channel('console', DESCRIPTORS.console), ...channel('files', DESCRIPTORS.files),
  ];
  if (state !== undefined) {
    // Shared, a resumed machine would write into the state that others start from.
    args.push('-object', `memory-backend-file,id=ram,size=${memory}M,mem-path=${escape(state.file)},share=${state.use === 'make' ? 'on' : 'off'}`);
    if (state.use === 'resume') args.push('-incoming', 'defer');
  }
  if (machine.kernel !== undefined) args.push('-kernel', machine.kernel, '-append', manifest.boot.append);
  if (machine.initrd !== undefined) args.push('-initrd', machine.initrd);
  if (manifest.boot.disk !== undefined) args.push('-drive', `file=${escape(`${machine.files}/${manifest.boot.disk}`)},format=${diskFormat(manifest.boot.disk)},snapshot=on`);
  args.push(...(manifest.system === 'linux' ? linuxDevices(machine) : otherDevices(machine)));
  args.push(...ownArguments(manifest.machine.arguments, machine.files));
  return args;
}

function linuxDevices({ manifest, disks, state }: MachineArguments): string[] {
  const bus = manifest.architecture === 's390x' ? BUS.ccw : BUS.pci;
  const args = [
    ...(manifest.boot.console === 'sclp' ? ['-device', 'sclpconsole,chardev=console'] : ['-serial', 'chardev:console']),
    ...channel('control', DESCRIPTORS.control), ...channel('bulk', DESCRIPTORS.bulk),
    '-device', `${bus.serial},id=ports`,
    '-device', 'virtserialport,bus=ports.0,chardev=files,name=9p', '-device', 'virtserialport,bus=ports.0,chardev=control,name=ctl', '-device', 'virtserialport,bus=ports.0,chardev=bulk,name=bulk',
    '-object', 'rng-builtin,id=random', '-device', `${bus.random},rng=random`,
  ];
  // A guest that is resumed twice would make the same random numbers twice; a new generation id tells its kernel to seed anew.
  if (manifest.architecture === 'x86_64') args.push('-device', `vmgenid,guid=${state?.use === 'make' ? '00000000-0000-4000-8000-000000000000' : 'auto'}`);
  // On s390x the processor itself tells of a panic.
  if (manifest.architecture !== 's390x') args.push('-device', 'pvpanic-pci');
  disks.forEach((disk, i) => {
    args.push('-blockdev', disk === undefined ? `driver=null-co,node-name=disk${i},size=${PLACEHOLDER_BYTES},read-zeroes=on` : nbdNode(disk, i));
    // A failing disk is told to the guest, which tells us; it does not stop the machine.
    args.push('-device', `${bus.disk},drive=disk${i},serial=disk${i},opt_io_size=${BEST_READ},werror=report,rerror=report`);
  });
  return args;
}

/** Other systems get their disks where the machine has them by itself (IDE, SCSI), and serve files on the second serial line. */
function otherDevices({ manifest, disks }: MachineArguments): string[] {
  const args = ['-serial', 'chardev:console'];
  if (manifest.transport.over === 'serial') args.push('-serial', 'chardev:files');
  else args.push('-device', 'virtio-serial,id=ports', '-device', 'virtserialport,bus=ports.0,chardev=files,name=9p');
  disks.forEach((disk, i) => {
    if (disk !== undefined) args.push('-drive', `id=disk${i},werror=report,rerror=report,file.driver=nbd,file.server.type=unix,file.server.path=${escape(disk.socket)},file.export=${escape(disk.name)},format=raw,read-only=${disk.readOnly ? 'on' : 'off'}`);
  });
  return args;
}

function nbdNode({ socket, name, readOnly }: DiskArgument, i: number): string {
  return `driver=nbd,node-name=disk${i},server.type=unix,server.path=${escape(socket)},export=${escape(name)},read-only=${readOnly ? 'on' : 'off'},discard=unmap`;
}

function channel(id: string, descriptor: number): string[] {
  return ['-chardev', `socket,id=${id},fd=${descriptor}`];
}

/** The first of a manifest's own arguments that would reach the computer outside the guest; undefined where none does. */
export function refusedArgument(args: readonly string[]): string | undefined {
  for (let i = 0; i < args.length; i += 2) {
    const [option, value] = [args[i]!, args[i + 1]];
    // Only a file of the guest's own folder has a place: a ROM, a device tree. The firmware's settings of PowerPC and SPARC name paths in the guest.
    const own = (option === '-bios' || option === '-dtb') && value !== undefined && /^\{files\}\/[\w.-]+$/.test(value);
    const path = option !== '-prom-env' && value !== undefined && /[/\\]/.test(value);
    if (!ALLOWED.has(option) || value === undefined || !own && (path || option === '-bios' || option === '-dtb' || REFUSED.test(value))) return `${option}${value === undefined ? '' : ` ${value}`}`;
  }
  return undefined;
}

/** @throws DiskError usage EINVAL */
function ownArguments(args: readonly string[], files: string): string[] {
  const refused = refusedArgument(args);
  if (refused !== undefined) throw usage('EINVAL', `A guest may not give QEMU the argument "${refused}"`, 'What reaches the computer outside the guest is refused.');
  return args.map((arg) => arg.replaceAll('{files}', escape(files)));
}

/** A value in QEMU's lists of key=value: a comma is doubled. */
function escape(value: string): string {
  return value.replaceAll(',', ',,');
}
