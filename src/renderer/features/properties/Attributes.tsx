import { useState } from 'react';
import type { EntryDetails } from '../../../shared/contract/rows.ts';
import { hexText } from '../../models/properties.ts';
import { Check } from '../../ui/check.tsx';
import { texts } from '../../texts/index.ts';
import { cut, Part } from './parts.tsx';

const t = texts.properties;

/** Bytes of one value that are shown as hex. */
const SHOWN_BYTES = 512;

/** Attributes that are put into the page. */
const SHOWN = 200;

/** Extended attributes: each by its name, as text where it is text, and as hex where it is none or is asked for. */
export function Attributes({ xattrs }: Pick<EntryDetails, 'xattrs'>) {
  const [hex, setHex] = useState(false);
  if (xattrs.length === 0) return <p className="dim">{t.xattrsNone}</p>;
  return (
    <Part title={t.xattrs}>
      <Check isSelected={hex} onChange={setHex} label={t.asHex} />
      <ul className="plain-list attributes">
        {xattrs.slice(0, SHOWN).map(({ name, text, value }, i) => (
          <li key={i}>
            <h4><bdi className="breaks">{cut(name, 300)}</bdi> <span className="dim">{t.bytes(value.length)}</span></h4>
            {text === undefined ? null : <p className="breaks"><bdi>{text === '' ? t.empty : cut(text)}</bdi></p>}
            {(hex || text === undefined) && value.length > 0 ? <pre className="hex is-inset" role="region" tabIndex={0} aria-label={t.valueOf(cut(name, 60))}>{hexText(value, SHOWN_BYTES)}{value.length > SHOWN_BYTES ? `\n${t.moreBytes(value.length - SHOWN_BYTES)}` : ''}</pre> : null}
          </li>
        ))}
      </ul>
    </Part>
  );
}
