import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { missingTools } from '../../../engines/testing/tools.ts';
import { writeCpio } from '../../guests/build/cpio.ts';
import { readDeb } from '../../guests/build/deb.ts';
import { decompressBytes } from '../../guests/build/decompress.ts';
import { readBuilt } from '../../guests/catalogue.ts';
import { guestPlaces } from '../../guests/places.ts';
import { builtGuest } from '../../guests/testing/built.ts';
import { nodeJob } from '../../session.ts';

/** What a kernel needs for 9P over a network card, in the order in which it is loaded. The machine's own modules are loaded before. */
const MODULES = ['failover', 'net_failover', 'virtio_net', 'netfs', '9pnet', '9pnet_fd', '9p'];

/** What the machine calls this computer. */
const HOST = '10.0.2.2';

/** What a machine with Linux's own client of 9P is made of: a guest's kernel, its initramfs and its package, where its modules are. */
export interface ClientParts {
  readonly kernel: string;
  readonly initramfs: string;
  readonly package: string;
}

/** @returns the parts, or why there are none here; printed, so that a skip is never silent */
export async function clientParts(): Promise<ClientParts | string> {
  const tools = missingTools('qemu-system-x86_64');
  if (tools !== undefined) return tools;
  const built = await builtGuest('linux-6.12');
  if ('reason' in built) return built.reason;
  const { files } = built.guest;
  const about = readBuilt(files)!;
  const image = about.packages!.find(({ name }) => name.startsWith('linux-image-'));
  const path = image === undefined ? '' : join(guestPlaces().downloads, image.sha256);
  if (existsSync(path)) return { kernel: join(files, about.kernel!), initramfs: join(files, about.initramfs!), package: path };
  const reason = 'skipped: the package of the guest\'s kernel is not in the cache any more';
  console.warn(reason);
  return reason;
}

/**
 * Boots a machine whose kernel has 9P and a network card that reaches this computer's loopback, as 10.0.2.2.
 * @param folder of its own, for its initramfs
 * @param work what its first process does then, as lines of busybox's shell; it is turned off behind them
 * @param ports of virtio-serial by their names, each with the path of a socket on which QEMU listens
 */
export async function startMachine(parts: ClientParts, folder: string, work: string, ports: Readonly<Record<string, string>> = {}): Promise<ChildProcess> {
  const initramfs = join(folder, 'initramfs');
  writeFileSync(initramfs, Buffer.concat([readFileSync(parts.initramfs), await overlay(parts, work)]));
  return spawn('qemu-system-x86_64', [
    '-machine', 'pc,hpet=off,usb=off', '-cpu', 'qemu64,+rdrand', '-accel', 'tcg', '-m', '256', '-nodefaults', '-display', 'none', '-no-reboot', '-serial', 'stdio',
    '-kernel', parts.kernel, '-initrd', initramfs, '-append', 'console=ttyS0 quiet panic=-1 mitigations=off',
    '-netdev', 'user,id=net', '-device', 'virtio-net-pci,netdev=net,romfile=', '-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci',
    ...Object.entries(ports).flatMap(([name, path]) => ['-chardev', `socket,id=${name},path=${path},server=on,wait=off`, '-device', `virtserialport,chardev=${name},name=${name}`]),
  ], { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function overlay({ package: image }: ClientParts, work: string): Promise<Uint8Array> {
  const job = nodeJob();
  const found = await readDeb(image, 'kernel', (path) => MODULES.some((name) => path.endsWith(`/${name}.ko.xz`)), job);
  const entries = new Map([['init', { type: 'file' as const, mode: 0o755, bytes: Buffer.from(firstProcess(work)) }]]);
  for (const name of MODULES) {
    const { bytes } = [...found.values()].find(({ path }) => path.endsWith(`/${name}.ko.xz`))!;
    entries.set(`9p/${name}.ko`, { type: 'file', mode: 0o644, bytes: Buffer.from(await decompressBytes(bytes!, 'xz', name, 64 << 20, job)) });
  }
  return writeCpio(entries);
}

function firstProcess(work: string): string {
  return `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 022
while read -r module; do insmod "$module"; done </clutch/modules/base
for module in ${MODULES.join(' ')}; do insmod /9p/$module.ko; done
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
mkdir -p /mnt
${work}
poweroff -f
`;
}

/** A line that mounts what is served at a port of this computer. @param port its number, or a variable of the shell */
export const mountLine = (options: string, port: number | string): string => `mount -t 9p -o "trans=tcp,version=9p2000.L,${options},port=${port}" ${HOST} /mnt`;

/**
 * Mounts on demand, and serves what is mounted back by diod. A port that is read while nobody is connected at the host's side is at its end: the kernel tells in
 * debugfs whether somebody is.
 */
const SERVING = `
mount -t debugfs debugfs /sys/kernel/debug
for port in /sys/class/virtio-ports/*; do
  read -r name <"$port/name"
  case $name in files) files=\${port##*/} ;; ctl) control=/dev/\${port##*/} ;; esac
done
exec 4<>"$control"
echo ready >&4
while read -r port options <&4; do
  if said=$(${mountLine('$options', '$port')} 2>&1); then
    echo mounted >&4
    until grep -q 'host_connected: 1' "/sys/kernel/debug/virtio-ports/$files"; do sleep 0.05; done
    diod -f -n -N -c /dev/null -e /mnt -r 3 -w 3 -L stderr 3<>"/dev/$files" 4>&-
    until umount /mnt; do sleep 0.05; done
    echo free >&4
  else
    echo "failed $said" >&4
  fi
done`;

/** A machine that is booted once, and mounts one tree after another. */
export class LinuxClient {
  readonly #machine: ChildProcess;
  readonly #control: Socket;
  readonly #files: string;
  readonly #lines: AsyncIterator<string>;
  /** What its console said. */
  #said = '';

  private constructor(machine: ChildProcess, control: Socket, files: string) {
    this.#machine = machine;
    this.#control = control;
    this.#files = files;
    this.#lines = createInterface(control)[Symbol.asyncIterator]();
    for (const stream of [machine.stdout!, machine.stderr!]) stream.on('data', (bytes: Buffer) => { this.#said = (this.#said + String(bytes)).slice(-20_000); });
  }

  /** @param folder for sockets and the machine's initramfs */
  static async start(parts: ClientParts, folder: string): Promise<LinuxClient> {
    const ports = { ctl: join(folder, 'ctl'), files: join(folder, 'files') };
    const machine = await startMachine(parts, folder, SERVING, ports);
    try {
      while (!existsSync(ports.ctl)) {
        if (machine.exitCode !== null) throw new Error(`QEMU ended with ${machine.exitCode}`);
        await new Promise((resume) => { setTimeout(resume, 50); });
      }
      const client = new LinuxClient(machine, await connected(ports.ctl), ports.files);
      await client.#expect('ready');
      return client;
    } catch (error) {
      machine.kill('SIGKILL');
      throw error;
    }
  }

  /** Mounts what is served at a port of this computer. @returns diod's end: who closes it has it unmounted */
  async mount(port: number, options: string): Promise<Socket> {
    this.#control.write(`${port} ${options}\n`);
    await this.#expect('mounted');
    return connected(this.#files);
  }

  /** Resolves when what was mounted is unmounted: after diod's end was closed. */
  unmounted(): Promise<void> {
    return this.#expect('free');
  }

  async end(): Promise<void> {
    this.#control.destroy();
    if (this.#machine.exitCode !== null || this.#machine.signalCode !== null) return;
    this.#machine.kill('SIGKILL');
    await once(this.#machine, 'close');
  }

  async #expect(word: string): Promise<void> {
    const { value, done } = await this.#lines.next();
    if (value !== word) throw new Error(`The machine said ${done ? 'nothing more' : value} instead of ${word}:\n${this.#said}`);
  }
}

async function connected(path: string): Promise<Socket> {
  const socket = connect(path);
  await once(socket, 'connect');
  return socket;
}
