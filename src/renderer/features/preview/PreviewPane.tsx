import { X } from 'lucide-react';
import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import type { EntryRow, Preview } from '../../../shared/contract/rows.ts';
import { folderOf, prefer } from '../../app/navigation.ts';
import { type ErrorData, errorOf, type HostClient } from '../../app/services.ts';
import type { Tab } from '../../app/state.ts';
import { formatExactSize, formatTime } from '../../models/format.ts';
import { countOf, onlyIndex } from '../../models/ranges.ts';
import { IconButton } from '../../ui/buttons.tsx';
import { EntryIcon, typeText } from '../../ui/entry-icon.tsx';
import { HexDump } from '../../ui/hex.tsx';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';

const t = texts.preview;
const never = (): (() => void) => () => {};

/** Milliseconds that the selection stands still before its bytes are asked for: an arrow key held down asks for nothing. */
const SETTLE = 80;

/** What is in the selected file. Text is text and pictures are pictures; nothing is rendered as a document. */
export function PreviewPane({ tab }: { tab: Tab }) {
  const rows = tab.listing?.rows;
  useSyncExternalStore(rows?.subscribe ?? never, rows?.version ?? (() => 0));
  const count = countOf(tab.selection.ranges);
  const index = count > 1 ? undefined : (onlyIndex(tab.selection.ranges) ?? tab.selection.focus);
  const row = index === undefined || index < 0 ? undefined : rows?.get(index);
  const layer = folderOf(tab)?.layer;
  return (
    <aside className="preview" aria-label={t.label}>
      <header className="preview-head">
        {row === undefined ? <span className="dim">{t.label}</span> : <span className="preview-name" title={row.display.slice(0, 1000)}><EntryIcon row={row} /><Name display={row.display} /></span>}
        <IconButton label={texts.close} icon={X} onPress={() => prefer({ preview: false })} />
      </header>
      {row === undefined || layer === undefined || tab.host === undefined ? <p className="empty dim">{count > 1 ? t.many(count) : t.none}</p> : (
        <>
          <p className="preview-facts dim">{typeText(row)}{row.type === 'file' ? ` · ${formatExactSize(row.size)}` : ''}{row.error === undefined ? ` · ${formatTime(row.mtime)}` : ''}</p>
          {row.type === 'file' || row.targetType === 'file' ? <Content key={`${layer} ${row.node} ${row.name}`} host={tab.host} layer={layer} row={row} /> : row.target === undefined ? null : <p className="preview-facts"><bdi>{texts.grid.target(row.target)}</bdi></p>}
        </>
      )}
    </aside>
  );
}

function Content({ host, layer, row }: { host: HostClient; layer: string; row: EntryRow }) {
  const [preview, setPreview] = useState<Preview>();
  const [error, setError] = useState<ErrorData>();
  const node = row.type === 'symlink' ? (row.targetNode ?? row.node) : row.node;
  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(() => {
      host.call('entry.preview', { layer, node, name: row.name }, abort.signal).then(
        (found) => { if (!abort.signal.aborted) setPreview(found); },
        (failure: unknown) => { if (!abort.signal.aborted) setError(errorOf(failure)); },
      );
    }, SETTLE);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [host, layer, node, row.name]);
  if (error !== undefined) return <div className="preview-failed" role="alert"><strong>{t.failed}</strong><p>{error.message}</p>{error.advice === undefined ? null : <p className="dim">{error.advice}</p>}</div>;
  if (preview === undefined) return <p className="late dim">{t.loading}</p>;
  switch (preview.kind) {
    case 'text':
      return (
        <>
          <p className="preview-facts dim">{preview.encoding}{preview.truncated ? ` · ${t.truncated}` : ''}</p>
          <pre className="preview-text" tabIndex={0} role="region" aria-label={row.display.slice(0, 200)}>{preview.text}</pre>
        </>
      );
    case 'picture':
      return <Picture bytes={preview.bytes} mime={preview.mime} name={row.display.slice(0, 200)} />;
    case 'binary':
      return (
        <>
          <p className="preview-facts dim">{t.binary}{preview.truncated ? ` · ${t.truncated}` : ''}</p>
          <HexDump bytes={preview.bytes} label={row.display.slice(0, 200)} />
        </>
      );
    case 'none':
      return <p className="preview-facts">{preview.reason}</p>;
  }
}

/** Formats that the page decodes as plain pixels. SVG is a document with scripts and links, and is not among them. */
const PIXELS = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/bmp', 'image/x-icon', 'image/vnd.microsoft.icon', 'image/avif']);

function Picture({ bytes, mime, name }: { bytes: Uint8Array; mime: string; name: string }) {
  const [size, setSize] = useState<string>();
  const [bad, setBad] = useState(!PIXELS.has(mime));
  const url = useMemo(() => (PIXELS.has(mime) ? URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>], { type: mime })) : undefined), [bytes, mime]);
  useEffect(() => () => { if (url !== undefined) URL.revokeObjectURL(url); }, [url]);
  if (bad || url === undefined) return <p className="preview-facts" role="alert">{t.badPicture}</p>;
  return (
    <>
      <p className="preview-facts dim">{mime.replace('image/', '').toUpperCase()}{size === undefined ? '' : ` · ${size}`}</p>
      <div className="checkerboard"><img src={url} alt={t.pictureAlt(name)} onError={() => setBad(true)} onLoad={({ currentTarget: image }) => setSize(t.pixels(image.naturalWidth, image.naturalHeight))} /></div>
    </>
  );
}
