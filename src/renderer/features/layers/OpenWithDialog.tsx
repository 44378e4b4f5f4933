import { useEffect, useState } from 'react';
import { Button, ListBox, ListBoxItem, Text } from 'react-aria-components';
import type { OpenerRow } from '../../../shared/contract/rows.ts';
import { type ErrorData, errorOf } from '../../app/services.ts';
import { type Dialog, findTab, getApp, setApp } from '../../app/state.ts';
import { openByGuest, reopenAs } from '../../app/tabs.ts';
import { guestOf } from '../../models/guests.ts';
import { layerAt } from '../../models/layers.ts';
import { texts } from '../../texts/index.ts';
import { ErrorPanel } from '../../ui/errors.tsx';
import { ModalDialog } from '../../ui/modal.tsx';

const t = texts.openWith;

/** Every way into a layer with the reason why it is or isn't taken. One that is tried and fails says what is wrong, and changes nothing. */
export function OpenWithDialog({ dialog }: { dialog: Extract<Dialog, { kind: 'open-with' }> }) {
  const [openers, setOpeners] = useState<readonly OpenerRow[]>();
  const [chosen, setChosen] = useState<string>();
  const [failure, setFailure] = useState<{ readonly error: ErrorData; readonly name: string | undefined }>();
  const [busy, setBusy] = useState(false);
  const tab = findTab(dialog.tab);
  const layer = tab?.info === undefined ? undefined : layerAt(tab.info, dialog.layer);
  const host = tab?.host;
  useEffect(() => {
    const abort = new AbortController();
    host?.call('layer.openers', { layer: dialog.layer }, abort.signal).then(
      (rows) => {
        if (abort.signal.aborted) return;
        setOpeners(rows);
        setChosen((rows.find(({ current }) => !current) ?? rows[0])?.format);
      },
      (error: unknown) => { if (!abort.signal.aborted) setFailure({ error: errorOf(error), name: undefined }); },
    );
    return () => abort.abort();
  }, [host, dialog.layer]);
  const close = (): void => setApp({ dialog: undefined });
  const open = async (format: string | undefined): Promise<void> => {
    const opener = openers?.find((each) => each.format === format);
    if (opener === undefined || busy) return;
    if (guestOf(opener) !== undefined && opener.access !== 'refused') {
      // It takes seconds: the layer's page tells how far it is, and what comes of it.
      close();
      void openByGuest(dialog.tab, dialog.layer, opener);
      return;
    }
    setBusy(true);
    const error = await reopenAs(dialog.tab, dialog.layer, opener.format);
    setBusy(false);
    // It was closed meanwhile, and another may be open.
    if (getApp().dialog !== dialog) return;
    if (error === undefined) close();
    else setFailure({ error, name: opener.name });
  };
  const name = layer?.label || layer?.title || '';
  return (
    <ModalDialog title={t.title(name)} onClose={close} wide>
      <div className="dialog-body">
        <p className="dim">{t.only}</p>
        {openers === undefined ? null : (
          <ListBox
            aria-label={t.label} className="openers" selectionMode="single" selectionBehavior="replace" disallowEmptySelection autoFocus
            selectedKeys={chosen === undefined ? [] : [chosen]} disabledKeys={openers.filter(({ current }) => current).map(({ format }) => format)}
            onSelectionChange={(keys) => { const [key] = keys === 'all' ? [] : keys; if (key !== undefined) setChosen(String(key)); }}
            onAction={(key) => void open(String(key))}
          >
            {openers.map((opener) => (
              <ListBoxItem key={opener.format} id={opener.format} textValue={opener.name} className="opener">
                <Text slot="label" className="opener-name">{opener.name}</Text>
                <span className="dim opener-access">{[opener.current ? t.current : '', t.access[opener.access], opener.seconds === undefined ? '' : texts.guest.cost(opener.name, opener.seconds), opener.confidence > 0 && guestOf(opener) === undefined ? t.sure(opener.confidence) : ''].filter(Boolean).join(', ')}</span>
                <Text slot="description" className="dim opener-reason">{opener.reason}</Text>
              </ListBoxItem>
            ))}
          </ListBox>
        )}
        {failure === undefined ? null : <ErrorPanel error={failure.error} {...(failure.name === undefined ? {} : { title: t.failed(failure.name) })} about={`${tab?.source.name ?? ''}, ${name}`} />}
      </div>
      <footer className="dialog-foot">
        <Button className="button" onPress={close}>{texts.cancel}</Button>
        <Button className="button is-primary" isPending={busy} isDisabled={chosen === undefined || openers?.find(({ format }) => format === chosen)?.current === true} onPress={() => void open(chosen)}>{busy ? t.trying : t.open}</Button>
      </footer>
    </ModalDialog>
  );
}
