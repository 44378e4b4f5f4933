import { modeOfAcl, parseAcl } from '../../core/acl.ts';
import { usage } from '../../core/errors.ts';
import type { FileSystem, Maybe, NodeId, Stat } from '../../core/filesystem.ts';
import type { Name } from '../../core/names.ts';
import type { NewNode, RenameMode, Writer } from '../../core/writer.ts';
import { typeOfMode } from '../shared/linux.ts';
import { decodeDevice } from './attributes.ts';
import { LinkIn, MkdirIn, MknodIn, RENAME, Rename2In, RenameIn } from './layout.ts';
import { after } from './maybe.ts';
import type { Request } from './request.ts';
import { answerEntry, attributeOf, nodeOf, type Operation, type Session } from './session.ts';

const DEFAULT_ACL = 'system.posix_acl_default';
const SETGID = 0o2000;

/** @throws usage EROFS where the tree is served for reading alone */
export function writerOf({ fs }: Session): Writer {
  if (!fs.writer) throw usage('EROFS', fs.info.access.reason);
  return fs.writer;
}

export const mkdir: Operation = (session, request) => {
  const { mode, umask } = request.body(MkdirIn);
  return make(session, request, request.name(MkdirIn.size), mode, umask, 'dir', (writer, folder, name, node) => writer.mkdir(folder, name, node));
};

export const mknod: Operation = (session, request) => {
  const { mode, rdev, umask } = request.body(MknodIn);
  // mknod(2) makes a file where no type is said.
  const type = (mode & 0o170000) === 0 ? 'file' : typeOfMode(mode);
  if (type === undefined || type === 'dir' || type === 'symlink') throw usage('EINVAL', 'That type is not made by MKNOD');
  const device = type === 'char' || type === 'block' ? decodeDevice(rdev) : undefined;
  return make(session, request, request.name(MknodIn.size), mode, umask, type, (writer, folder, name, node) => (type === 'file' ? writer.create(folder, name, node) : writer.mknod(folder, name, type, node, device)));
};

export const symlink: Operation = (session, request) => {
  const target = request.nameBehind();
  return make(session, request, request.name(), 0o777, 0, 'symlink', (writer, folder, name, node) => writer.symlink(folder, name, target, node));
};

export const link: Operation = (session, request) => {
  const node = session.nodes.nodeOf(request.body(LinkIn).oldnodeid);
  const [folder, name] = [nodeOf(session, request), request.name(LinkIn.size)];
  return after(writerOf(session).link(folder, name, node), () => after(session.fs.stat(node), (stat) => { answerEntry(session, request, folder, name, stat); }));
};

export const unlink: Operation = (session, request) => done(session, request, writerOf(session).unlink(nodeOf(session, request), request.name()));
export const rmdir: Operation = (session, request) => done(session, request, writerOf(session).rmdir(nodeOf(session, request), request.name()));
export const rename: Operation = (session, request) => move(session, request, request.body(RenameIn).newdir, RenameIn.size, 'replace');

export const rename2: Operation = (session, request) => {
  const { newdir, flags } = request.body(Rename2In);
  const mode = RENAME_MODES[flags];
  // RENAME_WHITEOUT, and two that rule each other out.
  if (mode === undefined) throw usage('EINVAL', `There is no rename with the flags ${flags}`);
  return move(session, request, newdir, Rename2In.size, mode);
};

const RENAME_MODES: Readonly<Record<number, RenameMode>> = { 0: 'replace', [RENAME.NOREPLACE]: 'keep', [RENAME.EXCHANGE]: 'exchange' };

function move(session: Session, request: Request, newdir: number, behind: number, mode: RenameMode): void | Promise<void> {
  return done(session, request, writerOf(session).rename(nodeOf(session, request), request.name(behind), session.nodes.nodeOf(newdir), request.nameBehind(behind), mode));
}

/** Answers when it is done. */
export function done({ replies }: Session, request: Request, work: Maybe<void>): void | Promise<void> {
  return after(work, () => { replies.done(request); });
}

/** Makes a node and answers with it. */
function make(session: Session, request: Request, name: Name, mode: number, umask: number, type: Stat['type'], run: (writer: Writer, folder: NodeId, name: Name, node: NewNode) => Maybe<NodeId>): void | Promise<void> {
  const folder = nodeOf(session, request);
  const writer = writerOf(session);
  return after(newNode(session, request, folder, mode, umask, type), (fresh) => after(run(writer, folder, name, fresh), (node) => {
    session.nodes.made(node);
    return after(session.fs.stat(node), (stat) => { answerEntry(session, request, folder, name, stat); });
  }));
}

/**
 * What a new node begins with, as the kernel's own filesystems have it (fs/inode.c, inode_init_owner; fs/posix_acl.c, posix_acl_create): a folder with setgid hands
 * its group down, and to folders the bit as well; a default ACL grants no more than it says, and the umask counts where there is none.
 */
export function newNode(session: Session, { uid, gid }: Request, folder: NodeId, mode: number, umask: number, type: Stat['type']): Maybe<NewNode> {
  return after(statOrNothing(session.fs, folder), (parent) => {
    if (parent === undefined) return { mode: mode & 0o7777 & ~umask, uid, gid };
    const inherits = (parent.mode & SETGID) !== 0;
    const permissions = (mode & 0o7777) | (inherits && type === 'dir' ? SETGID : 0);
    const owner = { uid, gid: inherits ? parent.gid : gid };
    // A link has neither.
    if (type === 'symlink') return { mode: permissions, ...owner };
    return after(session.fs.xattrs === undefined ? undefined : attributeOf(session, folder, DEFAULT_ACL), (acl): NewNode => {
      const entries = acl === undefined ? undefined : parseAcl(acl);
      return { mode: permissions & (entries === undefined ? ~umask : ~0o777 | modeOfAcl(entries)), ...owner };
    });
  });
}

/** A folder's Stat; nothing where there is none: the writer, which is asked next, knows best what is wrong with a folder that was removed. */
function statOrNothing(fs: FileSystem, folder: NodeId): Maybe<Stat | undefined> {
  try {
    const stat = fs.stat(folder);
    return stat instanceof Promise ? stat.catch(() => undefined) : stat;
  } catch {
    return undefined;
  }
}
