import type { BlockDevice } from './bytes/device.ts';
import { type Guess, guess } from './guesses.ts';
import { lackOf } from './lacks.ts';
import type { Candidate, Format, Opener, RegistryEntry, Served } from './probe.ts';
import { isAssembled } from './sets.ts';
import { SIGNATURES } from './signatures.ts';

/**
 * Openers of many formats (guests: machines whose own kernels mount them): what each could do with some bytes. They take seconds, so nothing is opened
 * here; what they offer is told with the layer, and the one that is chosen opens it.
 */
export interface Offer {
  readonly entry: RegistryEntry;
  readonly served: Served;
  /** Why the bytes are taken for it. */
  readonly guess: Guess;
}

/** What such an opener's id has in front: it tells it from the id of a format. */
export const GUEST = 'guest:';

/** Which of two ways is better. */
const ORDER: readonly Opener['access'][] = ['read-write', 'read-only', 'refused'];

/** All offers, the best first: by how sure the format is, then by what can be done with it, then in the registry's order. */
export function offersFor(device: BlockDevice, entries: readonly RegistryEntry[]): Offer[] {
  if (entries.length === 0) return [];
  const guesses = guess(device);
  const offers = entries.flatMap((entry) => guesses.flatMap((each) => (entry.serves ?? []).filter(({ format }) => format === each.id).map((served): Offer => ({ entry, served: servedOn(device, served), guess: each }))));
  return offers.toSorted((a, b) => b.guess.confidence - a.guess.confidence || guesses.indexOf(a.guess) - guesses.indexOf(b.guess) || ORDER.indexOf(openerOf(a).access) - ORDER.indexOf(openerOf(b).access));
}

/** What is known of a device before it is opened: a log that is elsewhere keeps all kernels from it. (Of devices that are missing, others may come.) */
function servedOn(device: BlockDevice, served: Served): Served {
  const lack = lackOf([device], served.format);
  return lack?.access === 'refused' ? { ...served, access: 'known-bad', reason: lack.reason } : served;
}

/** An offer as a layer's openers have it. */
export function openerOf({ entry: { id, name, seconds, missing = '' }, served: { access, reason } }: Pick<Offer, 'entry' | 'served'>): Opener {
  const told = reason === '' ? '' : `; ${reason}`;
  if (missing !== '') return { id, name, access: 'refused', reason: missing };
  if (access === 'known-bad') return { id, name, access: 'refused', reason: reason === '' ? 'its driver is known to be broken' : reason };
  const takes = seconds === undefined ? '' : `, takes about ${seconds} s`;
  return { id, name, access, reason: `its kernel's own driver${takes}${told}`, ...(seconds === undefined ? {} : { seconds }) };
}

/** Offers as openers: the best one of each, for it opens the bytes as one format. */
export function openersOf(offers: readonly Offer[]): Opener[] {
  const found = new Map<string, Opener>();
  for (const offer of offers) {
    if (!found.has(offer.entry.id)) found.set(offer.entry.id, openerOf(offer));
  }
  return [...found.values()];
}

/**
 * The opener that was asked for: "guest:linux-6.12", or where the bytes don't tell what they are (V7 has no magic) "guest:linux-6.12/v7".
 * @returns undefined when there is no such opener; without `served` when it does not know the bytes
 */
export async function chosenCandidate(device: BlockDevice, entries: readonly RegistryEntry[], chosen: string): Promise<Candidate | undefined> {
  const { id, as } = splitChoice(chosen);
  const entry = entries.find((each) => each.id === id);
  if (entry === undefined) return undefined;
  const formatFor = async (served?: Served): Promise<Format> => (served !== undefined && isAssembled(served.format) ? await entry.assemble?.() : undefined) ?? entry.load();
  const offer = offersFor(device, [entry]).find(({ served }) => as === undefined || served.format === as);
  if (offer !== undefined) return { format: await formatFor(offer.served), match: { confidence: offer.guess.confidence, evidence: offer.guess.evidence, variant: offer.served.format }, served: offer.served };
  const served = as === undefined ? undefined : entry.serves?.find(({ format: known }) => known === as);
  return { format: await formatFor(served), match: { confidence: 0, evidence: ['it was asked for; none of its signs is there'] }, ...(served === undefined ? {} : { served }) };
}

/** "guest:linux-6.12/v7" as its opener and the format that the bytes are to be taken for. */
export function splitChoice(chosen: string): { readonly id: string; readonly as?: string } {
  const [id = '', as] = chosen.split('/');
  return as === undefined ? { id } : { id, as };
}

/** A format's name by its id; the id where it is not known by sight. */
export function nameOf(format: string): string {
  return SIGNATURES.find(({ id }) => id === format)?.name ?? format;
}
