import { formatCount } from '../models/format.ts';

/** What every part of the window says. */
export const commonTexts = {
  app: { name: 'Clutch' },
  /** BCP 47, and where its lines begin. */
  language: 'en',
  direction: 'ltr' as 'ltr' | 'rtl',
  close: 'Close',
  cancel: 'Cancel',
  dismiss: 'Dismiss',
  copyDetails: 'Copy details',
  copied: 'Copied',
  tryAgain: 'Try again',
  fault: { title: 'This part of the window failed', advice: 'Nothing was changed in any image. Try again, or load the window anew; the details help us to mend it.', reload: 'Load the window anew' },
  error: { where: 'Where', todo: 'What you can do', at: (structure: string, offset: string | undefined) => (offset === undefined ? structure : `${structure}, at byte ${offset}`) },
  faults: {
    usage: 'That did not work',
    io: 'The image could not be read',
    unsupported: 'Not supported yet',
    corrupt: 'The image is damaged here',
    locked: 'A password is needed',
    dirty: 'It needs recovery first',
    busy: 'Somebody else holds it',
    cancelled: 'Cancelled',
    timeout: 'It took too long',
    guest: 'The guest failed',
  },
  /** What to do where an error itself has no advice. */
  advice: {
    usage: 'Go back and choose something else.',
    io: 'See that the file is whole and readable, then try again.',
    unsupported: 'Other ways to open it are listed with the layer, where there are any.',
    corrupt: 'Extract what can still be read before you do anything else with the image.',
    locked: 'Unlock the volume first.',
    dirty: 'Replay its journal first.',
    busy: 'Close the other program and try again.',
    cancelled: '',
    timeout: 'Try again; the disk that holds the image may be slow or failing.',
    guest: 'Look at the guest’s log.',
  },
  announcements: { selected: (count: number) => `${formatCount(count)} selected` },
} as const;
