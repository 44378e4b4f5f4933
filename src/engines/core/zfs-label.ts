import { type BlockDevice, readBytes } from './bytes/device.ts';
import { decodeName } from './names.ts';

/** Where the pairs of the first label lie (vdev_impl.h: vdev_label_t, vl_vdev_phys), and how many bytes of them are looked at: the names come first. */
const PAIRS = 0x4000;
const LOOKED = 4096;

/** Types of values (nvpair.h: data_type_t). */
const UINT64 = 8;
const STRING = 9;

/** What a label of ZFS says of its pool: its name, and its number as zpool spells it (`zpool get guid`). Empty where it does not; never throws for what it reads. */
export function readZfsLabel(device: BlockDevice): { readonly name: string; readonly guid: string } {
  const found = { name: '', guid: '' };
  if (device.size < PAIRS + LOOKED) return found;
  let bytes: Uint8Array;
  try {
    bytes = readBytes(device, PAIRS, LOOKED);
  } catch {
    return found; // An unreadable sector tells nothing.
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // As XDR (RFC 4506): big-endian, in multiples of four bytes (nvpair.c: NV_ENCODE_XDR). Behind it the list's version and flags.
  if (bytes[0] !== 1) return found;
  for (let at = 12; at + 8 <= LOOKED;) {
    const size = view.getUint32(at);
    // A pair is its size, the size in memory, the name, the type, how many values, the values. A size of zero ends the list.
    if (size < 20 || at + size > LOOKED) break;
    const name = textAt(view, at + 8, at + size);
    const value = at + 20 + padded(name.length);
    if (value + 8 <= at + size) {
      const type = view.getUint32(value - 8);
      if (name === 'name' && type === STRING) found.name = textAt(view, value, at + size);
      if (name === 'pool_guid' && type === UINT64) found.guid = view.getBigUint64(value).toString();
    }
    at += size;
  }
  return found;
}

/** A text with its length before it, that ends before `end`. */
function textAt(view: DataView, at: number, end: number): string {
  const length = at + 4 <= end ? view.getUint32(at) : 0;
  return at + 4 + length <= end ? decodeName(new Uint8Array(view.buffer, view.byteOffset + at + 4, length)) : '';
}

function padded(length: number): number {
  return (length + 3) & ~3;
}
