import { GUEST_TREES, type GuestTree } from '../../shared/contract/guests.ts';

/** A guest's own tree, written as a path where an image's path is wanted: "guest:linux-6.12/procfs", over an image "guest:linux-6.12/overlay:/home/a.img". */
export interface TreeSource {
  readonly guest: string;
  readonly tree: GuestTree;
  /** The image that lies below an overlay. */
  readonly image?: string;
}

const PATH = /^guest:([a-z0-9][a-z0-9._-]*)\/([a-z]+)(?::(.+))?$/s;

export function treePath(guest: string, tree: GuestTree, image?: string): string {
  return `guest:${guest}/${tree}${image === undefined ? '' : `:${image}`}`;
}

/** What a path names, where it is no file's. A file that is really called so is opened as "./guest:…". */
export function parseTreePath(path: string): TreeSource | undefined {
  const [, guest, tree, image] = PATH.exec(path) ?? [];
  const known = GUEST_TREES.find((each) => each === tree);
  return guest === undefined || known === undefined ? undefined : { guest, tree: known, ...(image === undefined ? {} : { image }) };
}
