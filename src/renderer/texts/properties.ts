/** Properties of an entry. */
export const propertiesTexts = {
  properties: {
    title: (name: string) => `Properties of ${name}`, path: 'Path', type: 'Type', size: 'Size', allocated: 'On disk', target: 'Leads to', modified: 'Modified', changed: 'Changed', accessed: 'Accessed', created: 'Created',
    permissions: 'Permissions', owner: 'Owner', links: 'Hard links', inode: 'Inode', device: 'Device', flags: 'Flags', xattrs: 'Attributes', acl: 'Access list', rights: { read: 'Read', write: 'Write', execute: 'Execute', owner: 'Owner', group: 'Group', others: 'Others' },
    ids: (uid: number, gid: number) => `user ${uid}, group ${gid}`, times: 'Times', general: 'General', yes: 'yes', no: 'no', numbers: (major: number, minor: number) => `${major}, ${minor}`,
    special: { setuid: 'setuid', setgid: 'setgid', sticky: 'sticky' },
  },
} as const;
