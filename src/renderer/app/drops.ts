import { texts } from '../texts/index.ts';
import { notify } from '../ui/toasts.ts';
import { announce, getApp, setApp } from './state.ts';
import { openFiles } from './tabs.ts';

/** Files dropped anywhere on the window are opened, but for over a dialog, which comes first. Answers how to stop. */
export function watchDrops(): () => void {
  const over = (event: DragEvent): void => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    const refused = document.querySelector('.overlay') !== null;
    event.dataTransfer!.dropEffect = refused ? 'none' : 'copy';
    // Names and kinds are told only when they are dropped; how many they are, before.
    const count = [...event.dataTransfer!.items].filter((item) => item.kind === 'file').length;
    const before = getApp().dragging;
    if (before?.count !== count || before.refused !== refused) setApp({ dragging: { count, refused } });
  };
  const leave = (event: DragEvent): void => {
    // Only when the pointer leaves the window; between elements it has a related target.
    if (event.relatedTarget === null) setApp({ dragging: undefined });
  };
  const drop = (event: DragEvent): void => {
    const refused = getApp().dragging?.refused ?? document.querySelector('.overlay') !== null;
    setApp({ dragging: undefined });
    if (!hasFiles(event)) return;
    event.preventDefault();
    if (refused) announce(texts.drop.refused);
    else void openDropped(event.dataTransfer!);
  };
  const listeners = [['dragenter', over], ['dragover', over], ['dragleave', leave], ['drop', drop]] as const;
  for (const [type, run] of listeners) window.addEventListener(type, run);
  return () => {
    for (const [type, run] of listeners) window.removeEventListener(type, run);
  };
}

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes('Files') ?? false;
}

/** Folders among what was dropped are told of and left out: an image is a file, or a disk. */
async function openDropped(transfer: DataTransfer): Promise<void> {
  const files: File[] = [];
  const folders: string[] = [];
  for (const item of transfer.items) {
    const file = item.kind === 'file' ? item.getAsFile() : null;
    if (file === null) continue;
    // Known only now, in the event itself.
    if (item.webkitGetAsEntry()?.isDirectory === true) folders.push(file.name);
    else files.push(file);
  }
  if (folders.length > 0) notify({ text: texts.drop.folders(folders), tone: 'warning' });
  if (files.length > 0) await openFiles(files);
}
