import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { usage } from '../../engines/core/errors.ts';
import type { GuestManifest } from './manifest.ts';

/** Bytes of a qcow2 header that are looked at (QEMU's docs/interop/qcow2.rst): to the end of incompatible_features. */
const HEADER = 80;

/** An incompatible feature: the data lie in another file. */
const EXTERNAL_DATA = 1n << 2n;

/** How QEMU is told to read a guest's own disk. It never guesses: a raw disk whose first bytes its guest wrote could name any file. */
export function diskFormat(name: string): 'qcow2' | 'raw' {
  return /\.qcow2$/i.test(name) ? 'qcow2' : 'raw';
}

/**
 * A qcow2 disk may name other files that QEMU opens with it, by path or over a network: any file of the person's would be the guest's to read. Looked at when
 * a guest is added, and each time before it starts.
 * @param folder where the guest's files lie
 * @throws DiskError usage EINVAL for a disk that is not whole by itself
 */
export function checkOwnDisk({ boot: { disk } }: Pick<GuestManifest, 'boot'>, folder: string): void {
  if (disk === undefined || diskFormat(disk) === 'raw') return;
  const header = Buffer.alloc(HEADER);
  const file = openSync(join(folder, disk), 'r');
  try {
    readSync(file, header, 0, HEADER, 0);
  } finally {
    closeSync(file);
  }
  if (header.readUInt32BE(0) !== 0x514649fb) throw usage('EINVAL', `${disk} is no qcow2 image`, 'Give a raw disk another name.');
  const [version, backing, features] = [header.readUInt32BE(4), header.readBigUInt64BE(8), header.readBigUInt64BE(72)];
  if (backing !== 0n || version >= 3 && (features & EXTERNAL_DATA) !== 0n) {
    throw usage('EINVAL', `${disk} names another file that its data lie in, and a guest may reach none`, `Make it whole: qemu-img convert -O qcow2 ${disk} whole.qcow2`);
  }
}
