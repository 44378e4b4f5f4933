import { usage } from '../../engines/core/errors.ts';
import type { FileSystem, Maybe, NodeId, Stat, Xattrs } from '../../engines/core/filesystem.ts';
import type { Name } from '../../engines/core/names.ts';
import type { Changes, NewNode, Writer } from '../../engines/core/writer.ts';
import { PassingFileSystem, PassingWriter, chained } from './passing.ts';

/** As whose, and how, files are shown. */
export interface ShownOwners {
  readonly uid?: number;
  readonly gid?: number;
  /** Permission bits that are taken away from what is shown. */
  readonly umask?: number;
}

/**
 * The same files under another owner: an image comes from a computer whose accounts have other numbers. What is written stays true to the image: new files
 * belong to the owner of the folder that they are made in, permissions that are not shown stay as they are, and an owner that is not shown can't be changed.
 * ACLs are not shown: they name the accounts of the image's computer, and a kernel would let those in here, past the permissions that are taken away.
 */
export function withOwners(fs: FileSystem, shown: ShownOwners): FileSystem {
  return shown.uid === undefined && shown.gid === undefined && shown.umask === undefined ? fs : new OwnedFileSystem(fs, shown);
}

class OwnedFileSystem extends PassingFileSystem {
  readonly #shown: ShownOwners;

  constructor(inner: FileSystem, shown: ShownOwners) {
    super(inner, inner.writer && new OwnedWriter(inner.writer, inner, shown), inner.xattrs && withoutAcls(inner.xattrs));
    this.#shown = shown;
  }

  override stat(node: NodeId): Maybe<Stat> {
    return chained(this.inner.stat(node), (stat) => this.#show(stat));
  }

  #show(stat: Stat): Stat {
    const { uid = stat.uid, gid = stat.gid, umask = 0 } = this.#shown;
    const { btime, device } = stat;
    return {
      node: stat.node, type: stat.type, mode: stat.mode & ~umask, uid, gid, size: stat.size, nlink: stat.nlink, mtime: stat.mtime, atime: stat.atime, ctime: stat.ctime,
      allocated: stat.allocated, flags: stat.flags, ...(btime === undefined ? {} : { btime }), ...(device === undefined ? {} : { device }),
    };
  }
}

const isAcl = (name: string): boolean => name === 'system.posix_acl_access' || name === 'system.posix_acl_default';

function withoutAcls(xattrs: Xattrs): Xattrs {
  return {
    list: (node) => chained(xattrs.list(node), (names) => names.filter((name) => !isAcl(name))),
    get: (node, name) => (isAcl(name) ? undefined : xattrs.get(node, name)),
  };
}

class OwnedWriter extends PassingWriter {
  readonly #fs: FileSystem;
  readonly #shown: ShownOwners;

  constructor(inner: Writer, fs: FileSystem, shown: ShownOwners) {
    super(inner);
    this.#fs = fs;
    this.#shown = shown;
  }

  /** @throws DiskError usage EPERM for another owner than the one that all files are shown with */
  override change(node: NodeId, changes: Changes): Maybe<void> {
    const { uid, gid, umask = 0 } = this.#shown;
    const { uid: newUid, gid: newGid, mode, ...others } = changes;
    if ((uid !== undefined && newUid !== undefined && newUid !== uid) || (gid !== undefined && newGid !== undefined && newGid !== gid)) {
      throw usage('EPERM', 'All files are shown with one owner here: whose they are in the image can\'t be changed', 'Mount it without --uid and --gid.');
    }
    const rest: Changes = { ...others, ...(uid !== undefined || newUid === undefined ? {} : { uid: newUid }), ...(gid !== undefined || newGid === undefined ? {} : { gid: newGid }) };
    if (mode === undefined) return Object.keys(rest).length === 0 ? undefined : this.inner.change(node, rest);
    if (umask === 0) return this.inner.change(node, { ...rest, mode });
    // Who changes what he sees leaves what he doesn't see as it is.
    return chained(this.#fs.stat(node), (stat) => this.inner.change(node, { ...rest, mode: (mode & ~umask) | (stat.mode & umask) }));
  }

  /** @throws DiskError usage ENOTSUP for an ACL */
  override setXattr(node: NodeId, name: Name, value: Uint8Array, how?: 'create' | 'replace'): Maybe<void> {
    if (isAcl(name)) throw usage('ENOTSUP', 'All files are shown with one owner here, and without ACLs', 'Mount it without --uid, --gid and --umask.');
    return super.setXattr(node, name, value, how);
  }

  /** @throws DiskError usage ENODATA for an ACL */
  override removeXattr(node: NodeId, name: Name): Maybe<void> {
    if (isAcl(name)) throw usage('ENODATA', 'ACLs are not shown here');
    return super.removeXattr(node, name);
  }

  protected override making(dir: NodeId, name: Name, node: NewNode, make: (node: NewNode, name: Name) => Maybe<NodeId>): Maybe<NodeId> {
    const { uid, gid } = this.#shown;
    if (uid === undefined && gid === undefined) return make(node, name);
    return chained(this.#fs.stat(dir), (folder) => make({ ...node, ...(uid === undefined ? {} : { uid: folder.uid }), ...(gid === undefined ? {} : { gid: folder.gid }) }, name));
  }
}
