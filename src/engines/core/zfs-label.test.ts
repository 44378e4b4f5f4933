import { describe, expect, it } from 'vitest';
import { MemoryDevice } from './bytes/memory.ts';
import { factsOf } from './facts.ts';
import { readZfsLabel } from './zfs-label.ts';

/** A pair of XDR's: sizes, name, type, how many, value. */
function pair(name: string, type: number, value: Uint8Array): Buffer {
  const text = xdrText(name);
  const head = Buffer.alloc(8);
  const kind = Buffer.alloc(8);
  head.writeUInt32BE(16 + text.length + value.length);
  kind.writeUInt32BE(type);
  kind.writeUInt32BE(1, 4);
  return Buffer.concat([head, text, kind, value]);
}

function xdrText(text: string): Buffer {
  const bytes = Buffer.alloc(4 + Math.ceil(Buffer.byteLength(text) / 4) * 4);
  bytes.writeUInt32BE(Buffer.byteLength(text));
  bytes.write(text, 4);
  return bytes;
}

function label(...pairs: readonly Uint8Array[]): MemoryDevice {
  const bytes = new Uint8Array(1 << 18);
  bytes.set(Buffer.concat([Buffer.from([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), ...pairs]), 0x4000);
  return new MemoryDevice(bytes);
}

const number = Buffer.from('59163db0d0b2d450', 'hex');

describe('a label of ZFS', () => {
  it('says the name of the pool and its number, wherever they stand', () => {
    const device = label(pair('version', 8, Buffer.alloc(8, 1)), pair('name', 9, xdrText('tänk')), pair('pool_guid', 8, number));
    expect(readZfsLabel(device)).toEqual({ name: 'tänk', guid: number.readBigUInt64BE().toString() });
    expect(factsOf(device, 'openzfs')).toEqual({ label: 'tänk', uuid: number.readBigUInt64BE().toString() });
  });

  it('that is none, or damaged, says nothing, and is never read past its end', () => {
    expect(readZfsLabel(new MemoryDevice(new Uint8Array(100)))).toEqual({ name: '', guid: '' });
    expect(readZfsLabel(new MemoryDevice(new Uint8Array(1 << 18)))).toEqual({ name: '', guid: '' });
    const name = pair('name', 9, xdrText('tank'));
    for (let at = 0; at < name.length; at++) {
      for (const byte of [0, 0x7f, 0xff]) {
        const damaged = Buffer.from(name);
        damaged[at] = byte;
        expect(typeof readZfsLabel(label(damaged, pair('pool_guid', 8, number))).name).toBe('string');
      }
    }
    expect(readZfsLabel(label(pair('name', 8, number), pair('pool_guid', 9, xdrText('12345678'))))).toEqual({ name: '', guid: '' });
  });
});
