import type { Maybe, NodeId } from '../../core/filesystem.ts';

/** Changes of one file's contents happen in the order in which they came, also where each of them takes its time. */
export class Order {
  /** What was asked for last of each file where something is under way. */
  readonly #last = new Map<NodeId, Promise<void>>();
  /** Counts changes of contents, when they begin and when they end: what was read of a file while it stood still is good. */
  changes = 0;

  run(node: NodeId, work: () => Maybe<void>): Maybe<void> {
    this.changes++;
    const before = this.#last.get(node);
    const result = before === undefined ? work() : before.then(work);
    if (!(result instanceof Promise)) return undefined;
    // One that fails does not keep those behind it.
    const last = result.catch(() => {}).finally(() => {
      this.changes++;
      if (this.#last.get(node) === last) this.#last.delete(node);
    });
    this.#last.set(node, last);
    return result;
  }
}
