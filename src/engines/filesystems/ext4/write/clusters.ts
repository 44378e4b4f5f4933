import type { Mapping } from '../mapping.ts';
import type { MappedRun } from './file-map.ts';

/**
 * Clusters of a file (bigalloc): the blocks of one logical cluster lie in one cluster of the device, each in its place. So a block of a cluster
 * that has another one mapped needs no allocation, and a cluster is free only when the last of its blocks is unmapped (kernel: the implied
 * cluster of ext4_ext_map_blocks, ext4_remove_blocks). Without bigalloc a cluster is a block.
 */
export class ClusterUse {
  readonly #ratio: number;
  readonly #mapping: Mapping;

  /** @param mapping of the file as it is: before an allocation, after a removal */
  constructor(ratio: number, mapping: Mapping) {
    this.#ratio = ratio;
    this.#mapping = mapping;
  }

  /** Where a hole's blocks must lie, as other blocks of their cluster are mapped; undefined when none is. */
  implied(logical: number, count: number): { readonly block: number; readonly count: number } | undefined {
    if (this.#ratio === 1) return undefined;
    const start = logical - (logical % this.#ratio);
    const base = this.#clusterOf(start);
    return base === undefined ? undefined : { block: base + logical - start, count: Math.min(count, start + this.#ratio - logical) };
  }

  /** How many blocks of a hole, whose first has no implied cluster, may be had from new ones: not those of a last cluster that is there. */
  wanted(logical: number, count: number): number {
    if (this.#ratio === 1) return count;
    const end = logical + count;
    const last = end - 1 - ((end - 1) % this.#ratio);
    return last > logical && this.#clusterOf(last) !== undefined ? last - logical : count;
  }

  /** What can be freed of runs that were unmapped: whole clusters, each once. */
  unused(runs: readonly MappedRun[]): readonly { readonly block: number; readonly count: number }[] {
    if (this.#ratio === 1) return runs.map(({ physical, count }) => ({ block: physical, count }));
    const ratio = this.#ratio;
    const free: { block: number; count: number }[] = [];
    const seen = new Set<number>();
    const part = (start: number, physical: number): void => {
      if (seen.has(start)) return;
      seen.add(start);
      if (this.#clusterOf(start) === undefined) free.push({ block: physical, count: ratio });
    };
    for (const { logical, physical, count } of runs) {
      const end = logical + count;
      const first = Math.ceil(logical / ratio) * ratio;
      const last = Math.floor(end / ratio) * ratio;
      const place = (at: number): number => physical + at - logical;
      if (logical < first) part(first - ratio, place(first - ratio));
      if (first < last) free.push({ block: place(first), count: last - first });
      if (last < end && last >= first) part(last, place(last));
    }
    return free;
  }

  /** The device's block where the logical cluster from `start` on lies, if any of its blocks is mapped. */
  #clusterOf(start: number): number | undefined {
    for (let at = start; at < start + this.#ratio;) {
      const run = this.#mapping.find(at);
      if (run.physical !== undefined) return run.physical - (at - start);
      at += run.count;
    }
    return undefined;
  }
}
