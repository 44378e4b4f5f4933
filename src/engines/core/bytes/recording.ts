import type { BlockDevice } from './device.ts';

/** One thing that was done to a device, in order. Bytes are copies. */
export type DeviceEvent =
  | { readonly kind: 'read'; readonly at: number; readonly length: number }
  | { readonly kind: 'write'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'flush' };

/** Notes every read, write and flush: crash tests replay its prefixes, cost tests count its reads. */
export class RecordingDevice implements BlockDevice {
  readonly size: number;
  readonly blockSize: number;
  readonly events: DeviceEvent[] = [];
  readonly #below: BlockDevice;

  constructor(below: BlockDevice) {
    this.#below = below;
    this.size = below.size;
    this.blockSize = below.blockSize;
    if (below.write) {
      this.write = (at, from) => {
        this.events.push({ kind: 'write', at, bytes: from.slice() });
        below.write!(at, from);
      };
    }
    if (below.flush) {
      this.flush = () => {
        this.events.push({ kind: 'flush' });
        below.flush!();
      };
    }
  }

  readonly write?: (at: number, from: Uint8Array) => void;
  readonly flush?: () => void;

  read(at: number, into: Uint8Array): void {
    this.events.push({ kind: 'read', at, length: into.length });
    this.#below.read(at, into);
  }

  close(): void {
    this.#below.close();
  }
}
