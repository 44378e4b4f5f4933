import { Pencil, Plus, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { Button } from 'react-aria-components';
import type { EntryDetails } from '../../../shared/contract/rows.ts';
import { hexText } from '../../models/properties.ts';
import { IconButton } from '../../ui/buttons.tsx';
import { Check } from '../../ui/check.tsx';
import { texts } from '../../texts/index.ts';
import { AttributeForm } from './AttributeForm.tsx';
import type { Editable } from './editing.ts';
import { cut, Part } from './parts.tsx';

const t = texts.properties;
const edit = texts.editProperties;

/** Bytes of one value that are shown as hex. */
const SHOWN_BYTES = 512;

/** Attributes that are put into the page. */
const SHOWN = 200;

/** Extended attributes: each by its name, as text where it is text, and as hex where it is none or is asked for. */
export function Attributes({ xattrs, editable }: Pick<EntryDetails, 'xattrs'> & { editable?: Editable | undefined }) {
  const [hex, setHex] = useState(false);
  /** The name of the one that is being changed; '' of a new one. */
  const [editing, setEditing] = useState<string>();
  const [failed, setFailed] = useState<string>();
  if (xattrs.length === 0 && editable === undefined) return <p className="dim">{t.xattrsNone}</p>;
  const done = (): void => setEditing(undefined);
  const remove = async (name: string): Promise<void> => setFailed((await editable?.xattr(name, undefined))?.message);
  return (
    <Part title={t.xattrs}>
      {xattrs.length === 0 ? <p className="dim">{t.xattrsNone}</p> : <Check isSelected={hex} onChange={setHex} label={t.asHex} />}
      {failed === undefined ? null : <p className="error-text" role="alert">{failed}</p>}
      <ul className="plain-list attributes">
        {xattrs.slice(0, SHOWN).map(({ name, text, value }, i) => (
          <li key={i}>
            <h4>
              <bdi className="breaks">{cut(name, 300)}</bdi> <span className="dim">{t.bytes(value.length)}</span>
              {editable === undefined ? null : <span className="attribute-tools"><IconButton label={edit.editXattr(name)} icon={Pencil} onPress={() => setEditing(name)} /><IconButton label={edit.remove(name)} icon={Trash2} onPress={() => void remove(name)} /></span>}
            </h4>
            {editable === undefined || editing !== name ? null : <AttributeForm editable={editable} of={{ name, value, ...(text === undefined ? {} : { text }) }} onDone={done} />}
            {text === undefined ? null : <p className="breaks"><bdi>{text === '' ? t.empty : cut(text)}</bdi></p>}
            {(hex || text === undefined) && value.length > 0 ? <pre className="hex is-inset" role="region" tabIndex={0} aria-label={t.valueOf(cut(name, 60))}>{hexText(value, SHOWN_BYTES)}{value.length > SHOWN_BYTES ? `\n${t.moreBytes(value.length - SHOWN_BYTES)}` : ''}</pre> : null}
          </li>
        ))}
      </ul>
      {editable === undefined ? null : editing === '' ? <AttributeForm editable={editable} onDone={done} /> : <div className="actions"><Button className="button is-small" onPress={() => setEditing('')}><Plus aria-hidden />{edit.addXattr}</Button></div>}
    </Part>
  );
}
