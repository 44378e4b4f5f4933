import { setApp, useApp } from '../../app/state.ts';
import { useTransfers } from '../../app/transfers.ts';
import { CheckDialog } from '../checking/CheckDialog.tsx';
import { DeleteDialog } from '../editing/DeleteDialog.tsx';
import { AccessDialog } from '../devices/AccessDialog.tsx';
import { ClosePendingDialog, DiscardDialog } from '../editing/DiscardDialogs.tsx';
import { LossesDialog } from '../editing/LossesDialog.tsx';
import { MakeDialog } from '../editing/MakeDialog.tsx';
import { PutPathDialog, SaveAsDialog } from '../editing/PathDialogs.tsx';
import { ReviewDialog } from '../editing/ReviewDialog.tsx';
import { AddGuestDialog, RemoveGuestDialog } from '../guests/GuestDialogs.tsx';
import { ChecksumsDialog } from './ChecksumsDialog.tsx';
import { ConflictDialog } from './ConflictDialog.tsx';
import { ExtractDialog } from './ExtractDialog.tsx';
import { CloseMountedDialog, MountBusyDialog } from '../mounts/BusyDialogs.tsx';
import { MountDialog } from '../mounts/MountDialog.tsx';
import { OpenWithDialog } from '../layers/OpenWithDialog.tsx';
import { OpenPathDialog } from './OpenPathDialog.tsx';
import { PasswordDialog } from './PasswordDialog.tsx';
import { PatternDialog } from '../search/PatternDialog.tsx';
import { PropertiesDialog } from '../properties/PropertiesDialog.tsx';
import { Palette } from '../palette/Palette.tsx';
import { ShortcutSheet } from '../palette/ShortcutSheet.tsx';
import { SettingsDialog } from '../settings/SettingsDialog.tsx';

export const closeDialog = (): void => setApp({ dialog: undefined });

/** The one dialog that is open; a job's question comes before the person's own. */
export function Dialogs() {
  const dialog = useApp((state) => state.dialog);
  const asking = useTransfers((state) => state.list.find((transfer) => transfer.question !== undefined));
  const question = asking?.question?.question;
  if (asking !== undefined && question !== undefined) {
    const key = `${asking.id} ${asking.question!.id}`;
    return question.kind === 'conflict' ? <ConflictDialog key={key} transfer={asking} question={question} /> : <PasswordDialog key={key} transfer={asking} question={question} />;
  }
  switch (dialog?.kind) {
    case 'open-path': return <OpenPathDialog dialog={dialog} />;
    case 'open-with': return <OpenWithDialog key={`${dialog.tab} ${dialog.layer}`} dialog={dialog} />;
    case 'extract': return <ExtractDialog dialog={dialog} />;
    case 'checksums': return <ChecksumsDialog dialog={dialog} />;
    case 'properties': return <PropertiesDialog dialog={dialog} />;
    case 'palette': return <Palette />;
    case 'settings': return <SettingsDialog />;
    case 'pattern': return <PatternDialog id={dialog.tab} />;
    case 'shortcuts': return <ShortcutSheet />;
    case 'review': return <ReviewDialog dialog={dialog} />;
    case 'discard': return <DiscardDialog dialog={dialog} />;
    case 'close-pending': return <ClosePendingDialog dialog={dialog} />;
    case 'delete': return <DeleteDialog dialog={dialog} />;
    case 'make': return <MakeDialog dialog={dialog} />;
    case 'losses': return <LossesDialog dialog={dialog} />;
    case 'save-as': return <SaveAsDialog dialog={dialog} />;
    case 'put-path': return <PutPathDialog dialog={dialog} />;
    case 'check': return <CheckDialog dialog={dialog} />;
    case 'mount': return <MountDialog key={`${dialog.tab} ${dialog.layer}`} dialog={dialog} />;
    case 'mount-busy': return <MountBusyDialog dialog={dialog} />;
    case 'close-mounted': return <CloseMountedDialog dialog={dialog} />;
    case 'remove-guest': return <RemoveGuestDialog dialog={dialog} />;
    case 'add-guest': return <AddGuestDialog dialog={dialog} />;
    case 'device-access': return <AccessDialog dialog={dialog} />;
    case undefined: return null;
  }
}
