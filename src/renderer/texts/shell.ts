/** The command palette, the sheet of keys, settings, and getting about. */
export const shellTexts = {
  palette: {
    title: 'Command palette', field: 'Search commands, images and places', hint: 'A command, an image, a volume, or a path such as /etc',
    none: 'Nothing fits. Try fewer letters.',
    go: (path: string) => `Go to ${path}`,
    kinds: { tab: 'Open image', recent: 'Recent image', place: 'Volume', path: 'Path' },
    results: 'Results',
  },
  sheet: {
    title: 'Keyboard shortcuts', search: 'Search shortcuts', none: 'No shortcut has these words.', moving: 'In the list', more: 'Elsewhere',
    rows: [
      ['ArrowUp ArrowDown PageUp PageDown Home End', 'Move; with Shift extend the selection, with Ctrl only move'], ['Ctrl+ ', 'Add or remove the entry'], ['Backspace', 'Up'], ['A–Z', 'Go to the next name that begins with them'],
    ],
    moreRows: [['Mod+1…8', 'Show the image of that tab'], ['Mod+9', 'Show the last image'], ['Shift+F10', 'Context menu of what has the focus'], ['Escape', 'Leave a dialog, menu or field']],
  },
  settings: {
    title: 'Settings',
    theme: 'Appearance', themes: { system: 'As the system', light: 'Light', dark: 'Dark' },
    density: 'Rows', densities: { compact: 'Compact', comfortable: 'Comfortable' },
    start: 'At the start', reopen: 'Open the images of last time again',
    notices: 'Tell of work that ended while the window was out of sight', notify: 'Notices',
    list: 'Lists', hidden: 'Show hidden files', resetColumns: 'Reset columns', resetHint: 'Widths, order and choice of columns, for all formats.', reset: 'All lists have their own columns again',
    file: 'Settings file', show: 'Show settings file', copyPath: 'Copy path', fileHint: 'Everything here is kept in this file. What you change in it counts at once.',
  },
  history: { back: 'Places before', forward: 'Places after' },
  places: {
    siblings: (name: string) => `Folders beside ${name}`, loading: 'Reading the folders …', none: 'There are no other folders here.', failed: 'The folders can’t be read', more: (count: string) => `The first ${count} are shown`,
    hiddenCrumbs: 'Folders above', suggestions: 'Folders',
  },
  sidebarTree: {
    resize: 'Width of the sidebar', close: 'Close sidebar', snapshot: 'Snapshot', subvolume: 'Subvolume', readOnly: 'read-only',
  },
} as const;
