import { bestOpener, isWaiting, type Layer, layersOf } from '../../engines/core/layer.ts';
import { displayName } from '../../engines/core/names.ts';
import { offersFor, openersOf } from '../../engines/core/offers.ts';
import type { Opener } from '../../engines/core/probe.ts';
import type { ImageSession } from '../../host/session.ts';
import { EXIT, exitStatus } from '../exit.ts';
import { CliJob } from '../job.ts';
import { type ImageOptions, selectLayer, withImage } from '../open.ts';
import { stdout } from '../streams.ts';
import { humanSize } from '../text.ts';

export interface InfoOptions extends ImageOptions {
  readonly verbose?: boolean;
}

/** Prints the tree of layers, of the image or of the part that was picked. */
export function info(image: string, options: InfoOptions): Promise<number> {
  const job = new CliJob({ title: 'Opening', json: options.json === true });
  return job.run((context) => withImage(image, options, async (session) => {
    const top = selectLayer(session, options.part);
    if (options.verbose === true || options.json === true) await session.openers();
    if (options.json) for (const layer of layersOf(top)) stdout.line(JSON.stringify(layerJson(layer, session)));
    else printInfo(session, top, options.verbose === true);
    return statusOf(top);
  }, context));
}

/** Done when there is a filesystem or table that opened; else what kept it from that. */
function statusOf(top: Layer): number {
  const layers = [...layersOf(top)];
  if (layers.some((layer) => layer.filesystem)) return EXIT.done;
  const failed = layers.find((layer) => layer.error);
  if (failed) return exitStatus(failed.error);
  return layers.some((layer) => layer.kind === 'table' || isWaiting(layer) && bestOpener(layer) !== undefined) ? EXIT.done : EXIT.refused;
}

/** One layer as `info --json` has it. */
function layerJson(layer: Layer, session: ImageSession): Record<string, unknown> {
  const openers = openersFor(layer, session);
  const { path, kind, format, title, label, uuid, offset, size, notes, error, evidence, alternatives, details, volume, filesystem } = layer;
  const found = filesystem?.info;
  return {
    path, kind, format, title, label, uuid, offset, size,
    ...(found ? { free: found.free, blockSize: found.blockSize, state: found.state, features: found.features, ...(found.inodes ? { inodes: found.inodes } : {}) } : {}),
    ...(volume ? { volume: { ...(volume.number === undefined ? {} : { number: volume.number }), typeId: volume.typeId, flags: volume.flags } } : {}),
    ...(isWaiting(layer) ? { waiting: true } : {}), openers, notes, evidence, alternatives, details: Object.fromEntries(details),
    ...(error ? { error: { ...error.fault, message: error.message, ...(error.advice === undefined ? {} : { advice: error.advice }) } } : {}),
  };
}

/** The layers as a tree for people. */
export function printInfo(session: ImageSession, top: Layer, verbose: boolean): void {
  const split = session.files.length > 1 ? ` in ${session.files.length} parts` : '';
  stdout.line(`${displayName(session.name)}  ${humanSize(session.size)}${split}`);
  printLayer(session, top, '', '', verbose);
}

/** The ways into a layer: as it tells them, and the guests that would mount it. */
function openersFor(layer: Layer, { registry }: ImageSession): readonly Opener[] {
  // In a volume that a guest assembled, that guest alone opens what is in it.
  if ((layer.kind !== 'filesystem' && layer.kind !== 'unknown') || layer.own !== undefined || layer.partOf !== undefined) return layer.openers;
  const known = new Set(layer.openers.map(({ id }) => id));
  return [...layer.openers, ...openersOf(offersFor(layer.device, registry.filter(({ serves }) => serves !== undefined))).filter(({ id }) => !known.has(id))];
}

/** @param first what stands before the layer's own line, @param rest before all further ones */
function printLayer(session: ImageSession, layer: Layer, first: string, rest: string, verbose: boolean): void {
  stdout.line(`${first}${headline(layer)}`);
  const children = childrenOf(layer);
  const indent = `${rest}${children.length > 0 ? '│ ' : '  '}`;
  for (const line of remarks(session, layer, verbose)) stdout.line(`${indent}${line}`);
  children.forEach((child, i) => {
    const last = i === children.length - 1;
    printLayer(session, child, `${rest}${last ? '└─ ' : '├─ '}`, `${rest}${last ? '   ' : '│  '}`, verbose);
  });
}

/** A partition of which nothing is known needs no second line that says so. */
function childrenOf(layer: Layer): readonly Layer[] {
  const [only] = layer.children;
  return layer.kind === 'volume' && only?.kind === 'unknown' && only.error === undefined ? [] : layer.children;
}

/** What a filesystem waits for that is told by its name alone. */
function waitingText(layer: Layer): string {
  const best = bestOpener(layer);
  if (best !== undefined) return `not open: ${best.id} opens it (${best.access}; ${best.reason})`;
  return `no engine here opens it; ${layer.openers[0]!.name}: ${layer.openers[0]!.reason}`;
}

function headline(layer: Layer): string {
  const { filesystem, volume } = layer;
  const name = layer.label === '' ? '' : `"${displayName(layer.label)}"`;
  if (volume) {
    const inside = layer.children[0];
    const unknown = inside?.kind === 'unknown' && inside.error === undefined ? `(${inside.title.toLowerCase()})` : '';
    const number = volume.number === undefined ? '' : `${volume.number}:`;
    return parts([number, volume.kind === 'free' ? 'unallocated' : displayName(layer.title), name, humanSize(layer.size), `at ${layer.offset}`, volume.flags.map(displayName).join(', '), unknown]);
  }
  if (filesystem) {
    const { size, free, state } = filesystem.info;
    return parts([`${layer.title} (${state})`, name, humanSize(size), `${humanSize(free)} free`, layer.uuid]);
  }
  return parts([layer.error ? `${layer.title} (${layer.error.kind})` : layer.title, name, humanSize(layer.size), layer.uuid]);
}

function remarks(session: ImageSession, layer: Layer, verbose: boolean): string[] {
  const lines: string[] = [];
  if (isWaiting(layer)) lines.push(waitingText(layer));
  if (layer.error) {
    lines.push(`error: ${layer.error.message}`);
    if (layer.error.advice !== undefined) lines.push(`       ${layer.error.advice}`);
  }
  const notes = verbose ? layer.notes : layer.notes.slice(0, 5);
  for (const note of notes) lines.push(`${note.severity}: ${note.message}`);
  if (layer.notes.length > notes.length) lines.push(`and ${layer.notes.length - notes.length} more notes; -v shows them`);
  if (verbose) {
    for (const { id, access, reason } of openersFor(layer, session)) lines.push(`opens with ${id}: ${access}${reason === '' ? '' : `, ${reason}`}`);
    for (const sign of layer.evidence) lines.push(`seen: ${sign}`);
    for (const { format, confidence } of layer.alternatives.slice(1)) lines.push(`could be ${format} too (${confidence}%)`);
    if (layer.kind === 'volume' && layer.uuid !== '') lines.push(`UUID: ${layer.uuid}`);
    if (layer.volume?.typeId) lines.push(`type: ${layer.volume.typeId}`);
    for (const [label, value] of layer.details) lines.push(`${label}: ${value}`);
    if (layer.filesystem) lines.push(`features: ${layer.filesystem.info.features.join(' ')}`);
  }
  return lines.map(displayName);
}

function parts(texts: readonly string[]): string {
  return texts.filter((text) => text !== '').join('  ');
}
