import { usage } from '../../core/errors.ts';
import { decodeName, type Name } from '../../core/names.ts';
import type { Fields, StructType, StructView } from '../../core/layout/struct.ts';
import { getU64, InHeader } from './layout.ts';

const HEADER = InHeader.size;

/** One message of the kernel, while it is worked on. */
export class Request {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** It was answered, or is not waited for: what comes later is dropped. */
  answered = false;

  /** @param bytes at least a header */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get length(): number {
    return this.view.getUint32(0, true);
  }

  get opcode(): number {
    return this.view.getUint32(4, true);
  }

  /** Its number: what an interrupt names it by. */
  get unique(): number {
    return getU64(this.view, 8);
  }

  get nodeid(): number {
    return getU64(this.view, 16);
  }

  get uid(): number {
    return this.view.getUint32(24, true);
  }

  get gid(): number {
    return this.view.getUint32(28, true);
  }

  /** Where what was not asked for begins (extensions, 7.38), in bytes. */
  get end(): number {
    return this.bytes.length - this.view.getUint16(36, true) * 8;
  }

  /** The operation's own structure. @throws usage EINVAL when the message is too short */
  body<F extends Fields>(type: StructType<F>): StructView<F> {
    if (HEADER + type.size > this.end) throw usage('EINVAL', `${type.name} does not fit into a message of ${this.bytes.length} bytes`);
    return type.over(this.view, HEADER);
  }

  /** Bytes of data behind the operation's structure. @throws usage EINVAL when there are fewer */
  data(after: number, length: number): Uint8Array {
    const at = HEADER + after;
    if (length > this.end - at) throw usage('EINVAL', `The message ends before ${length} bytes of data`);
    return this.bytes.subarray(at, at + length);
  }

  /** The first name behind the operation's structure. @throws usage EINVAL when it does not end */
  name(after = 0): Name {
    const at = HEADER + after;
    const end = this.bytes.indexOf(0, at);
    if (end < 0 || end >= this.end) throw usage('EINVAL', 'A name does not end');
    return decodeName(this.bytes, at, end);
  }

  /** The second one. */
  nameBehind(after = 0): Name {
    const end = this.bytes.indexOf(0, HEADER + after);
    if (end < 0) throw usage('EINVAL', 'A name does not end');
    return this.name(end + 1 - HEADER);
  }

  /** Bytes of data behind the first name. @throws usage EINVAL when there are fewer */
  dataBehindName(after: number, length: number): Uint8Array {
    const end = this.bytes.indexOf(0, HEADER + after);
    if (end < 0) throw usage('EINVAL', 'A name does not end');
    return this.data(end + 1 - HEADER, length);
  }
}
