/** The blocks of all directories, in typed arrays that grow: a million of them take 20 MB. */
export class DirectoryBlocks {
  length = 0;
  #inode = new Uint32Array(1024);
  #logical = new Uint32Array(1024);
  #physical = new Float64Array(1024);

  /**
   * @param logical block of the directory
   * @param physical where it lies; 0 = nowhere: a hole, or a directory inside its inode (inline data)
   */
  add(inode: number, logical: number, physical: number): void {
    if (this.length === this.#inode.length) {
      this.#inode = grown(this.#inode, Uint32Array);
      this.#logical = grown(this.#logical, Uint32Array);
      this.#physical = grown(this.#physical, Float64Array);
    }
    this.#inode[this.length] = inode;
    this.#logical[this.length] = logical;
    this.#physical[this.length++] = physical;
  }

  inode(index: number): number { return this.#inode[index]!; }
  logical(index: number): number { return this.#logical[index]!; }
  physical(index: number): number { return this.#physical[index]!; }

  /** A block was moved or taken away. */
  move(index: number, physical: number): void {
    this.#physical[index] = physical;
  }

  /** The indexes in the order in which the blocks lie on the device. */
  inOrder(): Uint32Array {
    const order = Uint32Array.from({ length: this.length }, (_, index) => index);
    const physical = this.#physical;
    const inode = this.#inode;
    const logical = this.#logical;
    for (let i = 1; i < this.length; i++) {
      // Most often they lie in order already.
      if (physical[i]! < physical[i - 1]!) return order.toSorted((a, b) => physical[a]! - physical[b]! || inode[a]! - inode[b]! || logical[a]! - logical[b]!);
    }
    return order;
  }
}

/** What is known of each directory: pass 1 adds them in ascending order, later passes may add more. */
export class DirectoryInfo {
  length = 0;
  #inode = new Uint32Array(256);
  #parent = new Uint32Array(256);
  #dotdot = new Uint32Array(256);
  #generation = new Uint32Array(256);

  /** @returns its index; the same as before where it is known already */
  add(inode: number): number {
    const at = this.#place(inode);
    if (at < this.length && this.#inode[at] === inode) return at;
    if (this.length === this.#inode.length) {
      this.#inode = grown(this.#inode, Uint32Array);
      this.#parent = grown(this.#parent, Uint32Array);
      this.#dotdot = grown(this.#dotdot, Uint32Array);
      this.#generation = grown(this.#generation, Uint32Array);
    }
    for (const list of [this.#inode, this.#parent, this.#dotdot, this.#generation]) {
      list.copyWithin(at + 1, at, this.length);
      list[at] = 0;
    }
    this.#inode[at] = inode;
    this.length++;
    return at;
  }

  /** The index of a directory, -1 where it is none. */
  find(inode: number): number {
    const at = this.#place(inode);
    return at < this.length && this.#inode[at] === inode ? at : -1;
  }

  inode(index: number): number { return this.#inode[index]!; }
  /** The directory in which an entry for it was found; 0 = none yet. */
  parent(index: number): number { return this.#parent[index]!; }
  setParent(index: number, inode: number): void { this.#parent[index] = inode; }
  /** What its ".." says; 0 = nothing yet. */
  dotdot(index: number): number { return this.#dotdot[index]!; }
  setDotdot(index: number, inode: number): void { this.#dotdot[index] = inode; }

  /** i_generation: a part of its blocks' checksums. */
  generation(index: number): number { return this.#generation[index]!; }
  setGeneration(index: number, generation: number): void { this.#generation[index] = generation; }

  /** Index of the first that is not below `inode`. */
  #place(inode: number): number {
    const last = this.length - 1;
    if (last < 0 || this.#inode[last]! < inode) return this.length;
    let low = 0;
    let high = last;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#inode[middle]! < inode) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A directory with an index, as its root block and its inode describe it: pass 2 verifies the tree against it. */
export interface HashedDirectory {
  readonly inode: number;
  /** Blocks that its size covers. */
  readonly blocks: number;
}

function grown<T extends Uint32Array | Float64Array>(array: T, type: new (length: number) => T): T {
  const more = new type(array.length * 2);
  more.set(array);
  return more;
}
