import { type BlockDevice, readBytes } from './bytes/device.ts';
import { decodeName } from './names.ts';
import { readZfsLabel } from './zfs-label.ts';

/** A volume's label and UUID (of a pool its name and number), as far as its superblock tells them without its filesystem being opened. Empty where it does not. */
export interface Facts {
  readonly label: string;
  readonly uuid: string;
}

/** Where the superblock of a format has them: bytes from the device's start. As in util-linux's libblkid (libblkid/src/superblocks). */
interface Place {
  readonly label?: { readonly at: number; readonly length: number; readonly utf16?: true };
  /** */
  readonly uuid?: { readonly at: number };
}

const PLACES: Readonly<Record<string, Place>> = {
  xfs: { label: { at: 108, length: 12 }, uuid: { at: 32 } },
  btrfs: { label: { at: 0x1_0000 + 0x12b, length: 256 }, uuid: { at: 0x1_0000 + 0x20 } },
  reiserfs: { label: { at: 0x1_0000 + 100, length: 16 }, uuid: { at: 0x1_0000 + 84 } },
  jfs: { label: { at: 0x8000 + 152, length: 16 }, uuid: { at: 0x8000 + 136 } },
  f2fs: { label: { at: 0x400 + 124, length: 512, utf16: true }, uuid: { at: 0x400 + 108 } },
  nilfs2: { label: { at: 0x400 + 168, length: 80 }, uuid: { at: 0x400 + 152 } },
  ext4: { label: { at: 0x400 + 120, length: 16 }, uuid: { at: 0x400 + 104 } },
  gfs2: { uuid: { at: 0x1_0000 + 256 } },
  erofs: { label: { at: 0x400 + 64, length: 16 }, uuid: { at: 0x400 + 48 } },
  iso9660: { label: { at: 0x8000 + 40, length: 32 } },
  bcachefs: { label: { at: 0x1000 + 72, length: 32 }, uuid: { at: 0x1000 + 56 } },
  hpfs: {},
  befs: { label: { at: 0x200, length: 32 } },
  romfs: { label: { at: 16, length: 16 } },
};

/** Label and UUID of bytes that look like `format`. Never throws for what it reads. */
export function factsOf(device: BlockDevice, format: string): Facts {
  if (format === 'zfs' || format === 'openzfs') {
    const { name, guid } = readZfsLabel(device);
    return { label: name, uuid: guid };
  }
  const { label, uuid } = PLACES[format] ?? {};
  return { label: label === undefined ? '' : textAt(device, label), uuid: uuid === undefined ? '' : uuidAt(device, uuid.at) };
}

function textAt(device: BlockDevice, { at, length, utf16 }: NonNullable<Place['label']>): string {
  const bytes = bytesAt(device, at, length);
  if (bytes === undefined) return '';
  if (utf16) {
    let text = '';
    for (let i = 0; i + 1 < bytes.length; i += 2) {
      const unit = bytes[i]! | (bytes[i + 1]! << 8);
      if (unit === 0) break;
      text += String.fromCharCode(unit);
    }
    return text;
  }
  const end = bytes.indexOf(0);
  return decodeName(end < 0 ? bytes : bytes.subarray(0, end)).trimEnd();
}

/** In the usual spelling; empty for one that is all zero. */
function uuidAt(device: BlockDevice, at: number): string {
  const bytes = bytesAt(device, at, 16);
  if (bytes === undefined || bytes.every((byte) => byte === 0)) return '';
  const text = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join('-');
}

function bytesAt(device: BlockDevice, at: number, length: number): Uint8Array | undefined {
  if (at + length > device.size) return undefined;
  try {
    return readBytes(device, at, length);
  } catch {
    return undefined; // An unreadable sector tells nothing.
  }
}
