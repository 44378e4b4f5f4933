import { useEffect, useState } from 'react';
import { Button } from 'react-aria-components';
import type { Preview, TextEncoding } from '../../../shared/contract/preview.ts';
import type { EntryRow } from '../../../shared/contract/rows.ts';
import { commands, runCommand } from '../../commands/index.ts';
import { type ErrorData, errorOf, type HostClient } from '../../app/services.ts';
import { announce, getApp } from '../../app/state.ts';
import { HexDump } from '../../ui/hex.tsx';
import { texts } from '../../texts/index.ts';
import { ArchivePreview, FolderPreview } from './ListPreview.tsx';
import { EncodingMenu, Facts, type Shown } from './parts.tsx';
import { NoPicture, PicturePreview } from './PicturePreview.tsx';
import { TextPreview } from './TextPreview.tsx';

const t = texts.preview;

/** Milliseconds that the selection stands still before its bytes are asked for: an arrow key held down asks for nothing. */
const SETTLE = 80;

/** What is in an entry: the same in the pane and in the quick look. Text is text and pictures are pictures; nothing is rendered as a document. */
export function Content({ host, layer, row, tell }: { host: HostClient; layer: string; row: EntryRow; /** Whether screen readers hear what it is. */ tell: boolean }) {
  const [encoding, chooseEncoding] = useState<TextEncoding>();
  const [preview, setPreview] = useState<Preview>();
  const [error, setError] = useState<ErrorData>();
  const node = row.type === 'symlink' ? (row.targetNode ?? row.node) : row.node;
  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(() => {
      host.call('entry.preview', { layer, node, name: row.name, ...(encoding === undefined ? {} : { encoding }) }, abort.signal).then(
        (found) => {
          if (abort.signal.aborted) return;
          setPreview(found);
          if (tell) announce(`${row.display.slice(0, 200)}: ${t.told(found)}`);
        },
        (failure: unknown) => { if (!abort.signal.aborted) setError(errorOf(failure)); },
      );
    }, encoding === undefined ? SETTLE : 0);
    // The host hears of it and stops reading.
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [host, layer, node, row.name, row.display, encoding, tell]);
  if (error !== undefined) return <div className="preview-note" role="alert"><strong className="error-text">{t.failed}</strong><p>{error.message}</p>{error.advice === undefined ? null : <p className="dim">{error.advice}</p>}</div>;
  if (preview === undefined) return <p className="late dim">{t.loading}</p>;
  return (
    <>
      {row.target === undefined ? null : <p className="preview-note"><bdi>{t.linkTo(row.target.slice(0, 1000))}</bdi></p>}
      <Face preview={preview} shown={{ host, layer, node, row, encoding, chooseEncoding }} />
    </>
  );
}

function Face({ preview, shown }: { preview: Preview; shown: Shown }) {
  const name = shown.row.display.slice(0, 200);
  switch (preview.kind) {
    case 'text': return <TextPreview key={preview.encoding} preview={preview} shown={shown} />;
    case 'picture': return <PicturePreview preview={preview} name={name} />;
    case 'no-picture': return <NoPicture preview={preview} />;
    case 'archive': return <ArchivePreview preview={preview} name={name} />;
    case 'folder': return <FolderPreview preview={preview} name={name} />;
    case 'device': return <p className="preview-note">{t.device[preview.type]}<br /><span className="number">{t.numbers(preview.major, preview.minor)}</span></p>;
    case 'none': return <p className="preview-note">{t.nothing[preview.reason]}</p>;
    case 'binary': {
      // Its own view of all bytes is another part of the window, where there is one.
      const all = commands.find(({ id }) => id === 'show-bytes');
      return (
        <>
          <Facts>
            <span>{preview.image === undefined ? t.binary(preview.bytes.length, preview.size) : t.image(preview.image)}</span>
            <EncodingMenu encoding={undefined} found={t.notText} shown={shown} />
            {all === undefined || all.enabled(getApp()) !== true ? null : <Button className="link" onPress={() => runCommand(all.id)}>{t.showBytes}</Button>}
          </Facts>
          <HexDump bytes={preview.bytes} label={name} />
        </>
      );
    }
  }
}
