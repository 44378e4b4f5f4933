import { Button } from 'react-aria-components';
import { type Dialog, setApp } from '../../app/state.ts';
import { openSources } from '../../app/tabs.ts';
import { adviceLines, isNoAccess } from '../../models/devices.ts';
import { visibleText } from '../../models/visible-text.ts';
import { texts } from '../../texts/index.ts';
import { copyText, detailsOf } from '../../ui/errors.tsx';
import { ModalDialog } from '../../ui/modal.tsx';

const t = texts.devices;

const close = (): void => setApp({ dialog: undefined });

/** Why a disk can't be read, and how a person gets to read it. Nothing of it is done by the window. */
export function AccessDialog({ dialog: { device } }: { dialog: Extract<Dialog, { kind: 'device-access' }> }) {
  const path = visibleText(device.source.path).slice(0, 300);
  const error = device.error!;
  const secret = isNoAccess(error);
  return (
    <ModalDialog title={secret ? t.accessTitle(path) : t.unreadableTitle(path)} onClose={close}>
      <p><bdi>{visibleText(error.message)}</bdi></p>
      {error.advice === undefined ? null : <ul className="access-ways">{adviceLines(visibleText(error.advice)).map((line) => <li key={line}>{line}</li>)}</ul>}
      {secret ? <p className="dim">{t.never}</p> : null}
      <footer className="dialog-foot">
        <Button className="button" onPress={() => void copyText(detailsOf(error, path))}>{texts.copyDetails}</Button>
        <Button className="button" onPress={() => { close(); openSources([device.source]); }}>{t.openNow}</Button>
        <Button className="button is-primary" autoFocus onPress={close}>{texts.close}</Button>
      </footer>
    </ModalDialog>
  );
}
