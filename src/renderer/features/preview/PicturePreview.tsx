import { Maximize2 } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { ToggleButton } from 'react-aria-components';
import type { Preview } from '../../../shared/contract/preview.ts';
import { texts } from '../../texts/index.ts';
import { Facts } from './parts.tsx';

const t = texts.preview;

/** Formats that the page decodes as plain pixels. SVG is a document with scripts and links, and is not among them. */
const PIXELS = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/bmp', 'image/x-icon', 'image/avif']);

/** A picture over a checkerboard, fitted or as large as it is. The host has seen to it that its pixels are not too many. */
export function PicturePreview({ preview, name }: { preview: Extract<Preview, { kind: 'picture' }>; name: string }) {
  const { bytes, mime, width, height } = preview;
  const [bad, setBad] = useState(!PIXELS.has(mime));
  const [actual, setActual] = useState(false);
  const url = useMemo(() => (PIXELS.has(mime) ? URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>], { type: mime })) : undefined), [bytes, mime]);
  useEffect(() => () => { if (url !== undefined) URL.revokeObjectURL(url); }, [url]);
  if (bad || url === undefined) return <p className="preview-note" role="alert">{t.badPicture}</p>;
  return (
    <>
      <Facts>
        <span className="number">{t.pictureName(mime)} · {t.pixels(width, height)}</span>
        <ToggleButton className="icon-button has-text is-small" isSelected={actual} onChange={setActual}><Maximize2 aria-hidden /><span>{t.actualSize}</span></ToggleButton>
      </Facts>
      <div className={actual ? 'checkerboard is-actual' : 'checkerboard'} role="region" aria-label={t.pictureRegion} tabIndex={0}>
        <img src={url} alt={t.pictureAlt(name)} draggable={false} onError={() => setBad(true)} />
      </div>
    </>
  );
}

/** Why a picture is not decoded. */
export function NoPicture({ preview }: { preview: Extract<Preview, { kind: 'no-picture' }> }) {
  const { reason, width = 0, height = 0, limit = 0 } = preview;
  return (
    <>
      <Facts>{t.pictureName(preview.mime)}{reason === 'pixels' ? ` · ${t.pixels(width, height)}` : null}</Facts>
      <p className="preview-note">{reason === 'pixels' ? t.largePicture(width, height, limit) : reason === 'bytes' ? t.largeFile(limit) : t.badPicture}</p>
    </>
  );
}
