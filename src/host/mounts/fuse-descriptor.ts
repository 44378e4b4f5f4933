import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { access, constants } from 'node:fs/promises';
import { ioError, unsupported } from '../../engines/core/errors.ts';
import type { Possible } from '../../shared/contract/edit.ts';
import { type FuseDevice, fuseDevice } from '../native/fuse-device.ts';
import { findProgram } from './programs.ts';

/** How a filesystem is mounted. */
export interface FuseMountOptions {
  /** What the system's list of mounts calls it. */
  readonly title: string;
  readonly readOnly: boolean;
  /** For other accounts, too. Left out where the system does not let this one. */
  readonly shared: boolean;
}

/** Bytes that are read at once at most. */
const MAX_READ = 1 << 20;

const DEVICE = '/dev/fuse';

// include/uapi/linux/mount.h. An image is foreign: neither device nodes nor set-user-ID programs in it may act, not even for root.
const MS_RDONLY = 1;
const MS_NOSUID = 2;
const MS_NODEV = 4;

/** Bit of CapEff in /proc/PID/status (include/uapi/linux/capability.h). */
const CAP_SYS_ADMIN = 21n;

const ENAMES = new Map(Object.entries(osConstants.errno).map(([name, number]) => [number as number, name]));

/** Whether a FUSE filesystem can be mounted here, and if not what is missing. */
export async function fuseAvailable(): Promise<Possible> {
  if (process.platform !== 'linux') return { ok: false, reason: 'FUSE is a part of Linux' };
  try {
    await access(DEVICE, constants.R_OK | constants.W_OK);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES'
      ? { ok: false, reason: `This account may not open ${DEVICE}` }
      : { ok: false, reason: `There is no ${DEVICE}: the kernel has no FUSE, or this container was not given it (modprobe fuse; --device ${DEVICE})` };
  }
  if (fuseDevice() === undefined) return { ok: false, reason: 'The native library that mounting needs (koffi) does not load on this computer' };
  if (process.geteuid?.() === 0) return maySystemMount() ? { ok: true } : { ok: false, reason: 'The system does not let root mount here (a container without CAP_SYS_ADMIN)' };
  return findProgram('fusermount3') === undefined
    ? { ok: false, reason: 'fusermount3, which mounts for those who are not root, is not installed (Debian: apt install fuse3)' }
    : { ok: true };
}

/**
 * Whether the kernel is to check owners and modes. Not where an ordinary account mounts for itself: the kernel lets nobody else in (fs/fuse/dir.c,
 * fuse_allow_current_process), and who may open an image can read and change all that is in it, as the window does. The accounts of the image's computer mean
 * nothing here, and its files are mostly root's.
 */
export function checksPermissions(shared: boolean): boolean {
  return process.geteuid?.() === 0 || (shared && mayShare());
}

/**
 * Mounts a filesystem that is not served yet: whoever looks at it waits until it is.
 * @param at absolute path of a folder
 * @returns the open device, through which the kernel's requests come
 * @throws DiskError unsupported; io with what the system said
 */
export async function mountFuse(at: string, options: FuseMountOptions): Promise<number> {
  const calls = fuseDevice();
  if (calls === undefined) throw unsupported('fuse', 'The native library that mounting needs (koffi) does not load on this computer');
  return process.geteuid?.() === 0 ? mountAsRoot(calls, at, options) : mountAsUser(calls, at, options);
}

/** The system call itself: it returns at once, for the first request is not waited for (fs/fuse/inode.c, fuse_fill_super). */
function mountAsRoot(calls: FuseDevice, at: string, { title, readOnly, shared }: FuseMountOptions): number {
  const fd = openSync(DEVICE, 'r+');
  const options = [`fd=${fd}`, 'rootmode=40000', `user_id=${process.geteuid!()}`, `group_id=${process.getegid!()}`, 'default_permissions', `max_read=${MAX_READ}`, ...(shared ? ['allow_other'] : [])];
  const result = calls.mount(title, at, 'fuse.clutch', MS_NOSUID | MS_NODEV | (readOnly ? MS_RDONLY : 0), options.join(','));
  if (result === 0) return fd;
  closeSync(fd);
  throw ioError(`${at} can't be mounted on: ${ENAMES.get(-result) ?? `errno ${-result}`}`);
}

/** By fusermount3, which is set-user-ID and hands the open device over a socket. It adds nosuid and nodev by itself as well. */
async function mountAsUser(calls: FuseDevice, at: string, { title, readOnly, shared }: FuseMountOptions): Promise<number> {
  const program = findProgram('fusermount3');
  if (program === undefined) throw unsupported('fuse', 'fusermount3 is not installed', 'Debian: apt install fuse3');
  const options = [
    readOnly ? 'ro' : 'rw', 'nosuid', 'nodev', `max_read=${MAX_READ}`, 'subtype=clutch', `fsname=${title.replaceAll(/[\\,]/g, '\\$&')}`,
    ...(checksPermissions(shared) ? ['default_permissions'] : []), ...(shared && mayShare() ? ['allow_other'] : []),
  ];
  const [ours, theirs] = calls.socketPair();
  try {
    const said = await new Promise<string | undefined>((resolve) => {
      const child = spawn(program, ['-o', options.join(','), '--', at], { cwd: '/', stdio: ['ignore', 'ignore', 'pipe', theirs], env: { ...process.env, LC_ALL: 'C', _FUSE_COMMFD: '3' } });
      let text = '';
      child.stderr!.on('data', (chunk: Buffer) => { if (text.length < 4096) text += chunk.toString(); });
      child.on('error', (error) => resolve(error.message));
      child.on('close', (status) => resolve(status === 0 ? undefined : text.trim().replace(/^fusermount3: /, '') || `fusermount3 ended with ${status}`));
    });
    if (said !== undefined) throw ioError(`${at} can't be mounted on: ${said}`);
    const fd = calls.receiveDescriptor(ours);
    if (fd < 0) throw ioError(`fusermount3 handed no descriptor over: ${ENAMES.get(-fd) ?? `errno ${-fd}`}`);
    return fd;
  } finally {
    closeSync(ours);
    closeSync(theirs);
  }
}

/** Whether this account may let others in: a line of its own in /etc/fuse.conf. */
function mayShare(): boolean {
  try {
    return /^[ \t]*user_allow_other[ \t]*$/m.test(readFileSync('/etc/fuse.conf', 'utf8'));
  } catch {
    return false;
  }
}

function maySystemMount(): boolean {
  try {
    const bits = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return bits === undefined || ((BigInt(`0x${bits}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
  } catch {
    return true; // The attempt will tell.
  }
}
