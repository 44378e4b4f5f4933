import type { Preview, TextEncoding } from '../../shared/contract/preview.ts';
import { formatCount, formatExactSize, formatSize } from '../models/format.ts';
import { plural } from './plural.ts';

const ENCODINGS: Readonly<Record<TextEncoding, string>> = {
  'utf-8': 'UTF-8', 'utf-16le': 'UTF-16 LE', 'utf-16be': 'UTF-16 BE', 'utf-32le': 'UTF-32 LE', 'utf-32be': 'UTF-32 BE',
  'windows-1252': 'Western (Windows-1252)', 'windows-1250': 'Central European (Windows-1250)', 'iso-8859-2': 'Central European (ISO 8859-2)', 'windows-1257': 'Baltic (Windows-1257)', 'windows-1254': 'Turkish (Windows-1254)',
  'windows-1251': 'Cyrillic (Windows-1251)', 'koi8-r': 'Cyrillic (KOI8-R)', ibm866: 'Cyrillic (DOS 866)', 'iso-8859-5': 'Cyrillic (ISO 8859-5)', 'windows-1253': 'Greek (Windows-1253)', 'iso-8859-7': 'Greek (ISO 8859-7)',
  'windows-1255': 'Hebrew (Windows-1255)', 'windows-1256': 'Arabic (Windows-1256)', shift_jis: 'Japanese (Shift JIS)', 'euc-jp': 'Japanese (EUC-JP)', gb18030: 'Chinese (GB 18030)', big5: 'Chinese (Big5)', 'euc-kr': 'Korean (EUC-KR)',
};

const FORMATS = { zip: 'Zip archive', tar: 'Tar archive', 'tar.gz': 'Compressed tar archive', gzip: 'Gzip file' } as const;

/** The name of a picture's type: "PNG". */
const pictureName = (mime: string): string => mime.replace('image/', '').replace('x-icon', 'icon').toUpperCase();

/** The preview pane and the quick look. */
export const previewTexts = {
  preview: {
    label: 'Preview', quickLook: 'Quick look', quickLookOf: (name: string) => `Quick look: ${name}`,
    none: 'Select a file to see it here.', many: (count: number) => `${plural(count, 'entry', 'entries')} selected`, loading: 'Reading …', failed: 'No preview',
    encoding: 'Encoding', encodings: ENCODINGS, automatic: 'Find the encoding', found: (encoding: TextEncoding, mark: boolean) => `${ENCODINGS[encoding]}${mark ? ' with mark' : ''}`, notText: 'Not text',
    wrap: 'Wrap lines', more: 'Show more', loadingMore: 'Reading more …', shown: (shown: number, size: number) => `The first ${formatSize(shown)} of ${formatSize(size)}`, enough: (shown: number) => `Only the first ${formatSize(shown)} are shown. Extract the file to see the rest.`,
    binary: (shown: number, size: number) => (shown < size ? `Binary, the first ${formatCount(shown)} bytes` : 'Binary'), image: (format: string) => `A disk image: ${format}`, showBytes: 'Show all bytes',
    pictureAlt: (name: string) => `Picture ${name}`, pictureName, pixels: (width: number, height: number) => `${formatCount(width)} × ${formatCount(height)}`, actualSize: 'Actual size', pictureRegion: 'Picture, scrollable',
    badPicture: 'The picture is damaged and can’t be shown.',
    largeFile: (limit: number) => `The picture’s file is larger than ${formatSize(limit)} and is not shown here. Extract it to look at it.`,
    largePicture: (width: number, height: number, limit: number) => `The picture says that it has ${formatCount(width)} × ${formatCount(height)} pixels. Pictures of more than ${formatCount(limit / 1_000_000)} million pixels are not unpacked: a small file can be made to fill the memory.`,
    archive: (format: keyof typeof FORMATS, total: number | undefined) => (total === undefined || format === 'gzip' ? FORMATS[format] : `${FORMATS[format]}, ${plural(total, 'member', 'members')}`),
    members: 'Members of the archive', member: 'Name', memberSize: 'Size', moreMembers: (count: number) => `The first ${plural(count, 'member', 'members')}; there may be more.`, emptyArchive: 'The archive is empty.', target: (target: string) => `→ ${target}`,
    folder: (count: number, more: boolean) => (more ? `More than ${plural(count, 'entry', 'entries')}` : plural(count, 'entry', 'entries')), names: 'First entries', moreNames: (count: number) => `and ${formatCount(count)} more`, emptyFolder: 'The folder is empty.',
    device: { char: 'Character device', block: 'Block device' }, numbers: (major: number, minor: number) => `Major ${major}, minor ${minor}`,
    nothing: { empty: 'The file is empty.', link: 'The link leads nowhere in this image.', pipe: 'A pipe has no contents in an image.', socket: 'A socket has no contents in an image.' },
    linkTo: (target: string) => `Leads to ${target}`,
    /** What screen readers are told of a preview that has come. */
    told(preview: Preview): string {
      switch (preview.kind) {
        case 'text': return `Text, ${ENCODINGS[preview.encoding]}`;
        case 'picture': return `${pictureName(preview.mime)} picture, ${preview.width} × ${preview.height}`;
        case 'no-picture': return 'Picture, not shown';
        case 'archive': return `${FORMATS[preview.format]}, ${plural(preview.rows.length, 'member', 'members')}`;
        case 'binary': return `Binary, ${formatExactSize(preview.size)}`;
        case 'folder': return `Folder, ${plural(preview.count, 'entry', 'entries')}`;
        case 'device': return this.device[preview.type];
        case 'none': return this.nothing[preview.reason];
      }
    },
  },
} as const;
