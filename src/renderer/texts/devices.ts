import { plural } from './plural.ts';

/** The disks of this computer. */
export const devicesTexts = {
  devices: {
    title: 'Devices', command: 'Show devices', list: 'Disks of this computer',
    loading: 'Looking for disks …',
    none: 'No disks to show.',
    failed: 'The disks can’t be listed.',
    mounted: 'Mounted', used: 'In use',
    usedWhy: (places: string) => `The system uses it: ${places}. It opens read-only; nothing is written to it before that ends.`,
    secret: 'No access', unreadable: 'Can’t be read', unknown: 'Contents unknown',
    how: 'How to get access', howTo: (name: string) => `How to get access to ${name}`, why: 'Why can’t it be read?', whyNot: (name: string) => `Why ${name} can’t be read`,
    accessTitle: (path: string) => `Access to ${path}`, unreadableTitle: (path: string) => `${path} can’t be read`,
    never: 'Clutch takes no rights by itself: whoever may read a whole disk may read every file on it.',
    openNow: 'Try to open it',
    count: (disks: number) => plural(disks, 'disk', 'disks'),
    hint: 'A disk opens read-only, like an image.',
  },
} as const;
