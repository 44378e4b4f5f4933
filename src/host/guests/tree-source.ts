import { MemoryDevice } from '../../engines/core/bytes/memory.ts';
import type { Note } from '../../engines/core/filesystem.ts';
import { type ImageSource, openSource } from '../sources/image.ts';
import { GUEST_TREES, type GuestTree } from '../../shared/contract/guests.ts';

/** A guest's own tree, written as a path where an image's path is wanted: "guest:linux-6.12/procfs", over an image "guest:linux-6.12/overlay:/home/a.img". */
export interface TreeSource {
  readonly guest: string;
  readonly tree: GuestTree;
  /** The image that lies below an overlay. */
  readonly image?: string;
}

const PATH = /^guest:([a-z0-9][a-z0-9._-]*)\/([a-z]+)(?::(.+))?$/s;

/** What an image's source is for such a tree: the image below an overlay, or no bytes at all. */
export function openTreeSource(path: string, { guest, tree, image }: TreeSource, note: (note: Note) => void): ImageSource {
  if (image !== undefined) return openSource(image, note);
  return { device: new MemoryDevice(new Uint8Array(0)), name: `${tree} of ${guest}`, path, files: [], parts: [] };
}

export function treePath(guest: string, tree: GuestTree, image?: string): string {
  return `guest:${guest}/${tree}${image === undefined ? '' : `:${image}`}`;
}

/** What a path names, where it is no file's. A file that is really called so is opened as "./guest:…". */
export function parseTreePath(path: string): TreeSource | undefined {
  const [, guest, tree, image] = PATH.exec(path) ?? [];
  const known = GUEST_TREES.find((each) => each === tree);
  return guest === undefined || known === undefined ? undefined : { guest, tree: known, ...(image === undefined ? {} : { image }) };
}
