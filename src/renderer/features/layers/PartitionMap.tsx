import { CircleAlert, LockKeyhole, RotateCw } from 'lucide-react';
import { Collection, ListBox, ListBoxItem } from 'react-aria-components';
import { formatSize } from '../../models/format.ts';
import type { Slice, Strip } from '../../models/partition-map.ts';
import { shownName } from '../../models/names.ts';
import { texts } from '../../texts/index.ts';
import { volumeName } from './volume-name.ts';

const t = texts.map;

interface Props {
  readonly strips: readonly Strip[];
  readonly selected: string | undefined;
  readonly onSelect: (path: string | undefined) => void;
  readonly onOpen: (path: string) => void;
  readonly onMenu: (path: string, x: number, y: number) => void;
}

/** The volumes of a table to scale, and below them what lies in them. Each strip is a list that is gone through with the arrow keys. */
export function PartitionMap({ strips, selected, onSelect, onOpen, onMenu }: Props) {
  return (
    <div className="maps">
      {strips.map((strip, i) => {
        const label = i === 0 ? t.label : t.inside(volumeName(strip.inside!, undefined));
        return (
          <div key={`${strip.table.path} ${strip.inside?.path ?? ''}`} className="map-row">
            {i === 0 ? null : <h3 className="map-head"><bdi>{label}</bdi></h3>}
            <ListBox
              aria-label={label} className="map" orientation="horizontal" selectionMode="single" selectionBehavior="replace"
              selectedKeys={selected !== undefined && strip.slices.some(({ volume }) => volume.path === selected) ? [selected] : []}
              onSelectionChange={(keys) => {
                const [key] = keys === 'all' ? [] : keys;
                onSelect(key === undefined ? undefined : String(key));
              }}
              onAction={(key) => onOpen(String(key))}
              onContextMenu={(event) => {
                const path = event.target instanceof Element ? event.target.closest('[data-key]')?.getAttribute('data-key') : undefined;
                if (path === undefined || path === null) return;
                event.preventDefault();
                onMenu(path, event.clientX, event.clientY);
              }}
            >
              <Collection>{strip.slices.map((slice) => <SliceItem key={slice.volume.path} slice={slice} />)}</Collection>
            </ListBox>
            {strip.left > 0 ? <p className="dim hint">{t.left(strip.left)}</p> : null}
          </div>
        );
      })}
    </div>
  );
}

function SliceItem({ slice }: { slice: Slice }) {
  const { volume, content, kind, share, used, hue, fault } = slice;
  const name = volumeName(volume, content);
  const error = content?.error;
  const state = content?.filesystem?.state;
  const Mark = error?.fault.kind === 'locked' ? LockKeyhole : error !== undefined || fault !== undefined || state === 'errors' ? CircleAlert : state === 'needs-recovery' || state === 'dirty' ? RotateCw : undefined;
  return (
    <ListBoxItem
      id={volume.path} textValue={name} aria-label={sliceLabel(slice)}
      className={`slice is-${kind} hue-${hue < 0 ? 'none' : hue} ${fault === undefined ? '' : 'is-faulty'}`}
      style={{ flexBasis: `${share * 100}%` }}
    >
      {Mark === undefined ? null : <Mark aria-hidden className="slice-mark" />}
      <bdi className="slice-name">{shownName(name).text}</bdi>
      <span className="slice-size number">{formatSize(volume.size)}</span>
      {used === undefined ? null : <span aria-hidden className="slice-used"><span style={{ inlineSize: `${used * 100}%` }} /></span>}
    </ListBoxItem>
  );
}

/** "2: holiday, ext4, 48.0 MiB, clean": all that the slice shows, in words. */
function sliceLabel({ volume, content, used, fault, kind }: Slice): string {
  const name = shownName(volumeName(volume, content)).text;
  const number = volume.volume?.number;
  const { error } = content ?? {};
  const state = content?.partOf !== undefined ? texts.badge.part.toLowerCase() : error?.fault.kind === 'locked' ? t.locked : error?.fault.kind === 'unsupported' || (content?.kind === 'unknown' && content.guesses.length > 0) ? t.notOpened : error === undefined ? content?.waiting === true ? texts.guest.opens : content?.filesystem && texts.badge[content.filesystem.state].toLowerCase() : t.damaged;
  return [
    number === undefined ? name : t.numbered(number, name),
    kind === 'partition' ? content?.title ?? volume.title : undefined,
    formatSize(volume.size),
    state,
    content?.guest === undefined ? undefined : texts.guest.badge(content.guest.title),
    used === undefined ? undefined : t.used(Math.round(used * 100)),
    fault === undefined ? undefined : t[fault],
  ].filter((part) => part !== undefined && part !== '').join(', ');
}
