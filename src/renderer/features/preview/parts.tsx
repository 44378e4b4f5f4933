import type { ReactNode } from 'react';
import { Button, ListBox, ListBoxItem, Popover, Select, SelectValue } from 'react-aria-components';
import { TEXT_ENCODINGS, type TextEncoding } from '../../../shared/contract/preview.ts';
import type { EntryRow } from '../../../shared/contract/rows.ts';
import type { HostClient } from '../../app/services.ts';
import { texts } from '../../texts/index.ts';

const t = texts.preview;

/** What is looked at, and what the person asked for. */
export interface Shown {
  readonly host: HostClient;
  readonly layer: string;
  /** The node whose contents are shown: a link's target. */
  readonly node: number;
  readonly row: EntryRow;
  /** The encoding that was chosen; undefined: found by the host. */
  readonly encoding: TextEncoding | undefined;
  readonly chooseEncoding: (encoding: TextEncoding | undefined) => void;
}

/** The line above a preview: what it is, and how it is shown. */
export function Facts({ children }: { children: ReactNode }) {
  return <div className="preview-facts dim">{children}</div>;
}

/** The encoding that a text is read in. @param found what stands in the button while the host chooses */
export function EncodingMenu({ encoding, found, shown }: { encoding: TextEncoding | undefined; found: string; shown: Shown }) {
  return (
    <Select
      className="encoding" aria-label={t.encoding} value={shown.encoding ?? 'automatic'}
      onChange={(key) => shown.chooseEncoding(key === 'automatic' ? undefined : (key as TextEncoding))}
    >
      <Button className="button select is-small"><SelectValue>{() => (shown.encoding === undefined || encoding === undefined ? found : t.encodings[encoding])}</SelectValue></Button>
      <Popover className="popover">
        <ListBox className="menu">
          <ListBoxItem id="automatic" className="menu-item">{t.automatic}</ListBoxItem>
          {TEXT_ENCODINGS.map((id) => <ListBoxItem key={id} id={id} className="menu-item">{t.encodings[id]}</ListBoxItem>)}
        </ListBox>
      </Popover>
    </Select>
  );
}
