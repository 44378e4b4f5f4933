import { Lock, LockOpen, Plug, Radio, TriangleAlert } from 'lucide-react';
import { Button } from 'react-aria-components';
import type { MountRow } from '../../../shared/contract/mounts.ts';
import { askUsers, canShow, copyMount, mountForWriting, nameOfMounted, showMount, unmount, useActivity } from '../../app/mounts.ts';
import { errorOf } from '../../app/services.ts';
import { setApp, type Tab, useApp } from '../../app/state.ts';
import { commandOf } from '../../commands/index.ts';
import { volumeTarget } from '../../commands/volume.ts';
import { canEdit } from '../../models/editing.ts';
import { isOpenFilesystem, layerAt } from '../../models/layers.ts';
import { isQuiet, mountOf, mountsWithin } from '../../models/mounts.ts';
import { Badge } from '../../ui/badges.tsx';
import { CommandButton } from '../../ui/buttons.tsx';
import { notify, notifyError } from '../../ui/toasts.ts';
import { texts } from '../../texts/index.ts';

const t = texts.mount;

/** Beside the badges of a volume whose files can be read: one click mounts it; the other button asks how. Once it is mounted, the bar has what can be done. */
export function MountButtons({ tab }: { tab: Tab }) {
  const offered = useApp((state) => {
    const target = volumeTarget(state);
    return target?.tab.id === tab.id && target.content !== undefined && isOpenFilesystem(target.content) && mountOf(target.tab.mounted, target.content.path) === undefined;
  });
  if (!offered) return null;
  return (
    <span className="mount-buttons">
      <CommandButton command={commandOf('mount')} text />
      <CommandButton command={commandOf('mount-with')} />
    </span>
  );
}

/** Above what is shown: the mounts of the volume, or on a page of several of each of them. @param place path of the layer that is shown */
export function MountBars({ tab, place }: { tab: Tab; place: string }) {
  const mounts = mountsWithin(tab.mounted, place);
  const mounting = (tab.mounting ?? []).filter((layer) => layer === place || layer.startsWith(`${place}/`));
  return (
    <>
      {mounting.map((layer) => <div key={layer} className="edit-bar mount-late"><Plug aria-hidden /><span><bdi>{t.mounting(nameOfMounted(tab, layer))}</bdi></span></div>)}
      {mounts.map((mount) => <MountBar key={mount.mount} tab={tab} mount={mount} named={mount.layer !== place} />)}
    </>
  );
}

/** A mount: where it is, what is asked of it, and what can be done with it. @param named it is not the volume that is shown, so its name is told */
function MountBar({ tab, mount, named }: { tab: Tab; mount: MountRow; named: boolean }) {
  const { at, mounted, write, state, advice } = mount;
  const name = nameOfMounted(tab, mount.layer);
  const canWrite = !write && state === 'mounted' && canEdit(tab.edit, tab.info && layerAt(tab.info, mount.layer)) === true;
  const Icon = mounted ? Plug : Radio;
  const title = named ? (mounted ? t.mountedAs : t.servedAs)(name) : mounted ? t.mounted : t.served;
  return (
    <section className="edit-bar mount-bar" aria-label={t.bar(name)}>
      <Icon aria-hidden />
      <div className="edit-what mount-what">
        <span className="mount-line">
          <bdi>{title}</bdi>
          <Button className="link mount-at" aria-label={(mounted ? t.copyLabel : t.copyAddressLabel)(at)} onPress={() => void copyMount(tab.id, mount)}><bdi>{at}</bdi></Button>
          <Badge icon={write ? LockOpen : Lock} text={write ? t.writable : t.readOnly} {...(write ? { tone: 'accent', why: t.writableWhy } : {})} />
          {state === 'mounted' ? <Activity tab={tab.id} mount={mount} /> : state === 'unmounting' ? <span className="dim">{t.unmounting}</span> : null}
        </span>
        {state === 'leaving' ? <span className="dim">{t.leaving}</span> : null}
        {/* Of what is mounted, it is a warning; of an address, what to do with it. */}
        {advice === undefined ? null : <span className={`mount-advice ${mounted ? 'is-warning' : 'dim'}`}>{mounted ? <TriangleAlert aria-hidden /> : null}<bdi>{advice}</bdi></span>}
      </div>
      <span className="edit-actions">
        {state === 'leaving' ? <Button className="button is-small" onPress={() => void tellUsers(tab.id, mount)}>{t.who}</Button> : (
          <>
            <Button className="button is-small" onPress={() => void copyMount(tab.id, mount)}>{mounted ? t.copy : t.copyAddress}</Button>
            {canShow(mount) ? <Button className="button is-small" onPress={() => void showMount(tab.id, mount)}>{t.show}</Button> : null}
            {canWrite ? <Button className="button is-small" onPress={() => void mountForWriting(tab.id, mount)}>{t.toWriting}</Button> : null}
            <Button className="button is-small" isDisabled={state !== 'mounted'} onPress={() => void unmount(tab.id, mount)}>{t.unmount}</Button>
          </>
        )}
      </span>
    </section>
  );
}

/** What is asked of a mount. Told once a second, and to nobody who only listens: it would never end. */
function Activity({ tab, mount }: { tab: number; mount: MountRow }) {
  const { stats, speed } = useActivity(({ of }) => of.get(tab)?.find((each) => each.mount === mount.mount)) ?? mount;
  if (isQuiet(stats, speed)) return null;
  return <span className="dim number mount-activity" data-testid="mount-activity">{t.activity(stats, speed, mount.write)}</span>;
}

/** Who holds a mount that was taken out of the way. */
async function tellUsers(tab: number, mount: MountRow): Promise<void> {
  try {
    const held = await askUsers(tab, mount);
    if (held === undefined) return;
    if (held.users.length === 0) notify({ text: t.noneLeft });
    else setApp({ dialog: { kind: 'mount-busy', tab, held } });
  } catch (error) {
    notifyError(errorOf(error));
  }
}
