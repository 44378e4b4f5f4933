import { setApp } from './state.ts';
import { openFiles } from './tabs.ts';

/** Files dropped anywhere on the window are opened. Answers how to stop. */
export function watchDrops(): () => void {
  const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;
  const over = (event: DragEvent): void => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer!.dropEffect = 'copy';
    setApp({ dragging: true });
  };
  const leave = (event: DragEvent): void => {
    // Only when the pointer leaves the window; between elements it has a related target.
    if (event.relatedTarget === null) setApp({ dragging: false });
  };
  const drop = (event: DragEvent): void => {
    setApp({ dragging: false });
    if (!hasFiles(event)) return;
    event.preventDefault();
    void openFiles([...event.dataTransfer!.files]);
  };
  const listeners = [['dragenter', over], ['dragover', over], ['dragleave', leave], ['drop', drop]] as const;
  for (const [type, run] of listeners) window.addEventListener(type, run);
  return () => {
    for (const [type, run] of listeners) window.removeEventListener(type, run);
  };
}
