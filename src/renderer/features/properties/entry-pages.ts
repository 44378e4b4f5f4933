import type { AclRow, EntryDetails, EntryRow, MeasureProgress } from '../../../shared/contract/rows.ts';
import { formatCount, formatExactSize, formatExactTime, formatMode, formatOctal } from '../../models/format.ts';
import { commonOf, type ExtentRow, extentRows, type Fact, type Group, hexText } from '../../models/properties.ts';
import { typeText } from '../../ui/entry-icon.tsx';
import { texts } from '../../texts/index.ts';

const t = texts.properties;

/** One side of a properties window: what it says, and (by its id) how that is shown. */
export interface Page {
  readonly id: keyof typeof t.pages;
  readonly groups: readonly Group[];
}

/** Bytes of one attribute that are copied as hex. */
const COPIED_BYTES = 4096;

/** Everything about one entry, in the order in which it is shown and copied. */
export function entryPages(details: EntryDetails, path: string, measured: MeasureProgress | undefined): Page[] {
  const { extents, sections, xattrs, acl = [] } = details;
  return [
    { id: 'general', groups: [{ title: t.general, facts: generalFacts(details, path) }, { title: t.times, facts: timeFacts(details) }, ...(details.type === 'dir' && measured !== undefined ? [contentsOf(measured)] : [])] },
    { id: 'permissions', groups: [
      { title: t.permissions, facts: permissionFacts(details) },
      ...(['access', 'default'] as const).map((scope) => ({ title: aclTitle(scope), facts: acl.filter((line) => line.scope === scope).map((line): Fact => [aclWho(line), line.rights]) })).filter(({ facts }) => facts.length > 0),
    ] },
    { id: 'attributes', groups: [{ title: t.xattrs, facts: xattrs.map(({ name, text, value }): Fact => [name, [text ?? '', hexText(value, COPIED_BYTES), value.length > COPIED_BYTES ? t.moreBytes(value.length - COPIED_BYTES) : ''].filter((line) => line !== '').join('\n') || t.empty]) }] },
    ...(extents === undefined ? [] : [{ id: 'extents', groups: [{ title: t.extents, facts: [], lines: [t.extentSummary(extents.fragments, extents.runs.length), ...extentLines(extentRows(extents, details.size)), ...(extents.cut ? [t.extentCut(extents.runs.length)] : [])] }] } as const]),
    ...(sections.length === 0 ? [] : [{ id: 'format', groups: sections } as const]),
  ];
}

function generalFacts(details: EntryDetails, path: string): Fact[] {
  const { type, target, device, flags, error } = details;
  return [
    [t.path, path],
    [t.type, typeText(details)],
    ...(target === undefined ? [] : [[t.target, target] as const]),
    ...(type === 'file' ? [[t.size, formatExactSize(details.size)] as const] : []),
    [t.allocated, formatExactSize(details.allocated)],
    ...(device === undefined ? [] : [[t.device, t.numbers(device.major, device.minor)] as const]),
    [t.owner, t.id(details.uid, details.owner)],
    [t.group, t.id(details.gid, details.group)],
    [t.mode, `${formatMode(type, details.mode)}, ${formatOctal(details.mode)}`],
    [t.links, formatCount(details.nlink)],
    [t.inode, `${details.node}`],
    ...(flags.length === 0 ? [] : [[t.flags, flags.map((flag) => t.flagWords[flag] ?? flag).join(', ')] as const]),
    ...(error === undefined ? [] : [[t.damaged, error.message] as const]),
  ];
}

function timeFacts({ mtime, ctime, atime, btime }: EntryDetails): Fact[] {
  return [[t.modified, formatExactTime(mtime)], [t.changed, formatExactTime(ctime)], [t.accessed, formatExactTime(atime)], ...(btime === undefined ? [] : [[t.created, formatExactTime(btime)] as const])];
}

/** The three bits of a kind of people, "r-x". */
const WHO = [['owner', 6], ['group', 3], ['others', 0]] as const;

function permissionFacts(row: EntryRow): Fact[] {
  const letters = formatMode(row.type, row.mode).slice(1);
  return [
    [t.owner, t.id(row.uid, row.owner)], [t.group, t.id(row.gid, row.group)], [t.mode, formatMode(row.type, row.mode)], [t.octal, formatOctal(row.mode)],
    ...WHO.map(([who], i): Fact => [t.rights[who], letters.slice(i * 3, i * 3 + 3)]),
    ...(specialBits(row).length === 0 ? [] : [[t.special, specialBits(row).join(', ')] as const]),
  ];
}

/** The three upper bits in words. */
export function specialBits({ type, mode }: EntryRow): string[] {
  const folder = type === 'dir';
  return [mode & 0o4000 ? t.specials.setuid : '', mode & 0o2000 ? (folder ? t.specials.setgidFolder : t.specials.setgid) : '', mode & 0o1000 ? (folder ? t.specials.stickyFolder : t.specials.sticky) : ''].filter((each) => each !== '');
}

export function aclTitle(scope: AclRow['scope']): string {
  return scope === 'access' ? t.acl : t.aclDefault;
}

export function aclWho({ who, id, name }: AclRow): string {
  return t.aclLine(who, id === undefined ? undefined : t.id(id, name));
}

function extentLines(rows: readonly ExtentRow[]): string[] {
  const { logical, physical, length, kind } = t.extentColumns;
  const cells = [[logical, physical, length, kind], ...rows.map((row) => [`${row.logical}`, row.physical === undefined ? t.nowhere : `${row.physical}`, `${row.length}`, t.extentKinds[row.kind]])];
  const widths = [0, 1, 2].map((column) => cells.reduce((most, line) => Math.max(most, line[column]!.length), 0));
  return cells.map((line) => [...line.slice(0, 3).map((cell, i) => cell.padStart(widths[i]!)), line[3]].join('  '));
}

/** What was counted so far below some entries. */
export function contentsOf({ files, directories, size, allocated, unreadable, done }: MeasureProgress): Group {
  return {
    title: t.contents,
    facts: [
      [t.holds, t.counted(files, directories)], [t.size, formatExactSize(size)], [t.allocated, formatExactSize(allocated)],
      ...(unreadable === 0 ? [] : [[t.unread, t.unreadable(unreadable)] as const]),
      ...(done ? [] : [['', t.stopped] as const]),
    ],
  };
}

/** What many entries of a folder have in common. @param count of the selection; `rows` may be the first of them only */
export function entriesPages(rows: readonly EntryRow[], count: number, folder: string, measured: MeasureProgress | undefined): Page[] {
  const common = commonOf(rows);
  const timed = (row: EntryRow | undefined): string => (row === undefined ? t.nowhere : t.timeOf(formatExactTime(row.mtime), row.display.slice(0, 300)));
  const { owner, group, mode } = common;
  return [{ id: 'general', groups: [
    { title: t.general, facts: [
      [t.folder, folder],
      [t.selected, common.types.map(([type, many]) => t.count(type, many)).join(', ')],
      ...(common.unreadable === 0 ? [] : [[t.unread, t.unreadable(common.unreadable)] as const]),
      ...(rows.length < count ? [['', t.first(rows.length)] as const] : []),
    ] },
    ...(measured === undefined ? [] : [contentsOf(measured)]),
    { title: t.common, facts: [
      [t.owner, owner === undefined ? t.mixed : t.id(owner.uid, owner.owner)], [t.group, group === undefined ? t.mixed : t.id(group.gid, group.group)],
      [t.mode, mode === undefined ? t.mixed : formatOctal(mode)], [t.newest, timed(common.newest)], [t.oldest, timed(common.oldest)],
    ] },
  ] }];
}
