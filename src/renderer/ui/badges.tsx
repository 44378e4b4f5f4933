import { CircleAlert, CircleCheck, CircleHelp, Cpu, Layers, Lock, LockKeyhole, LockOpen, type LucideIcon, MessageSquareWarning, MonitorCog, MonitorPause, MonitorX, Plug, RotateCw, ShieldX } from 'lucide-react';
import type { EditState } from '../../shared/contract/edit.ts';
import type { MountRow } from '../../shared/contract/mounts.ts';
import type { LayerRow } from '../../shared/contract/rows.ts';
import { onlyRead } from '../models/editing.ts';
import { guestState } from '../models/guests.ts';
import { visibleText } from '../models/visible-text.ts';
import { texts } from '../texts/index.ts';

export type Tone = 'plain' | 'accent' | 'good' | 'warning' | 'bad';

export function Badge({ icon: Icon, text, tone = 'plain', why }: { icon: LucideIcon; text: string; tone?: Tone; why?: string }) {
  return (
    <span className={`badge tone-${tone}`} title={why}>
      <Icon aria-hidden />
      {text}
    </span>
  );
}

const STATES: Readonly<Record<NonNullable<LayerRow['filesystem']>['state'], { icon: LucideIcon; tone: Tone }>> = {
  clean: { icon: CircleCheck, tone: 'good' },
  dirty: { icon: RotateCw, tone: 'warning' },
  'needs-recovery': { icon: RotateCw, tone: 'warning' },
  errors: { icon: CircleAlert, tone: 'bad' },
};

/** The state of a layer in icon and word. */
function StateBadge({ layer }: { layer: LayerRow }) {
  if (layer.error !== undefined) {
    if (layer.error.fault.kind === 'locked') return <Badge icon={LockKeyhole} text={texts.badge.locked} tone="warning" why={layer.error.message} />;
    return layer.error.fault.kind === 'unsupported'
      ? <Badge icon={ShieldX} text={texts.badge.unsupported} tone="warning" why={layer.error.message} />
      : <Badge icon={CircleAlert} text={texts.badge.damaged} tone="bad" why={layer.error.message} />;
  }
  if (layer.filesystem !== undefined) {
    const { icon, tone } = STATES[layer.filesystem.state];
    return <Badge icon={icon} text={texts.badge[layer.filesystem.state]} tone={tone} />;
  }
  if (layer.partOf !== undefined) return <Badge icon={Layers} text={texts.badge.part} why={texts.badge.partWhy} />;
  if (layer.kind === 'unknown') return <Badge icon={CircleHelp} text={layer.format === 'empty' ? texts.badge.empty : texts.badge.unknown} />;
  return null;
}

/** The guest that serves a layer, and how it is; of a layer that waits for one, that it does. */
function GuestBadge({ layer: { guest, waiting }, starting }: { layer: LayerRow; starting: string | undefined }) {
  const t = texts.guest;
  if (starting !== undefined) return <Badge icon={MonitorCog} text={`${t.badge(starting)}, ${t.states.starting}`} why={t.badgeWhy.starting} />;
  if (guest === undefined) return waiting === true ? <Badge icon={MonitorCog} text={t.waiting} why={t.waitingWhy} /> : null;
  const state = guestState(guest);
  const text = state === 'running' ? t.badge(guest.title) : `${t.badge(guest.title)}, ${t.states[state]}`;
  return <Badge icon={state === 'died' ? MonitorX : state === 'idle' ? MonitorPause : MonitorCog} text={text} tone={state === 'died' ? 'bad' : 'plain'} why={visibleText(guest.died ?? t.badgeWhy[state]).slice(0, 1000)} />;
}

/** That a volume is a folder for other programs. */
function MountBadge({ mount }: { mount: MountRow | undefined }) {
  const t = texts.mount;
  return mount === undefined ? null : <Badge icon={Plug} text={mount.write ? t.badgeWrite : mount.mounted ? t.badge : t.badgeServed} tone="accent" why={t.badgeWhy(mount.at)} />;
}

/** All badges of a layer, always in this order. `brief`: without those that say how it is opened, for which `edit` is needed. `starting`: the guest that is started for it. */
export function LayerBadges({ layer, edit, brief = false, starting, mount }: { layer: LayerRow; edit?: EditState | undefined; brief?: boolean; starting?: string | undefined; mount?: MountRow | undefined }) {
  const { filesystem, notes, openers } = layer;
  const important = notes.filter((note) => note.severity !== 'note').length;
  const why = filesystem === undefined ? undefined : onlyRead(edit, filesystem);
  const native = openers.some((opener) => opener.id.startsWith('native:') && opener.access !== 'refused');
  return (
    <span className="badges">
      {filesystem === undefined || brief ? null : why === undefined ? <Badge icon={LockOpen} text={texts.edit.editable} tone="accent" why={texts.edit.editableWhy} /> : <Badge icon={Lock} text={texts.badge.readOnly} why={texts.badge.readOnlyWhy(why)} />}
      <StateBadge layer={layer} />
      <GuestBadge layer={layer} starting={starting} />
      {filesystem !== undefined && native && !brief ? <Badge icon={Cpu} text={texts.badge.native} why={texts.badge.nativeWhy} /> : null}
      <MountBadge mount={mount} />
      {important > 0 && layer.error === undefined ? <Badge icon={MessageSquareWarning} text={texts.badge.notes(important)} tone="warning" /> : null}
    </span>
  );
}
