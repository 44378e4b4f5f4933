import { Copy, FolderInput, MoveRight } from 'lucide-react';
import { useApp } from '../../app/state.ts';
import { texts } from '../../texts/index.ts';

const t = texts.dragging;

/** Beside the pointer while entries are dragged within the window: what letting go would do. */
export function DragGhost() {
  const drag = useApp((state) => state.dragWithin);
  if (drag === undefined) return null;
  const { count, copy, to, x, y } = drag;
  const Icon = to === undefined ? MoveRight : copy ? Copy : FolderInput;
  return (
    <div className={`drag-ghost ${to === undefined ? 'is-nowhere' : ''}`} role="status" style={{ transform: `translate(${Math.min(x + 14, window.innerWidth - 200)}px, ${Math.min(y + 12, window.innerHeight - 48)}px)` }}>
      <Icon aria-hidden />
      <span><bdi>{copy ? t.copy(count, to?.display) : t.move(count, to?.display)}</bdi> <span className="dim">{t.hint}</span></span>
    </div>
  );
}
