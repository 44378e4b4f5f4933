import { X } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { setApp, type Tab } from '../../app/state.ts';
import { IconButton } from '../../ui/buttons.tsx';
import { texts } from '../../texts/index.ts';
import { Looking, useLookedAt } from './PreviewPane.tsx';

const t = texts.preview;

const close = (): void => setApp({ quickLook: false });

/**
 * A look at the entry that the keyboard is on, over the list: the list keeps the focus, so that arrows go on to the next entry, Enter opens
 * it, and Space or Escape ends the look.
 */
export function QuickLook({ tab }: { tab: Tab }) {
  const { row, count } = useLookedAt(tab);
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    // Before the list, for which Escape means to select nothing.
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || document.querySelector('.overlay, .popover') !== null) return;
      const target = event.target instanceof Element ? event.target : undefined;
      const inside = panel.current?.contains(target ?? null) ?? false;
      const space = event.key === ' ' && inside && target?.closest('button') === null;
      if (event.key !== 'Escape' && !space) return;
      event.preventDefault();
      event.stopPropagation();
      close();
      if (inside) document.querySelector<HTMLElement>('.grid-body')?.focus({ preventScroll: true });
    };
    window.addEventListener('keydown', onKey, true);
    return () => {
      window.removeEventListener('keydown', onKey, true);
      close();
    };
  }, []);
  const label = row === undefined ? t.quickLook : t.quickLookOf(row.display.slice(0, 200));
  return (
    <section ref={panel} className="preview quick-look" role="dialog" aria-modal={false} aria-label={label}>
      <Looking tab={tab} row={row} count={count} tell><IconButton label={texts.close} icon={X} onPress={close} /></Looking>
    </section>
  );
}
