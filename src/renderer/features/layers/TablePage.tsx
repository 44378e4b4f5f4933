import { useState } from 'react';
import { Cell, Column, Row, Table, TableBody, TableHeader } from 'react-aria-components';
import type { LayerRow } from '../../../shared/contract/rows.ts';
import { getApp, patchTab, type Tab } from '../../app/state.ts';
import { openVolume } from '../../app/tabs.ts';
import { volumeMenu } from '../../commands/volume.ts';
import { formatOffset, formatSize } from '../../models/format.ts';
import { contentOf, isPartition, layerAt, volumesOf } from '../../models/layers.ts';
import { mountOf } from '../../models/mounts.ts';
import { huesOf, partitionMap } from '../../models/partition-map.ts';
import { LayerBadges } from '../../ui/badges.tsx';
import { CommandMenu, PointPopover } from '../../ui/menus.tsx';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';
import { PartitionMap } from './PartitionMap.tsx';
import { volumeName } from './volume-name.ts';

const t = texts.table;

/** The thinnest slice of the map, as a share of the whole. */
const THINNEST = 0.02;

/** A partition table: a map to scale over the list of volumes; choosing in one chooses in both. */
export function TablePage({ tab, table }: { tab: Tab; table: LayerRow }) {
  const info = tab.info!;
  const [menu, setMenu] = useState<{ readonly x: number; readonly y: number }>();
  const volumes = volumesOf(info, table.path);
  const strips = partitionMap(info, table, THINNEST);
  const hues = huesOf(volumes);
  const listed = volumes.filter((volume) => volume.volume?.kind !== 'metadata');
  const selected = tab.volume !== undefined && volumes.some((volume) => volume.path === tab.volume) ? [tab.volume] : [];
  const choose = (path: string | undefined): void => patchTab(tab.id, { volume: path });
  const open = (path: string): void => {
    const volume = layerAt(info, path);
    if (volume !== undefined && isPartition(volume)) openVolume(tab.id, contentOf(info, volume) ?? volume);
  };
  const showMenu = (path: string, x: number, y: number): void => {
    choose(path);
    setMenu({ x, y });
  };
  if (listed.length === 0) return <p className="empty">{t.empty} <span className="dim">{t.emptyHint}</span></p>;
  return (
    <>
      <PartitionMap strips={strips} selected={tab.volume} onSelect={choose} onOpen={open} onMenu={showMenu} />
      <Table
        aria-label={t.list} className="volumes" selectionMode="single" selectionBehavior="replace"
        selectedKeys={selected} onRowAction={(key) => open(String(key))}
        onSelectionChange={(keys) => {
          const [key] = keys === 'all' ? [] : keys;
          choose(key === undefined ? undefined : String(key));
        }}
        onContextMenu={(event) => {
          const path = event.target instanceof Element ? event.target.closest('[data-key]')?.getAttribute('data-key') : undefined;
          if (path === undefined || path === null || layerAt(info, path) === undefined) return;
          event.preventDefault();
          showMenu(path, event.clientX, event.clientY);
        }}
      >
        <TableHeader>
          <Column>{t.number}</Column>
          <Column isRowHeader>{t.name}</Column>
          <Column>{t.content}</Column>
          <Column>{t.type}</Column>
          <Column className="is-number">{t.size}</Column>
          <Column className="is-number">{t.offset}</Column>
          <Column>{t.state}</Column>
        </TableHeader>
        <TableBody>
          {listed.map((volume) => {
            const content = contentOf(info, volume);
            const free = volume.volume?.kind === 'free';
            const hue = hues.get(volume.path);
            return (
              <Row key={volume.path} id={volume.path} textValue={volumeName(volume, content)} className={free ? 'is-free' : ''}>
                <Cell className="number">{volume.volume?.number ?? ''}</Cell>
                <Cell><span className="cell-name"><span aria-hidden className={`swatch ${free ? 'is-free' : `hue-${volume.volume?.kind === 'extended' ? 'none' : hue ?? 'none'}`}`} /><Name display={volumeName(volume, content)} /></span></Cell>
                <Cell>{content?.title ?? ''}</Cell>
                <Cell><span className="clip" title={volume.volume?.typeId}>{free ? '' : volume.title}</span></Cell>
                <Cell className="is-number number">{formatSize(volume.size)}</Cell>
                <Cell className="is-number number dim">{formatOffset(volume.offset)}</Cell>
                <Cell>{content === undefined ? null : <LayerBadges layer={content} brief mount={mountOf(tab.mounted, content.path)} />}</Cell>
              </Row>
            );
          })}
        </TableBody>
      </Table>
      <p className="dim hint">{t.hint} {texts.map.marks}</p>
      <PointPopover at={menu} label={texts.map.menu} onClose={() => setMenu(undefined)}><CommandMenu label={texts.map.menu} ids={volumeMenu(getApp())} onClose={() => setMenu(undefined)} /></PointPopover>
    </>
  );
}
