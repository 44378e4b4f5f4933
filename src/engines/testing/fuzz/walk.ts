import { cpuUsage } from 'node:process';
import { closeLayers, type Layer, layersOf } from '../../core/layer.ts';
import { openLayers } from '../../core/layers.ts';
import { isDiskError } from '../../core/errors.ts';
import type { BlockDevice } from '../../core/bytes/device.ts';
import type { FileSystem, NodeId } from '../../core/filesystem.ts';
import type { RegistryEntry } from '../../core/probe.ts';
import { testContext } from '../context.ts';

/** How far one image is walked. What goes beyond is cut, so that a rate of hundreds of images a second is possible. */
const LIMITS = { structures: 300, landmarks: 12, nodes: 250, entries: 4000, batches: 1000, bytes: 64 * 1024, extents: 2000, xattrs: 64 };

/** Milliseconds of the processor that one image may take. */
export const TIME_LIMIT = 2000;

/** Milliseconds that this process has kept processors busy: what a bound is measured by, so that a machine that does other things as well breaks none. */
export function busy(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1000;
}

/** A result that breaks the interface's promises; anything thrown that is no DiskError breaks them too. */
export class Broken extends Error {}

/** It took longer than TIME_LIMIT. */
export class TooSlow extends Error {}

/** What became of an image: what went wrong, if anything did, and how long it took. */
export interface Outcome {
  readonly failure: Error | undefined;
  readonly ms: number;
  /** Layers that were entered, nodes that were looked at, DiskErrors that were met: so that a run shows that it does something. */
  readonly layers: number;
  readonly nodes: number;
  readonly errors: number;
  /** What else is counted over a run, by its name. */
  readonly counts?: Readonly<Record<string, number>>;
}

/** Opens whatever the device holds and walks all of it. Never throws. */
export async function exercise(device: BlockDevice, registry: readonly RegistryEntry[]): Promise<Outcome> {
  const started = busy();
  const count = { layers: 0, nodes: 0, errors: 0 };
  let failure: Error | undefined;
  try {
    const top = await openLayers(device, registry, testContext(32 * 1024 * 1024));
    for (const layer of layersOf(top)) {
      count.layers++;
      checkLayer(layer);
      if (layer.error !== undefined) count.errors++;
      checkStructures(layer);
      if (layer.filesystem !== undefined) await new Walk(layer.filesystem, count).run();
    }
    await closeLayers(top);
  } catch (error) {
    failure = error instanceof Error ? error : new Broken(String(error));
  }
  const ms = busy() - started;
  if (failure === undefined && ms > TIME_LIMIT) failure = new TooSlow(`it took ${Math.round(ms)} ms`);
  return { failure, ms, ...count };
}

function checkLayer(layer: Layer): void {
  // toDiskError keeps what was no DiskError as the cause: a fault of ours.
  const cause: unknown = layer.error?.cause;
  if (cause !== undefined && !isDiskError(cause)) throw cause instanceof Error ? cause : new Broken(String(cause));
  expect(Number.isSafeInteger(layer.offset) && layer.offset >= 0 && Number.isSafeInteger(layer.size) && layer.size >= 0, `layer ${layer.path} has offset ${layer.offset}, size ${layer.size}`);
  expect(layer.notes.length <= 1000, `layer ${layer.path} has ${layer.notes.length} notes`);
}

/** What the bytes at the start of a layer and at its landmarks are: nothing is thrown, and everything lies where it was asked for. */
function checkStructures({ path, structures, device }: Layer): void {
  if (structures === undefined) return;
  const places = [0];
  for (const { at } of structures.landmarks()) {
    if (places.length >= LIMITS.landmarks) break;
    places.push(at);
  }
  for (const place of places) {
    let count = 0;
    for (const { at, length, name, fields } of structures.within(place, 4096)) {
      if (++count > LIMITS.structures) break;
      expect(Number.isSafeInteger(at) && at >= 0 && length > 0 && at < place + 4096 && at + length > place, `${name} of layer ${path} at ${at} is not within the bytes at ${place} of ${device.size}`);
      for (const field of fields()) expect(field.at >= at && field.at + field.length <= at + length, `${name}.${field.name} lies outside of it`);
    }
  }
}

function expect(holds: boolean, message: string): void {
  if (!holds) throw new Broken(message);
}

class Walk {
  readonly #fs: FileSystem;
  readonly #count: { nodes: number; errors: number };
  readonly #buffer = new Uint8Array(LIMITS.bytes);
  readonly #seen = new Set<NodeId>();
  readonly #queue: NodeId[] = [];

  constructor(fs: FileSystem, count: { nodes: number; errors: number }) {
    this.#fs = fs;
    this.#count = count;
  }

  async run(): Promise<void> {
    const { info } = this.#fs;
    expect(Number.isSafeInteger(info.size) && Number.isSafeInteger(info.free) && info.size >= 0, `size ${info.size}, free ${info.free}`);
    this.#queue.push(this.#fs.root);
    for (let node = this.#queue.shift(); node !== undefined; node = this.#queue.shift()) {
      if (this.#seen.has(node)) continue;
      if (this.#seen.size >= LIMITS.nodes) return;
      this.#seen.add(node);
      this.#count.nodes++;
      await this.#node(node);
    }
  }

  async #node(node: NodeId): Promise<void> {
    const stat = await this.#try(() => this.#fs.stat(node));
    await this.#xattrs(node);
    if (stat === undefined) return;
    expect(Number.isSafeInteger(stat.size) && stat.size >= 0 && Number.isSafeInteger(stat.allocated), `node ${node} has size ${stat.size}, allocated ${stat.allocated}`);
    expect(stat.mode >= 0 && stat.mode <= 0o7777, `node ${node} has mode ${stat.mode}`);
    expect(typeof stat.mtime === 'bigint', `node ${node} has no mtime`);
    if (stat.type === 'dir') await this.#directory(node);
    else if (stat.type === 'file') await this.#file(node, stat.size);
    else if (stat.type === 'symlink') await this.#try(() => this.#fs.readlink(node));
    // What a node is not, it must refuse as politely.
    if (stat.type !== 'dir' && this.#count.nodes % 8 === 0) await this.#try(() => this.#fs.lookup(node, 'x'));
  }

  async #directory(node: NodeId): Promise<void> {
    let cursor: number | string | undefined;
    let entries = 0;
    for (let batches = 0; entries < LIMITS.entries; batches++) {
      expect(batches < LIMITS.batches, `the listing of node ${node} does not end`);
      const from = cursor;
      const batch = await this.#try(() => this.#fs.list(node, from));
      if (batch === undefined) return;
      for (const entry of batch.entries) {
        expect(entry.name !== '' && entry.name !== '.' && entry.name !== '..', `node ${node} lists the name ${JSON.stringify(entry.name)}`);
        entries++;
        if (entries % 7 === 1 || entries < 20) await this.#try(() => this.#fs.lookup(node, entry.name));
        if (this.#queue.length < LIMITS.nodes) this.#queue.push(entry.node);
      }
      if (batch.next === undefined) break;
      expect(batch.next !== cursor, `the listing of node ${node} stays at ${batch.next}`);
      cursor = batch.next;
    }
    await this.#try(() => this.#fs.lookup(node, 'no such name \udc80'));
  }

  async #file(node: NodeId, size: number): Promise<void> {
    for (const at of new Set([0, Math.max(0, size - 1000), Math.floor(size / 2)])) {
      const length = await this.#try(() => this.#fs.read(node, at, this.#buffer));
      if (length !== undefined) expect(Number.isInteger(length) && length >= 0 && length <= this.#buffer.length && (length === 0 || at + length <= size), `node ${node} of ${size} bytes gave ${length} bytes at ${at}`);
    }
    const { extents } = this.#fs;
    if (extents === undefined) return;
    await this.#try(async () => {
      let end = 0;
      let count = 0;
      for (const extent of await extents.map(node)) {
        expect(extent.length > 0 && extent.logical >= end, `extents of node ${node} are out of order: ${extent.logical} after ${end}`);
        end = extent.logical + extent.length;
        if (++count >= LIMITS.extents) break;
      }
    });
  }

  async #xattrs(node: NodeId): Promise<void> {
    const { xattrs } = this.#fs;
    if (xattrs === undefined) return;
    const names = await this.#try(() => xattrs.list(node));
    for (const name of (names ?? []).slice(0, LIMITS.xattrs)) await this.#try(() => xattrs.get(node, name));
  }

  /** A DiskError is an answer. */
  async #try<T>(call: () => T | Promise<T>): Promise<T | undefined> {
    try {
      const result = call();
      return result instanceof Promise ? await result : result;
    } catch (error) {
      if (!isDiskError(error)) throw error;
      const cause: unknown = error.cause;
      if (cause !== undefined && !isDiskError(cause)) throw cause;
      this.#count.errors++;
      return undefined;
    }
  }
}
