import type { Maybe, NodeId, Stat } from '../../core/filesystem.ts';
import type { Changes } from '../../core/writer.ts';
import type { Handle } from './handles.ts';
import { after } from './maybe.ts';
import { attributeOf, type Session } from './session.ts';

/** Where Linux keeps what a program may do that its user may not (capabilities(7)). */
export const CAPABILITY = 'security.capability';

const SETUID = 0o4000;
const SETGID = 0o2000;
const GROUP_EXECUTE = 0o0010;

/** A mode without what runs it as somebody else; without group execute, setgid is a mark of locking and stays (fs/attr.c, setattr_should_drop_suidgid). */
export function withoutSetId(mode: number): number {
  return mode & ~(SETUID | ((mode & GROUP_EXECUTE) === 0 ? 0 : SETGID));
}

/**
 * Whoever changes a file's contents takes its privileges away, as the kernel does on its own filesystems: FUSE_HANDLE_KILLPRIV_V2 leaves that to us. Capabilities go
 * always, setuid and setgid when the kernel says so (the writer is not privileged).
 * @param handle remembers that there is nothing to take away, until somebody gives something
 */
export function killPrivileges(session: Session, node: NodeId, setId: boolean, handle?: Handle): Maybe<void> {
  const { fs, privileges } = session;
  if (handle?.checked === privileges) return undefined;
  return after(attributeOf(session, node, CAPABILITY), (value) => after(value === undefined ? undefined : fs.writer!.removeXattr(node, CAPABILITY), () => after(fs.stat(node), ({ mode, type }) => {
    if (type !== 'file') return undefined;
    const left = withoutSetId(mode);
    if (left === mode) {
      if (handle !== undefined) handle.checked = privileges;
      return undefined;
    }
    if (!setId) return undefined;
    // The kernel has the mode in its cache, and asks for no new one when a program is run.
    return after(fs.writer!.change(node, { mode: left }), () => { session.notices.attributes(node); });
  })));
}

/** What else a new owner changes (fs/open.c, chown_common): nobody runs it as the old one. A mode that is given with the owner stands. */
export function ownerChanges(session: Session, node: NodeId, changes: Changes): Maybe<Changes> {
  if (changes.uid === undefined && changes.gid === undefined) return changes;
  const { fs } = session;
  return after(fs.stat(node), ({ type, mode }) => {
    if (type === 'dir') return changes;
    return after(attributeOf(session, node, CAPABILITY), (value) => after(value === undefined ? undefined : fs.writer!.removeXattr(node, CAPABILITY), () => {
      const left = withoutSetId(mode);
      return changes.mode !== undefined || left === mode ? changes : { ...changes, mode: left };
    }));
  });
}

/**
 * Of a file that was just made: it has no capabilities, and its mode is known, so that neither is looked for at the first write.
 * @param privileges Session.privileges before it was made
 */
export function checkedNew(handle: Handle, { mode }: Stat, privileges: number): void {
  if (withoutSetId(mode) === mode) handle.checked = privileges;
}
