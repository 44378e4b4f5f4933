import { useState } from 'react';
import { Button, Input, SearchField } from 'react-aria-components';
import { X } from 'lucide-react';
import { setApp, useApp } from '../../app/state.ts';
import { commands, GROUPS } from '../../commands/index.ts';
import { shownKeys } from '../../commands/keys.ts';
import { isMac } from '../../ui/buttons.tsx';
import { ModalDialog } from '../../ui/modal.tsx';
import { texts } from '../../texts/index.ts';

const t = texts.sheet;

interface Part {
  readonly title: string;
  readonly rows: readonly { readonly what: string; readonly keys: readonly string[] }[];
}

/** Every command with keys, and what the list understands besides. */
function parts(): Part[] {
  return [
    ...GROUPS.map((group) => ({ title: texts.groups[group], rows: commands.filter((command) => command.group === group && command.keys.length > 0 && !command.quiet).map(({ label, keys }) => ({ what: label, keys })) })),
    { title: t.moving, rows: t.rows.map(([keys, what]) => ({ what, keys: keys === 'Ctrl+ ' ? [keys] : keys.split(' ') })) },
    { title: t.more, rows: t.moreRows.map(([keys, what]) => ({ what, keys: [keys] })) },
  ];
}

/** The sheet of keys, made from the same list as the menus. */
export function ShortcutSheet() {
  const mac = useApp((state) => isMac(state.info?.platform));
  const [query, setQuery] = useState('');
  const wanted = query.trim().toLowerCase();
  const found = parts()
    .map(({ title, rows }) => ({ title, rows: rows.filter(({ what, keys }) => wanted === '' || [title, what, ...keys.map((each) => shownKeys(each, mac))].some((text) => text.toLowerCase().includes(wanted))) }))
    .filter(({ rows }) => rows.length > 0);
  return (
    <ModalDialog title={t.title} onClose={() => setApp({ dialog: undefined })} wide>
      <SearchField className="sheet-search" aria-label={t.search} value={query} onChange={setQuery} autoFocus>
        <Input className="input" placeholder={t.search} spellCheck={false} />
        {query === '' ? null : <Button className="icon-button"><X aria-hidden /></Button>}
      </SearchField>
      <div className="dialog-body sheet" role="region" aria-label={t.title} tabIndex={0}>
        {found.length === 0 ? <p className="dim" role="status">{t.none}</p> : <div className="sheet-parts">{found.map(({ title, rows }) => (
          <section key={title} className="sheet-part">
            <h3>{title}</h3>
            <dl>
              {rows.map(({ what, keys }) => <div key={what}><dt>{what}</dt><dd>{keys.map((each) => <kbd key={each}>{shownKeys(each, mac)}</kbd>)}</dd></div>)}
            </dl>
          </section>
        ))}</div>}
      </div>
    </ModalDialog>
  );
}
