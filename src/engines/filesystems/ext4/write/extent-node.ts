import { Ext4Extent, Ext4ExtentHeader, EXTENT_INIT_MAX } from '../layout.ts';
import type { MappedRun } from './file-map.ts';

/** Bytes before the entries of a node, and of each entry. */
export const HEADER = Ext4ExtentHeader.size;
export const ENTRY = Ext4Extent.size;

/** A node of the tree, and the entry in it that the path goes through: -1 where all of a leaf's start later. */
export interface Step {
  /** 0 for the root. */
  readonly block: number;
  bytes: Uint8Array;
  view: DataView;
  index: number;
}

/** eh_entries, eh_max, eh_depth. */
export const countOf = (step: Step): number => step.view.getUint16(2, true);
export const maxOf = (step: Step): number => step.view.getUint16(4, true);
export const depthOf = (step: Step): number => step.view.getUint16(6, true);
export const setCount = (step: Step, count: number): void => { step.view.setUint16(2, count, true); };
/** The first logical block of an entry: extents and index entries both start with it. */
export const keyAt = (step: Step, index: number): number => step.view.getUint32(HEADER + index * ENTRY, true);

/** An entry of a leaf. */
export function runAt(leaf: Step, index: number): MappedRun {
  const entry = Ext4Extent.over(leaf.view, HEADER + index * ENTRY);
  const unwritten = entry.ee_len > EXTENT_INIT_MAX;
  return { logical: entry.ee_block, count: unwritten ? entry.ee_len - EXTENT_INIT_MAX : entry.ee_len, physical: entry.ee_start_lo + entry.ee_start_hi * 2 ** 32, unwritten };
}

/** Whether `next` goes on where `run` ends, in the file and on the device. */
export function follows(run: MappedRun, next: MappedRun): boolean {
  return run.unwritten === next.unwritten && run.logical + run.count === next.logical && run.physical + run.count === next.physical;
}

/** The block that an entry of an inner node leads to. */
export function childOf(parent: Step, index: number): number {
  const at = HEADER + index * ENTRY;
  return parent.view.getUint32(at + 4, true) + parent.view.getUint16(at + 8, true) * 2 ** 32;
}

/** @param key the first logical block below */
export function setChild(parent: Step, index: number, key: number, block: number): void {
  const at = HEADER + index * ENTRY;
  parent.view.setUint32(at, key, true);
  parent.view.setUint32(at + 4, block % 2 ** 32, true);
  parent.view.setUint16(at + 8, Math.floor(block / 2 ** 32), true);
  parent.view.setUint16(at + 10, 0, true);
}

/** Makes room for an entry at `index`. The node is not full. */
export function openEntry(step: Step, index: number): void {
  const count = countOf(step);
  step.bytes.copyWithin(HEADER + (index + 1) * ENTRY, HEADER + index * ENTRY, HEADER + count * ENTRY);
  setCount(step, count + 1);
}

/** Takes an entry out of a node. */
export function closeEntry(step: Step, index: number): void {
  const count = countOf(step);
  step.bytes.copyWithin(HEADER + index * ENTRY, HEADER + (index + 1) * ENTRY, HEADER + count * ENTRY);
  step.bytes.fill(0, HEADER + (count - 1) * ENTRY, HEADER + count * ENTRY);
  setCount(step, count - 1);
}

/** The last entry that starts at or before `logical`; -1 when all start after it. */
export function lastAtMost(step: Step, logical: number): number {
  let low = 0;
  let high = countOf(step);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keyAt(step, middle) <= logical) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Writes an entry of a leaf. */
export function setRun(leaf: Step, index: number, run: MappedRun): void {
  const entry = Ext4Extent.over(leaf.view, HEADER + index * ENTRY);
  entry.ee_block = run.logical;
  entry.ee_len = run.unwritten ? run.count + EXTENT_INIT_MAX : run.count;
  entry.ee_start_lo = run.physical % 2 ** 32;
  entry.ee_start_hi = Math.floor(run.physical / 2 ** 32);
}
