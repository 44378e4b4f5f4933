import { HardDriveDownload } from 'lucide-react';
import { useApp } from '../../app/state.ts';
import { texts } from '../../texts/index.ts';

/** Over everything while files are dragged over the window: says what a drop will do. */
export function DropOverlay() {
  const dragging = useApp((state) => state.dragging);
  if (!dragging) return null;
  return (
    <div className="drop-overlay" role="status">
      <HardDriveDownload aria-hidden strokeWidth={1.25} />
      <strong>{texts.drop.title}</strong>
      <span>{texts.drop.hint}</span>
    </div>
  );
}
