import { CircleCheck, CircleDashed, type LucideIcon, Minus } from 'lucide-react';
import { useEffect } from 'react';
import { Button } from 'react-aria-components';
import { MOUNT_SYSTEMS } from '../../../shared/contract/mounts.ts';
import { loadWays, useGuests } from '../../app/guests.ts';
import { cut } from '../../models/names.ts';
import { texts } from '../../texts/index.ts';
import { ErrorPanel } from '../../ui/errors.tsx';

const t = texts.ways;

/** What makes a volume a folder or a drive: a row each, and where it was tried by systems. */
export function WaysPage() {
  const { ways, waysError } = useGuests();
  useEffect(() => { void loadWays(); }, []);
  if (waysError !== undefined) return <div className="page"><ErrorPanel error={waysError} title={t.failed} about={t.label}><Button className="button" onPress={() => void loadWays()}>{texts.tryAgain}</Button></ErrorPanel></div>;
  if (ways === undefined) return <p className="late dim" role="status">{t.loading}</p>;
  return (
    <div className="page ways-page">
      <p className="dim guests-hint">{t.hint}</p>
      {/* It scrolls sideways in a narrow window, so the keyboard can reach it. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="ways-box" role="group" aria-label={t.label} tabIndex={0}>
        <table className="ways" aria-label={t.label}>
          <thead>
            <tr><th scope="col">{t.way}</th>{MOUNT_SYSTEMS.map((system) => <th key={system} scope="col">{system}</th>)}</tr>
          </thead>
          <tbody>
            {ways.map(({ id, title, summary, systems }) => (
              <tr key={id}>
                {/* oxlint-disable-next-line jsx-a11y/control-has-associated-label */}
                <th scope="row"><strong><bdi>{cut(title, 60)}</bdi></strong><span className="dim"><bdi>{cut(summary, 400)}</bdi></span></th>
                {MOUNT_SYSTEMS.map((system) => <Tried key={system} what={systems[system]} />)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="dim guests-hint">{t.untriedHint}</p>
    </div>
  );
}

/** What a way was tried with on a system. @param what empty: it is for it, and was not tried; undefined: it is not for it */
function Tried({ what }: { what: string | undefined }) {
  const [kind, Icon, text]: [string, LucideIcon, string] = what === undefined ? ['never', Minus, t.never] : what === '' ? ['untried', CircleDashed, t.untried] : ['tried', CircleCheck, t.tried(cut(what, 200))];
  return <td className={`is-${kind}`}><span><Icon aria-hidden /><bdi>{text}</bdi></span></td>;
}
