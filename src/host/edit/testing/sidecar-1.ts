import { createHash } from 'node:crypto';
import { type Identity, tailSum } from '../sidecar-format.ts';

const sha = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** A valid sidecar of version 1, as the first releases wrote it: header, a record each, tail. @param records the last ones of kind 1 are witnesses */
export function sidecar1(identity: Identity, records: readonly { readonly at: number; readonly old: Uint8Array; readonly now: Uint8Array; readonly kind: 0 | 1 }[]): Uint8Array {
  const text = Buffer.from(JSON.stringify(identity));
  const header = Buffer.alloc(16);
  header.write('CLUTCHAP');
  header.writeUInt32LE(1, 8);
  header.writeUInt32LE(text.length, 12);
  const parts: Buffer[] = [header, text];
  for (const { at, old, now, kind } of records) {
    const head = Buffer.alloc(16);
    head.writeBigUInt64LE(BigInt(at), 0);
    head.writeUInt32LE(now.length, 8);
    head.writeUInt32LE(kind, 12);
    parts.push(head);
    for (let i = 0; i < old.length; i += 512) {
      const sector = old.subarray(i, i + 512);
      parts.push(sector.every((byte) => byte === 0) ? Buffer.alloc(16) : sha(sector).subarray(0, 16));
    }
    parts.push(Buffer.from(now));
  }
  const all = Buffer.concat(parts);
  const tail = Buffer.alloc(56);
  tail.write('CLUTCHEN');
  tail.writeBigUInt64LE(BigInt(all.length), 8);
  sha(all).copy(tail, 16);
  tailSum(tail).copy(tail, 48);
  return Buffer.concat([all, tail]);
}
