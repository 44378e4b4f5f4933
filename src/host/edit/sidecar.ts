import { createHash } from 'node:crypto';
import { GatheredWrites } from '../sources/gathered-writes.ts';
import type { DiskFile } from './disk.ts';
import { sumSectors } from './sector-sums.ts';
import { SECTOR } from './sectors.ts';
import { END, FRESH, HEADER, type Identity, MAGIC, markOf, MOST_DATA, RECORD, REDO, TAIL, TAIL_MAGIC, tailSum, VERSION, WITNESS } from './sidecar-format.ts';
import { type CompleteSidecar, readRecords } from './sidecar-reader.ts';

/** Writes a sidecar from its start to its end. */
export class SidecarWriter {
  readonly #file: DiskFile;
  readonly #hash = createHash('sha256');
  readonly #identity: Identity;
  readonly #writes: GatheredWrites;
  #at = 0;
  /** Where the first record begins. */
  #records = 0;
  #hasFresh = false;

  constructor(file: DiskFile, identity: Identity) {
    this.#file = file;
    this.#identity = identity;
    this.#writes = new GatheredWrites((at, from) => { file.write(at, from); });
  }

  /** First of all: whom it belongs to. */
  begin(): void {
    const text = Buffer.from(JSON.stringify(this.#identity));
    const header = Buffer.alloc(HEADER);
    MAGIC.copy(header);
    header.writeUInt32LE(VERSION, 8);
    header.writeUInt32LE(text.length, 12);
    this.#append(header);
    this.#append(text);
    this.#records = this.#at;
  }

  /** @param at a multiple of 512; so is the length, but at the end of the image */
  add(at: number, old: Uint8Array, now: Uint8Array): void {
    for (let done = 0; done < now.length; done += MOST_DATA) {
      const bytes = now.subarray(done, done + MOST_DATA);
      this.#add(at + done, bytes.length, REDO, sumSectors(old.subarray(done, done + MOST_DATA)));
      this.#append(bytes);
    }
  }

  /** Bytes that are not changed, at most 1 MiB. @param at as for `add` */
  addWitness(at: number, bytes: Uint8Array): void {
    this.#add(at, bytes.length, WITNESS, sumSectors(bytes));
  }

  /** Zeros that get other bytes, at most 1 MiB. @param at as for `add` @param sums of the new bytes */
  addFresh(at: number, length: number, sums: Int32Array): void {
    this.#add(at, length, FRESH, sums);
    this.#hasFresh = true;
  }

  /**
   * Makes it durable, and then valid. From the moment this begins, the image may be written to by whoever finds the file.
   * @returns what was written: it need not be read again to know that it is whole
   */
  finish(): CompleteSidecar {
    this.#append(new Uint8Array(SECTOR - (this.#at % SECTOR)));
    this.#writes.flush();
    this.#file.sync();
    const end = Buffer.alloc(END);
    const tail = end.subarray(END - TAIL);
    TAIL_MAGIC.copy(tail);
    tail.writeBigUInt64LE(BigInt(this.#at + END - TAIL), 8);
    this.#hash.copy().digest().copy(tail, 16);
    tailSum(tail).copy(tail, 48);
    const mark = markOf(tail);
    if (!this.#hasFresh) mark.copy(end);
    this.#file.write(this.#at, end);
    this.#file.sync();
    const [file, at] = [this.#file, this.#at];
    return {
      state: 'complete', identity: this.#identity, committed: !this.#hasFresh, records: () => readRecords(file, this.#records, at, this.#identity.size, VERSION),
      commit: () => {
        file.write(at, mark);
        file.sync();
      },
    };
  }

  #add(at: number, length: number, kind: number, sums: Int32Array): void {
    const head = Buffer.alloc(RECORD);
    head.writeBigUInt64LE(BigInt(at), 0);
    head.writeUInt32LE(length, 8);
    head.writeUInt32LE(kind, 12);
    this.#append(head);
    this.#append(new Uint8Array(sums.buffer, sums.byteOffset, sums.byteLength));
  }

  #append(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#writes.write(this.#at, bytes);
    this.#at += bytes.length;
  }
}
