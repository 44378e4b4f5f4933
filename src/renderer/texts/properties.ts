import { formatCount, formatExactSize, formatSize } from '../models/format.ts';
import { plural } from './plural.ts';

const kinds = { file: ['file', 'files'], dir: ['folder', 'folders'], symlink: ['link', 'links'], char: ['character device', 'character devices'], block: ['block device', 'block devices'], fifo: ['pipe', 'pipes'], socket: ['socket', 'sockets'] } as const;

/** Properties of entries, volumes and images. */
export const propertiesTexts = {
  properties: {
    title: (name: string) => `Properties of ${name}`,
    titleMany: (count: number) => `Properties of ${formatCount(count)} items`,
    loading: 'Reading the properties …',
    damaged: 'A part of it can’t be read',
    copy: 'Copy as text',
    volume: 'Volume properties',
    cut: '(The rest is left out: it is too long to copy.)',
    pages: { general: 'General', permissions: 'Permissions', attributes: 'Attributes', times: 'Times', extents: 'Extents', format: 'Details', features: 'Features', openers: 'Ways to open', layers: 'Layers' },
    general: 'General', times: 'Times', contents: 'Contents', common: 'In common', identity: 'Identity', space: 'Space', partition: 'Partition', image: 'Image',
    path: 'Path', folder: 'Folder', type: 'Type', size: 'Size', allocated: 'On disk', target: 'Leads to', links: 'Hard links', inode: 'Inode', device: 'Device number', flags: 'Flags', selected: 'Selected',
    modified: 'Modified', changed: 'Changed', accessed: 'Accessed', created: 'Created', newest: 'Newest', oldest: 'Oldest', mixed: 'Mixed', unread: 'Unreadable',
    permissions: 'Permissions', owner: 'Owner', group: 'Group', mode: 'Mode', octal: 'Octal', special: 'Special bits',
    rights: { read: 'Read', write: 'Write', execute: 'Execute', enter: 'Enter', owner: 'Owner', group: 'Group', others: 'Others' },
    specials: { setuid: 'runs as its owner (setuid)', setgid: 'runs as its group (setgid)', setgidFolder: 'new entries get its group (setgid)', sticky: 'sticky', stickyFolder: 'only owners may delete (sticky)' },
    yes: 'yes', no: 'no', numbers: (major: number, minor: number) => `${major}, ${minor}`,
    id: (id: number, name: string | undefined) => (name === undefined ? `${id}` : `${name} (${id})`),
    timeOf: (time: string, name: string) => `${time}, ${name}`,
    count: (type: keyof typeof kinds, count: number) => plural(count, kinds[type][0], kinds[type][1]),
    first: (count: number) => `The first ${formatCount(count)} of them are compared.`,
    flagWords: {
      immutable: 'immutable', append: 'append only', nodump: 'left out of dumps', noatime: 'no access times', encrypted: 'encrypted', verity: 'sealed (verity)', casefold: 'ignores case', extents: 'mapped by extents', index: 'hash index',
      'inline-data': 'inline data', sync: 'written at once', dirsync: 'directory written at once', compress: 'to be compressed', compressed: 'compressed', 'journal-data': 'data journalled', notail: 'no tail merging', topdir: 'top directory',
      'huge-file': 'huge file', dax: 'direct access', project: 'inherits the project', 'secure-deletion': 'secure deletion', undelete: 'undeletable', 'ea-inode': 'attribute inode',
    } as Readonly<Record<string, string>>,
    acl: 'Access list', aclDefault: 'Access list for what is made in it', aclWho: 'Who', aclRights: 'Rights', aclNone: 'It has no access list: the permissions above are all.',
    aclLine: (who: 'user' | 'group' | 'mask' | 'other', of: string | undefined) => ({
      user: of === undefined ? 'Owner' : `User ${of}`, group: of === undefined ? 'Owning group' : `Group ${of}`, mask: 'Mask', other: 'Others',
    })[who],
    xattrs: 'Extended attributes', xattrsNone: 'It has no extended attributes.', asHex: 'Show as hex', bytes: (count: number) => plural(count, 'byte', 'bytes'), empty: '(empty)', moreBytes: (count: number) => `and ${plural(count, 'more byte', 'more bytes')}`,
    valueOf: (name: string) => `Bytes of ${name}`,
    extents: 'Where its contents lie', extentsNone: 'Nothing of it lies on the device.', extentTable: 'Extents',
    extentKinds: { data: 'data', unwritten: 'allocated, reads as zeros', elsewhere: 'not there one to one', hole: 'hole' },
    extentColumns: { logical: 'In the file', physical: 'On the device', length: 'Length', kind: 'Kind' },
    extentSummary: (fragments: number, runs: number) => `${plural(fragments, 'piece', 'pieces')} on the device, ${plural(runs, 'extent', 'extents')}`,
    extentStrip: (pieces: string, device: number) => `Map of the device of ${formatSize(device)}: ${pieces}. The table has the numbers.`,
    extentEnds: (device: number) => ['0', formatSize(device)] as const,
    extentCut: (count: number) => `Only the first ${formatCount(count)} are told.`, moreRows: (count: number) => `Show ${formatCount(count)} more`, nowhere: '–',
    measuring: 'Counting …', stop: 'Stop', again: 'Count again', stopped: 'Stopped: there is more.',
    counted: (files: number, directories: number) => `${plural(files, 'file', 'files')}, ${plural(directories, 'folder', 'folders')}`,
    measured: (size: number) => `${formatExactSize(size)} in all`,
    unreadable: (count: number) => `${plural(count, 'entry', 'entries')} could not be read`,
    name: 'Name', label: 'Label', uuid: 'UUID', format: 'Format', state: 'State', access: 'Access', free: 'Free', used: 'Used', inodes: 'Inodes', blockSize: 'Block size', offset: 'Offset', number: 'Number', kind: 'Kind', typeId: 'Type id',
    usage: (used: number, free: number, size: number) => `${formatSize(used)} used, ${formatSize(free)} free of ${formatSize(size)}`,
    support: { supported: 'supported', 'read-only': 'reading only', refused: 'not supported' },
    file: 'File', holds: 'Holds', notes: 'Noticed', evidence: 'What was seen', subvolumes: 'Subvolumes', engine: 'Engine',
    layerOf: (title: string, size: number) => `${title}, ${formatSize(size)}`,
  },
} as const;
