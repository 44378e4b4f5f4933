import { CircleAlert, CircleHelp, Disc3, HardDrive, Link2, Lock, LockKeyhole, type LucideIcon, SquareStack, Usb } from 'lucide-react';
import { createElement } from 'react';
import { Button, GridListItem } from 'react-aria-components';
import type { DeviceRow } from '../../../shared/contract/devices.ts';
import { setApp } from '../../app/state.ts';
import { isMountPoint, isNoAccess, titleOf } from '../../models/devices.ts';
import { formatSize } from '../../models/format.ts';
import { visibleText } from '../../models/visible-text.ts';
import { texts } from '../../texts/index.ts';
import { Badge } from '../../ui/badges.tsx';

const t = texts.devices;

/** One line: a disk, or below it a partition. @param explained what would be said of the error is said with its disk */
export function Device({ id, row, explained }: { id: string; row: DeviceRow; explained: boolean }) {
  const title = visibleText(titleOf(row)).slice(0, 300);
  const path = visibleText(row.source.path).slice(0, 1000);
  const [contents, size] = [visibleText(row.contents).slice(0, 300), formatSize(row.size)];
  return (
    <GridListItem id={id} textValue={[title, path, contents, size].filter((text) => text !== '').join(', ')} className={`device ${row.kind === 'partition' ? 'is-partition' : ''}`}>
      {createElement(iconOf(row), { 'aria-hidden': true, className: 'device-icon' })}
      <span className="device-text">
        <span className="device-line"><span className="device-name" dir="auto" title={title}>{title}</span><span className="dim number">{size}</span></span>
        <span className="dim device-facts">
          {title === path ? null : <span dir="ltr">{path}</span>}
          {contents === '' ? null : <bdi title={contents}>{contents}</bdi>}
        </span>
        <Badges row={row} />
        {row.error === undefined || explained ? null : <Access row={row} />}
      </span>
    </GridListItem>
  );
}

function Badges({ row: { used, readOnly, contents, error } }: { row: DeviceRow }) {
  const places = used.map((each) => visibleText(each)).join(', ').slice(0, 1000);
  const secret = error !== undefined && isNoAccess(error);
  if (used.length === 0 && !readOnly && error === undefined && contents !== '') return null;
  return (
    <span className="badges">
      {used.length === 0 ? null : <Badge icon={Link2} text={used.some(isMountPoint) ? t.mounted : t.used} tone="accent" why={t.usedWhy(places)} />}
      {readOnly ? <Badge icon={Lock} text={texts.badge.readOnly} /> : null}
      {error === undefined ? contents === '' ? <Badge icon={CircleHelp} text={t.unknown} /> : null : <Badge icon={secret ? LockKeyhole : CircleAlert} text={secret ? t.secret : t.unreadable} tone={secret ? 'warning' : 'bad'} why={visibleText(error.message).slice(0, 1000)} />}
    </span>
  );
}

/** The way to the reason, and to what can be done about it. */
function Access({ row }: { row: DeviceRow }) {
  const secret = isNoAccess(row.error!);
  const name = visibleText(row.source.path).slice(0, 100);
  return <Button className="link device-access" aria-label={secret ? t.howTo(name) : t.whyNot(name)} onPress={() => setApp({ dialog: { kind: 'device-access', device: row } })}>{secret ? t.how : t.why}</Button>;
}

function iconOf({ kind, source, removable }: DeviceRow): LucideIcon {
  if (kind === 'partition') return SquareStack;
  if (/^(?:sr|CdRom)\d+$/.test(source.name)) return Disc3;
  return removable ? Usb : HardDrive;
}
