import { useState } from 'react';
import { Button } from 'react-aria-components';
import type { MountUser } from '../../../shared/contract/mounts.ts';
import { leave } from '../../app/leaving.ts';
import { askUsers, nameOfMounted, tryUnmount } from '../../app/mounts.ts';
import { errorOf } from '../../app/services.ts';
import { announce, type Dialog, findTab, getApp, type Held, setApp, useApp } from '../../app/state.ts';
import { ModalDialog } from '../../ui/modal.tsx';
import { Name } from '../../ui/name.tsx';
import { notifyError } from '../../ui/toasts.ts';
import { visibleText } from '../../models/visible-text.ts';
import { texts } from '../../texts/index.ts';

const t = texts.mountBusy;

/** Processes that are listed. */
const MAX_USERS = 50;

const close = (): void => setApp({ dialog: undefined });

/** A mount that was to be unmounted is in use: by whom, and what can be done. Leaving it mounted is the default. */
export function MountBusyDialog({ dialog }: { dialog: Extract<Dialog, { kind: 'mount-busy' }> }) {
  const { held, after } = dialog;
  const [busy, setBusy] = useState(false);
  const tab = useApp((state) => state.tabs.find(({ id }) => id === dialog.tab));
  const now = tab?.mounted?.find(({ mount }) => mount === held.mount.mount);
  const isCurrent = (): boolean => getApp().dialog === dialog;
  const isLeaving = held.mount.state === 'leaving';
  /** Asks who holds it now, or unmounts it. */
  const tryAgain = async (lazy: boolean): Promise<void> => {
    setBusy(true);
    try {
      const still = isLeaving ? await askUsers(dialog.tab, held.mount) : await tryUnmount(dialog.tab, held.mount, lazy, after);
      if (!isCurrent()) return;
      if (still === undefined || (isLeaving && still.users.length === 0)) close();
      else {
        setApp({ dialog: { ...dialog, held: still } });
        announce(t.tried(still.users.length));
      }
    } catch (error) {
      notifyError(errorOf(error));
    }
    setBusy(false);
  };
  const name = tab === undefined ? '' : nameOfMounted(tab, held.mount.layer);
  return (
    <ModalDialog title={t.title(name)} onClose={close} role="alertdialog" wide>
      <div className="dialog-body">
        <Users held={held} />
        <p className="dim">{t.hint}{isLeaving ? null : ` ${t.lazyHint}`}</p>
      </div>
      <footer className="dialog-foot">
        {isLeaving ? null : <Button className="button" isDisabled={busy || now === undefined} onPress={() => void tryAgain(true)}>{t.lazily}</Button>}
        <Button className="button" isDisabled={busy} onPress={() => void tryAgain(false)}>{busy ? t.trying : t.again}</Button>
        <Button className="button is-primary" autoFocus onPress={close}>{isLeaving ? texts.close : t.keep}</Button>
      </footer>
    </ModalDialog>
  );
}

/** Tabs, or the window, are to be closed, and what is mounted of them is in use. Staying is the default. */
export function CloseMountedDialog({ dialog }: { dialog: Extract<Dialog, { kind: 'close-mounted' }> }) {
  const tabs = useApp((state) => state.tabs);
  const nameOf = (id: number): string => tabs.find((tab) => tab.id === id)?.source.name ?? '';
  const go = (lazy: boolean): void => {
    close();
    void leave(dialog, lazy);
  };
  const names = [...new Set(dialog.held.map(({ tab }) => tab))].map(nameOf);
  return (
    <ModalDialog title={t.closeTitle(names)} onClose={close} role="alertdialog" wide>
      <div className="dialog-body">
        {dialog.held.map((held) => (
          <section key={`${held.tab} ${held.mount.mount}`} className="held">
            <h3><bdi>{t.title(findTab(held.tab) === undefined ? nameOf(held.tab) : nameOfMounted(findTab(held.tab)!, held.mount.layer))}</bdi></h3>
            <Users held={held} />
          </section>
        ))}
        <p className="dim">{t.hint} {t.closeHint}</p>
      </div>
      <footer className="dialog-foot">
        <Button className="button" onPress={() => go(true)}>{t.closeAll}</Button>
        <Button className="button" onPress={() => go(false)}>{t.again}</Button>
        <Button className="button is-primary" autoFocus onPress={close}>{t.stay}</Button>
      </footer>
    </ModalDialog>
  );
}

/** Who holds a mount, and what of it. */
function Users({ held: { mount, users, reason } }: { held: Held }) {
  return (
    <>
      <p className="dialog-text"><bdi>{t.at(mount.at)}</bdi></p>
      {reason === '' || users.length > 0 ? null : <p className="dialog-text"><bdi>{visibleText(reason)}</bdi></p>}
      {users.length === 0 ? <p className="dim">{t.unseen}</p> : (
        // It scrolls, so the keyboard can reach it.
        <ul className="plain-list dialog-list mount-users" aria-label={t.holders} tabIndex={0}>
          {users.slice(0, MAX_USERS).map((user, i) => <li key={`${user.pid} ${i}`}><User user={user} /></li>)}
          {users.length > MAX_USERS ? <li className="dim">{t.more(users.length - MAX_USERS)}</li> : null}
        </ul>
      )}
    </>
  );
}

function User({ user: { name, pid, path } }: { user: MountUser }) {
  return (
    <>
      <strong><bdi>{t.process(name, pid)}</bdi></strong>
      <span className="dim">{path === '' ? t.wholeMount : <Name display={path} />}</span>
    </>
  );
}
