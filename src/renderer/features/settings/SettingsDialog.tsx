import { Button, Label, Radio, RadioGroup } from 'react-aria-components';
import { displayName } from '../../../engines/core/names.ts';
import { prefer } from '../../app/navigation.ts';
import { errorOf, services } from '../../app/services.ts';
import { announce, setApp, useApp } from '../../app/state.ts';
import { Check } from '../../ui/check.tsx';
import { copyText } from '../../ui/errors.tsx';
import { ModalDialog } from '../../ui/modal.tsx';
import { notifyError } from '../../ui/toasts.ts';
import { texts } from '../../texts/index.ts';

const t = texts.settings;
const THEMES = ['system', 'light', 'dark'] as const;
const DENSITIES = ['compact', 'comfortable'] as const;

/** What the person chose once and for all. Each change counts at once; there is nothing to confirm. */
export function SettingsDialog() {
  const settings = useApp((state) => state.settings);
  const info = useApp((state) => state.info);
  return (
    <ModalDialog title={t.title} onClose={() => setApp({ dialog: undefined })}>
      <div className="dialog-body settings">
        <Choice label={t.theme} value={settings.theme} values={THEMES} names={t.themes} onChange={(theme) => prefer({ theme })} />
        <Choice label={t.density} value={settings.density} values={DENSITIES} names={t.densities} onChange={(density) => prefer({ density })} />
        <Part title={t.start}><Check label={t.reopen} isSelected={settings.reopen} onChange={(reopen) => prefer({ reopen })} /></Part>
        <Part title={t.notify}><Check label={t.notices} isSelected={settings.notices} onChange={(notices) => prefer({ notices })} /></Part>
        <Part title={t.list}>
          <Check label={t.hidden} isSelected={settings.hidden} onChange={(hidden) => prefer({ hidden })} />
          <div className="settings-line">
            <Button className="button" isDisabled={Object.keys(settings.columns).length === 0} onPress={() => { prefer({ columns: {} }); announce(t.reset); }}>{t.resetColumns}</Button>
            <span className="dim">{t.resetHint}</span>
          </div>
        </Part>
        {info === undefined ? null : (
          <Part title={t.file}>
            <p className="settings-path"><bdi>{displayName(info.settingsFile)}</bdi></p>
            <p className="dim">{t.fileHint}</p>
            <div className="settings-line">
              {info.client === 'electron' ? <Button className="button" onPress={() => void showFile()}>{t.show}</Button> : null}
              <Button className="button" onPress={() => void copyText(info.settingsFile)}>{t.copyPath}</Button>
            </div>
          </Part>
        )}
      </div>
    </ModalDialog>
  );
}

function Part({ title, children }: { title: string; children: React.ReactNode }) {
  return <section className="settings-part"><h3>{title}</h3>{children}</section>;
}

function Choice<T extends string>({ label, value, values, names, onChange }: { label: string; value: T; values: readonly T[]; names: Readonly<Record<T, string>>; onChange: (value: T) => void }) {
  return (
    <RadioGroup className="choice" orientation="horizontal" value={value} onChange={(next) => onChange(next as T)}>
      <Label>{label}</Label>
      <div className="choice-radios">
        {values.map((each) => <Radio key={each} value={each} className="radio"><span className="radio-mark" aria-hidden />{names[each]}</Radio>)}
      </div>
    </RadioGroup>
  );
}

async function showFile(): Promise<void> {
  try {
    await services().app.call('settings.show', {});
  } catch (error) {
    notifyError(errorOf(error));
  }
}
