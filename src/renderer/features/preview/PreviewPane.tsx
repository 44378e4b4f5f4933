import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import type { EntryRow } from '../../../shared/contract/rows.ts';
import { useChanges } from '../../app/changes.ts';
import { folderOf, prefer } from '../../app/navigation.ts';
import type { Tab } from '../../app/state.ts';
import { formatExactSize, formatTime } from '../../models/format.ts';
import { countOf, onlyIndex } from '../../models/ranges.ts';
import { IconButton } from '../../ui/buttons.tsx';
import { EntryIcon, typeText } from '../../ui/entry-icon.tsx';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';
import { Content } from './Content.tsx';

const t = texts.preview;

/** The pane at the side: what is in the selected entry. */
export function PreviewPane({ tab }: { tab: Tab }) {
  const { row, count } = useLookedAt(tab);
  return (
    <aside className="preview" aria-label={t.label}>
      <Looking tab={tab} row={row} count={count} tell={false}><IconButton label={texts.close} icon={X} onPress={() => prefer({ preview: false })} /></Looking>
    </aside>
  );
}

/** The entry that is looked at: the only one selected, else the one that the keyboard is on. */
export function useLookedAt(tab: Tab): { readonly row: EntryRow | undefined; readonly count: number } {
  const rows = tab.listing?.rows;
  useChanges(rows);
  const count = countOf(tab.selection.ranges);
  const index = count > 1 ? undefined : (onlyIndex(tab.selection.ranges) ?? tab.selection.focus);
  return { row: index === undefined || index < 0 ? undefined : rows?.get(index), count };
}

/** An entry's name, its facts, and what is in it. @param children buttons beside the name */
export function Looking({ tab, row, count, tell, children }: { tab: Tab; row: EntryRow | undefined; count: number; tell: boolean; children: ReactNode }) {
  const layer = folderOf(tab)?.layer;
  return (
    <>
      <header className="preview-head">
        {row === undefined ? <span className="dim">{t.label}</span> : <span className="preview-name" title={row.display.slice(0, 1000)}><EntryIcon row={row} /><Name display={row.display} /></span>}
        {children}
      </header>
      {row === undefined || layer === undefined || tab.host === undefined ? <p className="empty dim">{count > 1 ? t.many(count) : t.none}</p> : (
        <>
          <p className="preview-facts dim">{typeText(row)}{row.type === 'file' ? ` · ${formatExactSize(row.size)}` : ''}{row.error === undefined ? ` · ${formatTime(row.mtime)}` : ''}</p>
          <Content key={`${layer} ${row.node} ${row.name}`} host={tab.host} layer={layer} row={row} tell={tell} />
        </>
      )}
    </>
  );
}
