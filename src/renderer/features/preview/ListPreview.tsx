import { Cable, File, FileSymlink, Folder, HardDrive, type LucideIcon, Plug, Terminal } from 'lucide-react';
import { createElement } from 'react';
import type { ArchiveRow, Preview } from '../../../shared/contract/preview.ts';
import { formatSize } from '../../models/format.ts';
import { texts } from '../../texts/index.ts';
import { Name } from '../../ui/name.tsx';
import { Facts } from './parts.tsx';

const t = texts.preview;

const ICONS: Readonly<Record<ArchiveRow['type'], LucideIcon>> = { file: File, dir: Folder, symlink: FileSymlink, char: Terminal, block: HardDrive, fifo: Cable, socket: Plug };

/** What an archive says is in it. Nothing was unpacked for it, and no name of it leads anywhere. */
export function ArchivePreview({ preview, name }: { preview: Extract<Preview, { kind: 'archive' }>; name: string }) {
  const { format, rows, total, more, error } = preview;
  return (
    <>
      <Facts>{t.archive(format, total)}</Facts>
      {error === undefined ? null : <p className="preview-note error-text" role="alert">{error.message}{error.advice === undefined ? null : <span className="dim"> {error.advice}</span>}</p>}
      {rows.length === 0 && error === undefined ? <p className="preview-note">{t.emptyArchive}</p> : (
        <div className="preview-list" role="region" aria-label={name} tabIndex={0}>
          <table aria-label={t.members}>
            <thead><tr><th scope="col">{t.member}</th><th scope="col" className="is-number">{t.memberSize}</th></tr></thead>
            <tbody>
              {rows.map((row, i) => (
                <tr key={i}>
                  <td><span className="preview-entry" title={row.display.slice(0, 1000)}><Icon type={row.type} /><Name display={row.display || name} />{row.target === undefined ? null : <bdi className="dim">{t.target(row.target.slice(0, 300))}</bdi>}</span></td>
                  <td className="number is-number">{row.type === 'file' && row.target === undefined ? formatSize(row.size) : ''}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {more && error === undefined ? <p className="preview-more">{t.moreMembers(rows.length)}</p> : null}
        </div>
      )}
    </>
  );
}

/** How many entries a folder has, and the first of them. */
export function FolderPreview({ preview, name }: { preview: Extract<Preview, { kind: 'folder' }>; name: string }) {
  const { count, more, names } = preview;
  if (count === 0) return <p className="preview-note">{t.emptyFolder}</p>;
  return (
    <>
      <Facts>{t.folder(count, more)}</Facts>
      <div className="preview-list" role="region" aria-label={name} tabIndex={0}>
        <ul aria-label={t.names}>{names.map(({ display, type }, i) => <li key={i} className="preview-entry" title={display.slice(0, 1000)}><Icon type={type ?? 'file'} /><Name display={display} /></li>)}</ul>
        {count > names.length ? <p className="preview-more">{t.moreNames(count - names.length)}</p> : null}
      </div>
    </>
  );
}

function Icon({ type }: { type: ArchiveRow['type'] }) {
  return createElement(ICONS[type], { 'aria-hidden': true, className: `entry-icon is-${type}` });
}
