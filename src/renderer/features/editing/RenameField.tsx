import { type CSSProperties, type FocusEvent, type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import type { EntryRow } from '../../../shared/contract/rows.ts';
import { displayName } from '../../../engines/core/names.ts';
import { rename } from '../../app/editing.ts';
import { focusList } from '../../app/focus.ts';
import { folderOfRow } from '../../app/navigation.ts';
import { errorOf } from '../../app/services.ts';
import { announce, findTab, getApp, type Renaming, setApp } from '../../app/state.ts';
import { draftOf, nameOfDraft, stemLength } from '../../models/naming.ts';
import { EntryIcon } from '../../ui/entry-icon.tsx';
import { texts } from '../../texts/index.ts';
import { type Naming, namingOf, rulesText, wrongWith } from './naming.ts';

const t = texts.naming;
const HINT = 'rename-hint';

/** Pixels that the hint takes, and between it and the field. */
const ROOM = 60;
const GAP = 3;

/** The name of an entry, to be changed where it stands. What stands against it is told while it is typed. */
export function RenameField({ renaming, row }: { renaming: Renaming; row: EntryRow }) {
  const [draft, setDraft] = useState(() => draftOf(row.name));
  const [refused, setRefused] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [naming] = useState<Naming>(() => {
    const tab = findTab(renaming.tab);
    return namingOf(tab, tab && folderOfRow(tab, row));
  });
  const input = useRef<HTMLInputElement>(null);
  const [place, setPlace] = useState<CSSProperties>();
  const name = nameOfDraft(draft, row.name);
  const problem = wrongWith(name, naming, row.name) ?? refused;

  useLayoutEffect(() => {
    const field = input.current;
    if (field === null) return;
    field.focus({ preventScroll: true });
    field.setSelectionRange(0, stemLength(field.value, row.type === 'dir'));
    // Where the field is, whenever it moves: above it where there is no room below.
    let frame = 0;
    const locate = (): void => {
      const { left, top, bottom } = field.getBoundingClientRect();
      const at = { left: Math.max(8, Math.min(left, window.innerWidth - 260)) };
      setPlace(bottom + ROOM > window.innerHeight ? { ...at, bottom: window.innerHeight - top + GAP } : { ...at, top: bottom + GAP });
    };
    const later = (): void => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => { frame = requestAnimationFrame(locate); });
    };
    locate();
    window.addEventListener('resize', later);
    document.addEventListener('scroll', later, true);
    return () => {
      cancelAnimationFrame(frame);
      window.removeEventListener('resize', later);
      document.removeEventListener('scroll', later, true);
    };
  }, [row]);
  // Scrolled away, or listed anew: there is nothing left to rename.
  useEffect(() => () => { if (getApp().renaming === renaming) setApp({ renaming: undefined }); }, [renaming]);

  const leave = (): void => {
    setApp({ renaming: undefined });
    setTimeout(focusList);
  };
  const commit = async (): Promise<void> => {
    if (busy) return;
    if (name === row.name) {
      leave();
      return;
    }
    if (problem !== undefined) {
      announce(problem);
      return;
    }
    setBusy(true);
    try {
      await rename(renaming.tab, row, name, displayName(name));
      if (getApp().renaming === renaming) leave();
    } catch (error) {
      setRefused(errorOf(error).message);
      setBusy(false);
      input.current?.focus({ preventScroll: true });
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // The list's own keys mean something else.
    event.stopPropagation();
    if (event.key === 'Escape') leave();
    else if (event.key === 'Enter') void commit();
    else if (event.key !== 'Tab') return;
    event.preventDefault();
  };
  // Elsewhere clicked: a name that is right is taken, as on every desktop; a wrong one is let go.
  const onBlur = (event: FocusEvent): void => {
    if (busy || getApp().renaming !== renaming || !document.hasFocus() || event.relatedTarget?.closest('.rename-hint')) return;
    if (problem === undefined && name !== row.name) void commit();
    else setApp({ renaming: undefined });
  };
  return (
    <span className="entry is-renaming">
      <EntryIcon row={row} />
      <input
        ref={input} className="rename" value={draft} readOnly={busy} spellCheck={false} autoComplete="off" aria-label={t.field(row.display)} aria-invalid={problem !== undefined} aria-describedby={HINT}
        onChange={(event) => { setDraft(event.target.value); setRefused(undefined); }}
        onKeyDown={onKeyDown} onBlur={onBlur} onPointerDown={(event) => event.stopPropagation()} onDoubleClick={(event) => event.stopPropagation()} onContextMenu={(event) => event.stopPropagation()}
      />
      {place === undefined ? null : createPortal(
        <div id={HINT} role="status" className={`rename-hint ${problem === undefined ? '' : 'is-wrong'}`} style={place}>
          <bdi>{problem ?? rulesText(name, naming)}</bdi>
          {draftOf(row.name) === row.name ? null : <span className="dim"> {t.spelled}</span>}
        </div>, document.body,
      )}
    </span>
  );
}
