import type { DeviceEvent } from '../../core/bytes/recording.ts';
import type { Random } from '../fuzz/random.ts';

/** What a disk writes as a whole, in bytes. */
const SECTOR = 512;

type Write = Extract<DeviceEvent, { kind: 'write' }>;

/** What a disk could hold after the power went. */
export interface PowerCut {
  /** The number of events before it. */
  readonly at: number;
  /** What became of the writes that no flush had followed, for messages. */
  readonly how: string;
  /** Good until the next cut is asked for; may be written to. */
  readonly image: Uint8Array;
}

/**
 * Cuts a recording of a disk at every event, and again with what could have become of the writes since the last flush: any of them may be
 * on the disk, or not, or only some of its sectors. Writes to the same sectors keep their order, as a disk's cache does.
 * @param image what the disk held before
 * @param variants how many of those there are for every event, beside the plain prefix
 * @param share of all these cuts that are made, picked at random: 1 for all
 */
export function* powerCuts(image: Uint8Array, events: readonly DeviceEvent[], variants: number, share: number, dice: Random): Iterable<PowerCut> {
  const picked = (): boolean => dice.below(1_000_000) < share * 1_000_000;
  // All that is durable, and what came since.
  const durable = image.slice();
  const cut = image.slice();
  let pending: Write[] = [];
  for (let at = 0; at <= events.length; at++) {
    const event = events[at - 1];
    if (event?.kind === 'read') continue;
    if (event?.kind === 'write') pending.push(event);
    if (event?.kind === 'flush') {
      for (const write of pending) durable.set(write.bytes, write.at);
      pending = [];
    }
    if (picked()) yield { at, how: `all ${pending.length} writes since the last flush`, image: apply(durable, pending.map((write) => [write, undefined]), cut) };
    for (let i = 0; i < variants && pending.length > 0; i++) if (picked()) yield { at, ...someOf(durable, pending, dice, cut) };
  }
}

/** @param sectors those of a torn write that are on the disk; undefined for all */
function apply(durable: Uint8Array, writes: readonly (readonly [write: Write, sectors: ReadonlySet<number> | undefined])[], image: Uint8Array): Uint8Array {
  image.set(durable);
  for (const [{ at, bytes }, sectors] of writes) {
    if (sectors === undefined) {
      image.set(bytes, at);
      continue;
    }
    for (const sector of sectors) image.set(bytes.subarray(sector * SECTOR, (sector + 1) * SECTOR), at + sector * SECTOR);
  }
  return image;
}

function someOf(durable: Uint8Array, pending: readonly Write[], dice: Random, cut: Uint8Array): Pick<PowerCut, 'how' | 'image'> {
  // Mostly lost, mostly there, or half and half: each finds other faults.
  const chance = dice.pick([10, 50, 90]);
  const kept: [Write, ReadonlySet<number> | undefined][] = [];
  const said: string[] = [];
  for (const [index, write] of pending.entries()) {
    if (dice.oneIn(4)) {
      const count = Math.ceil(write.bytes.length / SECTOR);
      const sectors = new Set<number>();
      for (let sector = 0; sector < count; sector++) if (dice.below(100) < chance) sectors.add(sector);
      kept.push([write, sectors]);
      said.push(`${index} torn (${sectors.size} of ${count} sectors)`);
    } else if (dice.below(100) < chance) {
      kept.push([write, undefined]);
      said.push(`${index}`);
    }
  }
  return { how: `of ${pending.length} writes since the last flush: ${said.join(', ') || 'none'}`, image: apply(durable, kept, cut) };
}
