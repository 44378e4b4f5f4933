import { unsupported, usage } from '../../engines/core/errors.ts';
import { guess } from '../../engines/core/guesses.ts';
import { factsOf } from '../../engines/core/facts.ts';
import { GUEST, nameOf, offersFor } from '../../engines/core/offers.ts';
import type { FilesystemFormat, OpenContext, RegistryEntry, Served } from '../../engines/core/probe.ts';
import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import type { FileSystem } from '../../engines/core/filesystem.ts';
import { toolCheck } from './checking.ts';
import { GuestFileSystem } from './guest-filesystem.ts';
import type { GuestLayers } from './layers.ts';
import type { Guest, GuestFilesystem } from './manifest.ts';
import { GuestMount } from './mount.ts';
import type { GuestSupport } from './support.ts';

/** Seconds that a start takes, about, for a guest whose state can be resumed. */
const WARM_SECONDS = 1;

/** Filesystems that lie on several disks, by the names that mount(8) has for them: it is told the others by their devices. */
const SETS: ReadonlySet<string> = new Set(['btrfs']);

/** A guest as a format of the registry: so it comes with all that formats have, `--with`, *Open with…* and the reasons. */
export function guestEntry(guest: Guest, support: GuestSupport, layers: GuestLayers, also: readonly BlockDevice[] = []): RegistryEntry {
  const { name, title, filesystems, trees } = guest.manifest;
  const missing = missingOf(guest, support);
  const entry: RegistryEntry = {
    id: `${GUEST}${name}`, kind: 'filesystem', name: title, magics: [], serves: [...filesystems.map(servedOf), ...trees.map((tree): Served => ({ format: tree, title: tree, access: 'read-only', reason: 'a tree of the guest itself' }))], seconds: secondsOf(guest), missing,
    load: async () => format,
  };
  const format: FilesystemFormat = {
    id: entry.id, kind: 'filesystem', name: title,
    probe(device) {
      const [offer] = offersFor(device, [entry]);
      return offer === undefined ? undefined : { confidence: offer.guess.confidence, evidence: offer.guess.evidence, variant: offer.served.format };
    },
    open: (device, context) => open(guest, missing, support, layers, [device, ...also], context),
    tool(as) {
      const served = find(guest, as);
      return served?.check === undefined || missing !== '' ? undefined : toolCheck(guest, served, support, layers);
    },
  };
  return entry;
}

/** Why a guest can't be started now, and what would help; empty when it can. */
export function missingOf(guest: Guest, support: GuestSupport): string {
  return guest.state === 'missing' ? guest.missing : (support.impossible(guest) ?? '');
}

/** A filesystem of a guest as its offers have it. */
export function servedOf({ format, title, access, reason = '' }: GuestFilesystem): Served {
  return { format, title: title ?? nameOf(format), access, reason };
}

function secondsOf({ manifest: { machine, boot } }: Guest): number {
  return machine.warm ? WARM_SECONDS : boot.deadline;
}

function find(guest: Guest, format: string): GuestFilesystem | undefined {
  return guest.manifest.filesystems.find((each) => each.format === format);
}

/** Boots, mounts, and answers the tree. @throws DiskError unsupported, guest */
async function open(guest: Guest, missing: string, support: GuestSupport, layers: GuestLayers, devices: readonly BlockDevice[], context: OpenContext): Promise<FileSystem> {
  const device = devices[0]!;
  const { name, title } = guest.manifest;
  if (missing !== '') throw unsupported(`guest ${name}`, `${title} can't be started: ${missing}`);
  if (context.as === undefined) throw usage('EINVAL', `The bytes don't tell which filesystem they are`, `Say which: ${GUEST}${name}/FORMAT, one of ${guest.manifest.filesystems.map(({ format }) => format).join(', ')}.`);
  const tree = guest.manifest.trees.find((each) => each === context.as);
  if (tree !== undefined) return openTree(guest, tree, support, layers, device, context);
  const served = find(guest, context.as);
  if (served === undefined) throw unsupported(context.as, `${title} does not mount ${nameOf(context.as)}`);
  if (served.access === 'known-bad') throw unsupported(context.as, `${title} is known to be no good with ${nameOf(context.as)}${served.reason === undefined ? '' : `: ${served.reason}`}`);
  const { write } = context;
  if (write !== undefined && served.access !== 'read-write') throw unsupported('writing', `${title} mounts ${nameOf(context.as)} for reading alone${served.reason === undefined ? '' : `: ${served.reason}`}`);
  if (devices.length > 1 && !SETS.has(served.type)) throw unsupported('sets', `${title} opens sets of several disks of ${[...SETS].join(', ')} alone`);
  if (devices.length > 1 && write !== undefined) throw unsupported('writing', 'A set of several images is opened for reading');
  const layer = layers.at(context.layer ?? '0');
  layer.enter(name, served.format, write !== undefined);
  const mount = new GuestMount({
    support, guest,
    started: (machine) => layer.started(machine),
    died({ message }) {
      // What it left is mounted for writing when it is opened anew: its journal must be replayed before anything is read.
      layer.proved = false;
      context.note({ severity: 'error', message: `${title} ended: ${message}` });
    },
  }, { served, devices, ...(write === undefined ? {} : { write }) });
  const first = await mount.open({ signal: context.job.signal, ...(context.step === undefined ? {} : { step: context.step }) }, write !== undefined && !layer.proved);
  if (write !== undefined) layer.proved = true;
  for (const message of await mount.notes()) context.note({ severity: 'warning', message });
  const facts = factsOf(device, served.format);
  return new GuestFileSystem(mount, first, layer.nodes, {
    format: served.format, label: facts.label, uuid: facts.uuid,
    access: { write: served.access === 'read-write' && devices.length === 1, reason: devices.length > 1 ? `${title}, a guest: sets of several images are opened for reading` : `${title}, a guest${served.reason === undefined ? '' : `: ${served.reason}`}` },
    details: [['Opened by', `${title} (guest ${name})`], ['Mounted as', served.type]],
  });
}

/** A tree of the guest's own; an overlay lies over the filesystem of the device, whose changes stay in the guest's memory. */
async function openTree(guest: Guest, tree: Guest['manifest']['trees'][number], support: GuestSupport, layers: GuestLayers, device: BlockDevice, context: OpenContext): Promise<FileSystem> {
  const { name, title } = guest.manifest;
  const served = tree === 'overlay' ? guest.manifest.filesystems.find(({ format }) => guess(device).some(({ id }) => id === format)) : undefined;
  if (tree === 'overlay' && served === undefined) throw unsupported('overlay', `An overlay needs an image with a filesystem that ${title} mounts`);
  const layer = layers.at(context.layer ?? '0');
  layer.enter(name, tree, false);
  const mount = new GuestMount({
    support, guest,
    started: (machine) => layer.started(machine),
    died: ({ message }) => context.note({ severity: 'error', message: `${title} ended: ${message}` }),
  }, { tree, devices: served === undefined ? [] : [device], ...(served === undefined ? {} : { served }) });
  const first = await mount.open({ signal: context.job.signal, ...(context.step === undefined ? {} : { step: context.step }) }, false);
  return new GuestFileSystem(mount, first, layer.nodes, {
    format: tree, label: '', uuid: '', access: { write: false, reason: `a tree of ${title} itself` }, details: [['Opened by', `${title} (guest ${name})`]],
  });
}
