/** What crosses the border about raw bytes: what lies in them, where to go, what was found. Texts of the image are escaped for showing. */

/** A field of a structure, read. */
export interface FieldRow {
  /** Byte offset in the layer that was asked about. */
  readonly at: number;
  readonly length: number;
  readonly name: string;
  /** "u32", "u16be", "bytes". */
  readonly type: string;
  readonly value: string;
  /** What the value means: "4096" of s_log_block_size = 2. */
  readonly meaning?: string;
}

/** A structure that lies in a layer's bytes. One that lies in another comes after it. */
export interface StructureRow {
  readonly at: number;
  readonly length: number;
  /** "backup superblock of group 3". */
  readonly name: string;
  /** As the specification calls it: "ext4_super_block". */
  readonly type?: string;
  readonly meaning?: string;
  /** The layer that it belongs to: the one asked about, or one further in whose bytes lie in it one to one. */
  readonly layer: string;
  readonly fields: readonly FieldRow[];
}

/** A place worth going to. */
export interface PlaceRow {
  readonly at: number;
  readonly length: number;
  readonly name: string;
  readonly layer: string;
}

/** What a search for bytes tells. The last event is 'end'. */
export type FindBytesEvent =
  /** Looked up to byte `at`. */
  | { readonly event: 'progress'; readonly at: number }
  | { readonly event: 'end'; /** Absent when there is none. */ readonly at?: number };
