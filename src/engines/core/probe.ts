import type { BlockDevice } from './bytes/device.ts';
import type { Check, ToolCheck } from './check.ts';
import type { DiskError } from './errors.ts';
import type { FileSystem, Note } from './filesystem.ts';
import type { JobContext } from './job.ts';
import type { Structures } from './layout/annotate.ts';

/** What a format is to the tree of layers. */
export type FormatKind = 'container' | 'table' | 'filesystem';

/** That a device looks like a format: how sure, and why. */
export interface Match {
  /** 0 to 100. 90 and more: several independent signs; 50: one sign; under 30: a guess. */
  readonly confidence: number;
  /** What was seen, as sentences for people: "magic 0xEF53 at 0x438", "primary superblock damaged; backup at block 32768 is sound". */
  readonly evidence: readonly string[];
  /** Named more exactly than the format's id where the bytes tell ("ext2", "ext3"). */
  readonly variant?: string;
}

/** What opening may use besides the bytes. */
export interface OpenContext {
  /** Damage and peculiarities that do not stop the opening, then and later while reading. */
  note(note: Note): void;
  /** For openers that take long (unpacking), and for what they must ask (a password). */
  readonly job: JobContext;
  /** Begins a step that people see while they wait, and later as the account of how the image was opened. */
  step?(start: StepStart): OpenStep;
  /** An empty, growing, writable device for unpacked bytes, of at most `limit` bytes; freed when it is closed. */
  scratch(limit: number): ScratchDevice;
  /** Faster codecs than the engines' own, where the host has them. */
  readonly codecs?: Codecs;
  /** The device may be written to: filesystems that can are opened with a writer. Absent = for reading. */
  readonly write?: WriteAccess;
  /** The path of the layer; the walk over the layers fills it in. */
  readonly layer?: string;
  /** Why nothing may be written, whatever the opener could: it is told as the filesystem's access. Absent where it may. */
  readonly readOnly?: string;
  /** What the bytes are to be taken for, an id of core/signatures, for openers of many formats. Absent = what they look like. */
  readonly as?: string;
  /** Further devices of the set that the bytes may belong to (core/sets), for openers that know sets. */
  readonly members?: readonly BlockDevice[];
  /** Openers that are looked for only where they are needed: where no engine of ours opens the bytes, and where one is asked for by name. */
  guests?(): Promise<readonly RegistryEntry[]>;
}

/** How a filesystem writes. */
export interface WriteAccess {
  /**
   * Whether the device itself can lose power halfway. 'direct': it is the person's own disk or file, so every transaction goes through the
   * filesystem's journal. 'staged': it is an overlay that is applied as a whole or not at all, so a journal would only double the bytes.
   */
  readonly durability: 'direct' | 'staged';
  /** Nanoseconds since 1970. */
  now(): bigint;
  /** Fills an array with random bytes: UUIDs, inode generations. Tests give a seeded one. */
  random(into: Uint8Array): void;
  /** For 'direct' and filesystems that have no journal of their own; without it those are not written to directly. */
  readonly redo?: RedoLog;
}

/** What makes several writes to a device happen as a whole or not at all: the host keeps them beside the device until they are done. */
export interface RedoLog {
  /**
   * The writes are durable when it returns: if the power goes before `end`, they are made when the device is opened next.
   * @param writes `at` in bytes of the device that the filesystem was given; they are made by the caller
   */
  begin(writes: readonly { readonly at: number; readonly bytes: Uint8Array }[]): void;
  /** They are made, and durable in their places. */
  end(): void;
}

/** What is being done: "GPT: reading the table", "Linux 6.12: booting". */
export interface StepStart {
  readonly text: string;
  readonly evidence?: readonly string[];
  /** The layer's path; the walk over the layers fills it in. */
  readonly layer?: string;
}

/** A step that has begun. What is told after its end counts for nothing. */
export interface OpenStep {
  /** Tells more exactly what is being done. */
  say(text: string, evidence?: readonly string[]): void;
  /** @param done of `total` bytes; without a total it is not known how long it takes */
  progress(done: number, total?: number): void;
  /** @param text what came of it, or what went wrong */
  end(state: 'done' | 'failed', text?: string): void;
}

export interface ScratchDevice extends BlockDevice {
  write(at: number, from: Uint8Array): void;
  /** Fixes the size, in bytes, when all is written. */
  finish(size: number): void;
}

export interface Codecs {
  /** A streaming gunzip, as `codecs/gunzip.ts` is one. */
  gunzip?(): GunzipStream;
}

/** Unpacks all members of a gzip file, one after another. */
export interface GunzipStream {
  /** Bytes of input that a push should have, where the codec can bound what comes out of more than the engine's small pieces. */
  readonly piece?: number;
  /**
   * What comes out of `chunk`: at once, or as fast as it is taken, so that a codec need never hold all of it. To be read to its end before
   * the next push; from then on `chunk` is the caller's again. Checks CRC and length as RFC 1952 wants.
   * @throws Error (while it is read, too) when the data is damaged, or ends early at `last`
   */
  push(chunk: Uint8Array, last: boolean): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** After the last push: bytes after the last member that are no member; undefined when the codec cannot tell. */
  readonly trailing?: number | undefined;
  /** Frees what it holds, whether it came to its end or not. */
  close?(): void;
}

/** Bytes → bytes. The opened device closes the one below it not. */
export interface ContainerFormat extends FormatBase {
  readonly kind: 'container';
  open(device: BlockDevice, context: OpenContext): Promise<OpenedContainer>;
}

export interface OpenedContainer {
  readonly device: BlockDevice;
  readonly details: readonly (readonly [string, string])[];
  /** What the container's own bytes are. */
  readonly structures?: Structures;
}

/** Bytes → slices. */
export interface TableFormat extends FormatBase {
  readonly kind: 'table';
  open(device: BlockDevice, context: OpenContext): Promise<OpenedTable>;
}

export interface OpenedTable {
  readonly label: string;
  readonly uuid: string;
  /** Bytes a sector as the table counts them. */
  readonly sectorSize: number;
  readonly details: readonly (readonly [string, string])[];
  /** In order of offset, free space included. */
  readonly volumes: readonly Volume[];
  /** Of the context's members, those that belong to it. */
  readonly parts?: readonly BlockDevice[];
  /** How far it can be changed, where it is no partition table. */
  readonly reason?: string;
  /** What the table's own bytes are. */
  readonly structures?: Structures;
}

/** A slice that a table describes. */
export interface Volume {
  /** The number that people and kernels use (sda5 is 5); undefined for free space and for the tables themselves. */
  readonly number: number | undefined;
  readonly kind: 'partition' | 'extended' | 'free' | 'metadata';
  /** Byte offset on the table's device. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** The type by name where known ("Linux filesystem"), else its code. */
  readonly type: string;
  /** The type as the table spells it: "0x83", a GUID. */
  readonly typeId: string;
  readonly label: string;
  readonly uuid: string;
  /** "active", "required", "no automount" … */
  readonly flags: readonly string[];
  /** It is no slice of the table's device: something else makes it of the set's devices. */
  readonly assembled?: AssembledBytes;
}

/** A volume's bytes, made by something that is not an engine of ours. */
export interface AssembledBytes {
  /** What of it was read: enough to tell what is in it. Reading anything else throws DiskError `unsupported`. */
  readonly device: BlockDevice;
  /** What opens it, in place of the registry: whoever makes the bytes. */
  readonly openers: readonly RegistryEntry[];
  /** Why it can't be opened; absent where it can. */
  readonly error?: DiskError;
}

/** Bytes → a tree. */
export interface FilesystemFormat extends FormatBase {
  readonly kind: 'filesystem';
  open(device: BlockDevice, context: OpenContext): Promise<FileSystem>;
  /** Checks the filesystem, and repairs it. Absent where there is none yet. Loaded when it is asked for. */
  check?(): Promise<Check>;
  /** Checks by a program of the filesystem's own: of `format` (an id of core/signatures). Undefined where there is none. */
  tool?(format: string): ToolCheck | undefined;
  /** Makes a filesystem on a device. Absent where we can't. Loaded when it is asked for. */
  make?(): Promise<Make>;
}

/** What a new filesystem is to be. */
export interface MakeOptions {
  /** "ext2", "ext4", with the format's own options in its own words: { features: "^has_journal,quota", blockSize: "1024" }. */
  readonly variant: string;
  readonly label?: string;
  readonly uuid?: string;
  readonly options: Readonly<Record<string, string>>;
  readonly write: WriteAccess;
}

/** Writes an empty filesystem over the whole device. @throws DiskError usage for options that contradict one another or don't fit, unsupported */
export type Make = (device: BlockDevice, options: MakeOptions) => void;

interface FormatBase {
  /** Stable id: "ext4", "gpt", "gzip". Also the `--with` of the command line, as "native:ext4". */
  readonly id: string;
  /** For people: "ext2/3/4". */
  readonly name: string;
  /**
   * Looks at the bytes. Never throws for what it reads; a device too short is no match.
   * `deep` allows a slow search (backup superblocks), asked for only when nothing else matched.
   */
  probe(device: BlockDevice, deep: boolean): Match | undefined;
}

export type Format = ContainerFormat | TableFormat | FilesystemFormat;

/** One line of the registry: enough to know whether the format's code is worth loading. */
export interface RegistryEntry {
  readonly id: string;
  readonly kind: FormatKind;
  readonly name: string;
  /** Any one of them must be there for the code to be loaded. */
  readonly magics: readonly Magic[];
  /** Ask it too when nothing matched: it knows backups. */
  readonly deep?: boolean;
  /**
   * Formats known by sight (core/signatures) that it opens besides, each as well as it can. Opening one takes long: it is offered, and done when
   * it is chosen.
   */
  readonly serves?: readonly Served[];
  /** Seconds that opening takes, about; for what `serves`. */
  readonly seconds?: number;
  /** Why it can't be used now, and what would help. Absent or empty when it can. */
  readonly missing?: string;
  load(): Promise<Format>;
  /** Makes volumes of the devices of a set; for those of `serves` that are opened so (core/sets). */
  assemble?(): Promise<TableFormat>;
}

/** A format that an opener of many formats opens. */
export interface Served {
  /** Its id in core/signatures: "xfs". */
  readonly format: string;
  /** "XFS". */
  readonly title: string;
  readonly access: 'read-write' | 'read-only' | 'known-bad';
  /** Why not better, or what is peculiar; empty where nothing is. */
  readonly reason: string;
}

/** Bytes at an offset; a negative offset counts from the device's end. */
export interface Magic {
  readonly at: number;
  readonly bytes: readonly number[];
}

/** A format that matched, with its opener. */
export interface Candidate {
  readonly format: Format;
  readonly match: Match;
  /** What it is opened as, by an opener of many formats. */
  readonly served?: Served;
}

/** A way in. The same list is the *Open with…* menu, `--with` and the support matrix. */
export interface Opener {
  /** "native:ext4", "guest:linux-6.12". */
  readonly id: string;
  readonly name: string;
  readonly access: 'read-write' | 'read-only' | 'refused';
  /** Why it is or isn't offered. */
  readonly reason: string;
  /** Seconds that it takes, about; absent where it takes none to speak of. */
  readonly seconds?: number;
}

/** Why an opening failed, kept beside the layer so that the window can show it there. */
export interface Refusal {
  readonly opener: string;
  readonly error: DiskError;
}
