/** Commands, their groups, and why one can’t be run now. */
export const commandsTexts = {
  commands: {
    open: 'Open image…', openEntry: 'Open', preview: 'Preview', extract: 'Extract to…', extractAll: 'Extract all to…', copyPath: 'Copy path', properties: 'Properties',
    back: 'Back', forward: 'Forward', up: 'Up', editPath: 'Type a path', selectAll: 'Select all', invert: 'Invert selection', hidden: 'Hidden files', previewPane: 'Preview pane',
    sidebar: 'Sidebar', transfers: 'Transfers', closeTab: 'Close image', nextTab: 'Next image', previousTab: 'Previous image', shortcuts: 'Keyboard shortcuts',
    sort: { name: 'Sort by name', size: 'Sort by size', mtime: 'Sort by modified', type: 'Sort by type', mode: 'Sort by permissions', owner: 'Sort by owner' },
    overview: 'Volume overview',
  },
  groups: { file: 'Image', entry: 'Selection', go: 'Go', view: 'View', sort: 'Sort', help: 'Help' },
  reasons: {
    noImage: 'Open an image first',
    noFolder: 'Open a folder first',
    noSelection: 'Select something first',
    oneOnly: 'Select one entry only',
    notAFolder: 'Only folders are opened here; see it in the preview, or extract it',
    brokenLink: 'The link leads nowhere in this image',
    unreadable: 'The entry can’t be read',
    noBack: 'There is nothing to go back to',
    noForward: 'There is nothing to go forward to',
    noUp: 'This is the top',
    loading: 'The rows are still being read',
    noTransfers: 'Nothing was extracted yet',
    oneTab: 'Only one image is open',
    emptyFolder: 'The folder is empty',
  },
  shortcuts: { title: 'Keyboard shortcuts', moving: 'In the list', rows: [
    ['↑ ↓ PgUp PgDn Home End', 'Move; with Shift extend the selection, with Ctrl only move'], ['Enter', 'Open'], ['Space', 'Preview'], ['Ctrl+Space', 'Add or remove the entry'], ['Backspace', 'Up'], ['Letters', 'Go to the next name that begins with them'],
  ] as const },
} as const;
