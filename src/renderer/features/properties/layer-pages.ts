import { displayName } from '../../../engines/core/names.ts';
import type { ImageInfo, LayerRow } from '../../../shared/contract/rows.ts';
import { formatCount, formatExactSize, formatOffset } from '../../models/format.ts';
import { contentOf, layerAt, parentPath } from '../../models/layers.ts';
import type { Fact, Group } from '../../models/properties.ts';
import { texts } from '../../texts/index.ts';
import { placeText } from '../../ui/errors.tsx';
import type { Page } from './entry-pages.ts';

const t = texts.properties;

/** A volume and what was found in it are one thing to people: the outer layer first, where there are two. */
export interface Subject {
  readonly volume: LayerRow | undefined;
  readonly content: LayerRow;
}

export function subjectOf(info: ImageInfo, path: string): Subject | undefined {
  const layer = layerAt(info, path);
  if (layer === undefined) return undefined;
  if (layer.kind === 'volume') return { volume: layer, content: contentOf(info, layer) ?? layer };
  const parent = parentPath(path);
  const outer = parent === undefined ? undefined : layerAt(info, parent);
  return { volume: outer?.kind === 'volume' ? outer : undefined, content: layer };
}

export function subjectName({ volume, content }: Subject): string {
  return content.label || volume?.label || (volume?.volume?.number === undefined ? content.title : texts.table.volume(volume.volume.number));
}

/** Everything about a layer, in the order in which it is shown and copied. The outermost stands for the image. */
export function layerPages(info: ImageInfo, subject: Subject): Page[] {
  const { volume, content } = subject;
  const { filesystem, openers, evidence, notes, details } = content;
  const known = new Set([content.uuid, content.label, '']);
  return [
    { id: 'general', groups: [
      ...(content.path === '0' ? [imageGroup(info)] : []),
      { title: t.identity, facts: identityFacts(content) },
      ...(filesystem === undefined ? [] : [{ title: t.space, facts: spaceFacts(content) }]),
      ...(volume?.volume === undefined ? [] : [{ title: t.partition, facts: partitionFacts(volume) }]),
      ...(notes.length === 0 ? [] : [{ title: t.notes, facts: [], lines: notes.map(({ message, place }) => (place === undefined ? message : `${message} (${placeText(place)})`)) }]),
    ] },
    ...(filesystem === undefined || filesystem.features.length === 0 ? [] : [{ id: 'features', groups: [{ title: t.pages.features, facts: featureFacts(filesystem) }] } as const]),
    { id: 'format', groups: [
      ...(details.length === 0 ? [] : [{ title: t.engine, facts: details.filter(([, value]) => !known.has(value)) }]),
      ...(evidence.length === 0 ? [] : [{ title: t.evidence, facts: [], lines: evidence }]),
      ...(filesystem?.subvolumes === undefined || filesystem.subvolumes.length === 0 ? [] : [{ title: t.subvolumes, facts: [], lines: filesystem.subvolumes.map(({ display }) => display) }]),
    ] },
    ...(openers.length === 0 ? [] : [{ id: 'openers', groups: [{ title: t.pages.openers, facts: openers.map(({ name, access, reason }): Fact => [name, reason === '' ? texts.layer.access[access] : `${texts.layer.access[access]}: ${reason}`]) }] } as const]),
    { id: 'layers', groups: [{ title: t.pages.layers, facts: info.layers.map(layerFact) }, ...(content.path === '0' ? [] : [imageGroup(info)])] } as const,
  ].filter(({ groups }) => groups.length > 0) as Page[];
}

function imageGroup(info: ImageInfo): Group {
  return { title: t.image, facts: [[t.file, displayName(info.path)], [t.size, formatExactSize(info.size)], [t.holds, info.summary]] };
}

function identityFacts({ title, kind, label, uuid, size, filesystem, error, path, offset }: LayerRow): Fact[] {
  return [
    [t.format, `${title} (${texts.layer.kinds[kind]})`],
    ...(label === '' ? [] : [[t.label, label] as const]),
    ...(uuid === '' ? [] : [[t.uuid, uuid] as const]),
    [t.size, formatExactSize(size)],
    ...(path === '0' || offset === 0 ? [] : [[t.offset, placeOf(offset)] as const]),
    ...(filesystem === undefined ? [] : [[t.state, texts.badge[filesystem.state]] as const, [t.access, filesystem.access.write ? texts.layer.writable : texts.badge.readOnlyWhy(filesystem.access.reason)] as const]),
    ...(error === undefined ? [] : [[texts.faults[error.fault.kind], error.message] as const]),
  ];
}

function spaceFacts({ size, filesystem }: LayerRow): Fact[] {
  const { free, blockSize, inodes } = filesystem!;
  return [
    [t.used, formatExactSize(Math.max(0, size - free))], [t.free, formatExactSize(free)], [t.blockSize, formatExactSize(blockSize)],
    ...(inodes === undefined ? [] : [[t.inodes, texts.layer.inodesOf(inodes.free, inodes.total)] as const]),
  ];
}

function partitionFacts({ title, label, uuid, offset, size, volume }: LayerRow): Fact[] {
  const { number, typeId, flags } = volume!;
  return [
    ...(number === undefined ? [] : [[t.number, `${number}`] as const]),
    [t.type, title],
    ...(label === '' ? [] : [[t.label, label] as const]),
    ...(uuid === '' ? [] : [[t.uuid, uuid] as const]),
    ...(typeId === '' ? [] : [[t.typeId, typeId] as const]),
    [t.offset, placeOf(offset)], [t.size, formatExactSize(size)],
    ...(flags.length === 0 ? [] : [[t.flags, flags.join(', ')] as const]),
  ];
}

function featureFacts({ features, featureDetails }: NonNullable<LayerRow['filesystem']>): Fact[] {
  if (featureDetails === undefined) return [[texts.layer.features, features.join(', ')]];
  return featureDetails.map(({ name, group, support, what }) => [name, `${group}, ${t.support[support]}: ${what}`]);
}

function layerFact({ path, title, label, size, evidence }: LayerRow): Fact {
  return [path, [label === '' ? t.layerOf(title, size) : `${t.layerOf(title, size)}, ${label}`, ...evidence].join('\n')];
}

function placeOf(offset: number): string {
  return `${formatCount(offset)} (${formatOffset(offset)})`;
}
