import { plural } from './plural.ts';

/** The preview. */
export const previewTexts = {
  preview: {
    label: 'Preview', none: 'Select a file to see it here.', many: (count: number) => `${plural(count, 'entry', 'entries')} selected`, loading: 'Reading …',
    truncated: 'Only the beginning is shown.', binary: 'Binary', picture: 'Picture', pictureAlt: (name: string) => `Picture ${name}`, badPicture: 'The picture is damaged and can’t be shown.',
    folder: 'Folder', pixels: (width: number, height: number) => `${width} × ${height}`, failed: 'No preview',
  },
} as const;
