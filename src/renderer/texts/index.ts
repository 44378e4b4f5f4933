import { browserTexts } from './browser.ts';
import { checkingTexts } from './checking.ts';
import { checksumsTexts } from './checksums.ts';
import { commandsTexts } from './commands.ts';
import { commonTexts } from './common.ts';
import { devicesTexts } from './devices.ts';
import { editingTexts } from './editing.ts';
import { guestsTexts } from './guests.ts';
import { hexTexts } from './hex.ts';
import { layersTexts } from './layers.ts';
import { mountsTexts } from './mounts.ts';
import { openingTexts } from './opening.ts';
import { previewTexts } from './preview.ts';
import { propertiesTexts } from './properties.ts';
import { shellTexts } from './shell.ts';
import { searchTexts } from './search.ts';
import { spaceTexts } from './space.ts';
import { transfersTexts } from './transfers.ts';
import { welcomeTexts } from './welcome.ts';

/** Every text of the window, a file a part. English first; another language is another object of this type. */
export const texts = {
  ...browserTexts,
  ...checkingTexts,
  ...checksumsTexts,
  ...commandsTexts,
  ...commonTexts,
  ...devicesTexts,
  ...editingTexts,
  ...guestsTexts,
  ...hexTexts,
  ...layersTexts,
  ...mountsTexts,
  ...openingTexts,
  ...previewTexts,
  ...propertiesTexts,
  ...shellTexts,
  ...searchTexts,
  ...spaceTexts,
  ...transfersTexts,
  ...welcomeTexts,
} as const;
