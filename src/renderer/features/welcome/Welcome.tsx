import { HardDriveDownload } from 'lucide-react';
import { Button } from 'react-aria-components';
import { useApp } from '../../app/state.ts';
import { runCommand } from '../../commands/index.ts';
import { shownKeys } from '../../commands/keys.ts';
import { texts } from '../../texts/index.ts';
import { isMac } from '../../ui/buttons.tsx';
import { Devices } from '../devices/Devices.tsx';
import { Recents } from './Recents.tsx';

/** The empty window: a drop zone, the ways to begin, and the images that were open before. */
export function Welcome() {
  const mac = useApp((state) => isMac(state.info?.platform));
  return (
    <div className="welcome">
      <section className="drop-zone" tabIndex={-1} data-resting aria-labelledby="welcome">
        <HardDriveDownload aria-hidden className="drop-icon" strokeWidth={1.25} />
        <h1 id="welcome">{texts.welcome.title}</h1>
        <div className="actions">
          <Button className="button is-primary" onPress={() => runCommand('open')}>{texts.commands.open}<kbd>{shownKeys('Mod+O', mac)}</kbd></Button>
          <Button className="button" onPress={() => runCommand('sample')}>{texts.welcome.sample}</Button>
          <Button className="button" onPress={() => runCommand('guests')}>{texts.guestsPage.command}</Button>
        </div>
        <p className="dim">{texts.welcome.hint}</p>
      </section>
      <Recents />
      <Devices />
    </div>
  );
}
