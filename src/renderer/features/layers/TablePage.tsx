import { Cell, Column, ListBox, ListBoxItem, Row, Table, TableBody, TableHeader } from 'react-aria-components';
import type { LayerRow } from '../../../shared/contract/rows.ts';
import { goToLayer } from '../../app/navigation.ts';
import { patchTab, type Tab } from '../../app/state.ts';
import { formatOffset, formatSize } from '../../models/format.ts';
import { contentOf, isPartition, sharesOf, volumesOf } from '../../models/layers.ts';
import { LayerBadges } from '../../ui/badges.tsx';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';

const t = texts.table;

/** The thinnest slice of the map, as a share of the whole. */
const THINNEST = 0.02;

/** A partition table: a map to scale over the list of volumes; choosing in one chooses in both. */
export function TablePage({ tab, table }: { tab: Tab; table: LayerRow }) {
  const info = tab.info!;
  const volumes = volumesOf(info, table.path);
  // The table's own sectors are too thin to mean anything on the map; an extended partition is drawn as what is in it.
  const drawn = volumes.filter((volume) => volume.volume?.kind !== 'metadata' && !(volume.volume?.kind === 'extended' && volumes.some((each) => each !== volume && within(each, volume))));
  const shares = sharesOf(drawn.map((volume) => volume.size), THINNEST);
  const listed = volumes.filter((volume) => volume.volume?.kind !== 'metadata');
  const selected = tab.volume !== undefined && volumes.some((volume) => volume.path === tab.volume) ? [tab.volume] : [];
  const choose = (keys: 'all' | Set<string | number>): void => {
    const [key] = keys === 'all' ? [] : keys;
    patchTab(tab.id, { volume: key === undefined ? undefined : String(key) });
  };
  const open = (path: string): void => {
    const volume = volumes.find((each) => each.path === path);
    if (volume !== undefined && isPartition(volume)) goToLayer(tab.id, contentOf(info, volume) ?? volume);
  };
  if (listed.length === 0) return <p className="empty">{t.empty} <span className="dim">{t.emptyHint}</span></p>;
  return (
    <>
      <ListBox
        aria-label={t.map} className="map" orientation="horizontal" selectionMode="single" selectionBehavior="replace"
        selectedKeys={selected} onSelectionChange={choose} onAction={(key) => open(String(key))}
      >
        {drawn.map((volume, i) => (
          <ListBoxItem
            key={volume.path} id={volume.path} textValue={nameOf(volume, contentOf(info, volume))} aria-label={`${nameOf(volume, contentOf(info, volume))}, ${formatSize(volume.size)}`}
            className={`slice is-${volume.volume?.kind ?? 'partition'} hue-${volume.volume?.kind === 'free' ? 'none' : i % 6}`}
            style={{ flexBasis: `${(shares[i] ?? 0) * 100}%` }}
          >
            <span className="slice-name">{nameOf(volume, contentOf(info, volume))}</span>
            <span className="slice-size number">{formatSize(volume.size)}</span>
          </ListBoxItem>
        ))}
      </ListBox>
      <Table
        aria-label={t.list} className="volumes" selectionMode="single" selectionBehavior="replace"
        selectedKeys={selected} onSelectionChange={choose} onRowAction={(key) => open(String(key))}
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
            const swatch = drawn.indexOf(volume);
            return (
              <Row key={volume.path} id={volume.path} textValue={nameOf(volume, content)} className={free ? 'is-free' : ''}>
                <Cell className="number">{volume.volume?.number ?? ''}</Cell>
                <Cell><span className="cell-name"><span aria-hidden className={`swatch ${free ? 'is-free' : `hue-${swatch < 0 ? 'none' : swatch % 6}`}`} /><Name display={nameOf(volume, content)} /></span></Cell>
                <Cell>{content?.title ?? ''}</Cell>
                <Cell><span className="clip" title={volume.volume?.typeId}>{free ? '' : volume.title}</span></Cell>
                <Cell className="is-number number">{formatSize(volume.size)}</Cell>
                <Cell className="is-number number dim">{formatOffset(volume.offset)}</Cell>
                <Cell>{content === undefined ? null : <LayerBadges layer={content} brief />}</Cell>
              </Row>
            );
          })}
        </TableBody>
      </Table>
      <p className="dim hint">{t.hint}</p>
    </>
  );
}

function nameOf(volume: LayerRow, content: LayerRow | undefined): string {
  if (volume.volume?.kind === 'free') return t.free;
  if (volume.volume?.kind === 'metadata') return t.metadata;
  return volume.label || content?.label || (volume.volume?.number === undefined ? volume.title : t.volume(volume.volume.number));
}

function within(inner: LayerRow, outer: LayerRow): boolean {
  return inner.offset >= outer.offset && inner.offset + inner.size <= outer.offset + outer.size;
}
