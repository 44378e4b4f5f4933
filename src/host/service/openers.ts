import { type Offer, offersFor, openerOf } from '../../engines/core/offers.ts';
import { isWaiting, type Layer } from '../../engines/core/layer.ts';
import type { RegistryEntry } from '../../engines/core/probe.ts';
import type { OpenerRow } from '../../shared/contract/rows.ts';

const ORDER: readonly OpenerRow['access'][] = ['read-write', 'read-only', 'untried', 'refused'];

/**
 * Every way into a layer, each with its access and the reason for it: the one that was taken, those whose signs are there, and those that
 * would have to be told. The first is the one in use.
 */
export function openersOf(layer: Layer, all: readonly RegistryEntry[]): OpenerRow[] {
  // In a volume that something else assembled, that alone opens what is in it.
  const registry = layer.own ?? all;
  const guests = offersFor(layer.device, registry.filter(({ serves }) => serves !== undefined));
  const rows = registry.map((entry): OpenerRow => {
    const { id, name, kind } = entry;
    if (entry.serves !== undefined) return guestRow(layer, entry, guests.find((offer) => offer.entry === entry));
    const opener = layer.openers.find((each) => each.id === `native:${id}`);
    const match = layer.alternatives.find((each) => each.format === id);
    const confidence = match?.confidence ?? 0;
    const base = { id: `native:${id}`, format: id, name, kind, confidence, evidence: match?.evidence ?? [] };
    if (opener !== undefined) return { ...base, current: opener.access !== 'refused', access: opener.access, reason: opener.reason };
    return { ...base, current: false, access: 'untried', reason: match === undefined ? 'none of its signs is there' : match.evidence.join('; ') };
  });
  return rows.toSorted((a, b) => Number(b.current) - Number(a.current) || b.confidence - a.confidence || ORDER.indexOf(a.access) - ORDER.indexOf(b.access));
}

/** A guest's way into a layer. */
function guestRow(layer: Layer, { id, name, kind, missing = '', seconds }: RegistryEntry, offer: Offer | undefined): OpenerRow {
  const first = layer.openers[0];
  const told = layer.openers.find((each) => each.id === id);
  const current = first?.id === id && first.access !== 'refused' && !isWaiting(layer);
  const base = { id, format: id, name, kind, current, confidence: offer?.guess.confidence ?? 0, evidence: offer?.guess.evidence ?? [], ...(seconds === undefined ? {} : { seconds }) };
  // One that was not built when the image was opened may be by now.
  const opener = told === undefined || told.access === 'refused' ? (offer === undefined ? told : openerOf(offer)) : told;
  if (opener !== undefined) return { ...base, access: opener.access, reason: opener.reason };
  return missing === '' ? { ...base, access: 'refused', reason: 'it mounts nothing that the bytes look like' } : { ...base, access: 'refused', reason: missing };
}
