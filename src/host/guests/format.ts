import { unsupported, usage } from '../../engines/core/errors.ts';
import { guess } from '../../engines/core/guesses.ts';
import { factsOf } from '../../engines/core/facts.ts';
import { lackOf, TOGETHER } from '../../engines/core/lacks.ts';
import { GUEST, nameOf, offersFor } from '../../engines/core/offers.ts';
import type { FilesystemFormat, OpenContext, RegistryEntry, Served } from '../../engines/core/probe.ts';
import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import type { FileSystem } from '../../engines/core/filesystem.ts';
import { assemblerFormat } from './assembled.ts';
import { toolCheck } from './checking.ts';
import { GuestFileSystem } from './guest-filesystem.ts';
import type { SetVolume } from './guest-set.ts';
import type { GuestLayers } from './layers.ts';
import type { Guest, GuestFilesystem } from './manifest.ts';
import { GuestMount } from './mount.ts';
import type { GuestSupport } from './support.ts';

/** Seconds that a start takes, about, for a guest whose state can be resumed. */
const WARM_SECONDS = 1;

/** What the layers are called that a guest assembles, by its manifest's name for them. */
const SETS: Readonly<Record<string, string>> = { lvm: 'lvm2', md: 'md' };

/** A volume of a set that the guest assembles: what is in it is opened there. */
interface InSet {
  readonly volume: SetVolume;
  /** Why nothing may be written to it. */
  readonly readOnly: string | undefined;
}

/** A guest as a format of the registry: so it comes with all that formats have, `--with`, *Open with…* and the reasons. */
export function guestEntry(guest: Guest, support: GuestSupport, layers: GuestLayers, inSet?: InSet): RegistryEntry {
  const { name, title, filesystems, trees, volumes } = guest.manifest;
  const missing = missingOf(guest, support);
  // Flash devices are laid over disks; what is in a volume is on none.
  const mounted = inSet === undefined ? filesystems : filesystems.filter(({ device }) => device === 'disk');
  const sets = inSet === undefined ? volumes.flatMap(({ type }) => SETS[type] ?? []) : [];
  const ownTrees = inSet === undefined ? trees : [];
  const entry: RegistryEntry = {
    id: `${GUEST}${name}`, kind: 'filesystem', name: title, magics: [], serves: [...mounted.map((each) => servedIn(each, inSet)), ...sets.map((format): Served => ({ format, title: nameOf(format), access: 'read-write', reason: 'its volumes are assembled by the guest' })), ...ownTrees.map((tree): Served => ({ format: tree, title: tree, access: 'read-only', reason: 'a tree of the guest itself' }))], seconds: inSet === undefined ? secondsOf(guest) : guest.manifest.boot.deadline, missing,
    load: async () => format,
    ...(sets.length === 0 ? {} : { assemble: async () => assemblerFormat({ guest, support, layers, missing, entry: (volume, readOnly) => guestEntry(guest, support, layers, { volume, readOnly }) }) }),
  };
  const format: FilesystemFormat = {
    id: entry.id, kind: 'filesystem', name: title,
    probe(device) {
      const [offer] = offersFor(device, [entry]);
      return offer === undefined ? undefined : { confidence: offer.guess.confidence, evidence: offer.guess.evidence, variant: offer.served.format };
    },
    open: (device, context) => open(guest, missing, support, layers, device, context, inSet),
    tool(as) {
      const served = find(guest, as);
      return served?.check === undefined || missing !== '' ? undefined : toolCheck(guest, served, support, layers, inSet?.volume);
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

/** The same in a volume of a set. */
function servedIn(filesystem: GuestFilesystem, inSet: InSet | undefined): Served {
  const served = servedOf(filesystem);
  return inSet?.readOnly === undefined || served.access !== 'read-write' ? served : { ...served, access: 'read-only', reason: inSet.readOnly };
}

function secondsOf({ manifest: { machine, boot } }: Guest): number {
  return machine.warm ? WARM_SECONDS : boot.deadline;
}

function find(guest: Guest, format: string): GuestFilesystem | undefined {
  return guest.manifest.filesystems.find((each) => each.format === format);
}

/** Boots, mounts, and answers the tree. @throws DiskError unsupported, guest */
async function open(guest: Guest, missing: string, support: GuestSupport, layers: GuestLayers, device: BlockDevice, context: OpenContext, inSet: InSet | undefined): Promise<FileSystem> {
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
  if (write !== undefined && inSet?.readOnly !== undefined) throw unsupported('writing', inSet.readOnly);
  if (write?.durability === 'direct' && inSet !== undefined) throw unsupported('writing', 'What is in a set of disks is changed as a whole: changes are staged, and applied');
  const lack = lackOf([device, ...(context.members ?? [])], served.format);
  if (lack?.access === 'refused') throw unsupported(served.format, lack.reason);
  if (lack !== undefined && write !== undefined) throw unsupported('writing', lack.reason, TOGETHER);
  if (lack !== undefined) context.note({ severity: 'warning', message: `${lack.reason}. Nothing can be changed in it` });
  const readOnly = inSet?.readOnly ?? lack?.reason;
  const devices = inSet?.volume.set.devices ?? [device, ...(context.members ?? [])];
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
  }, { served, devices, ...(write === undefined ? {} : { write }), ...(inSet === undefined ? {} : { volume: inSet.volume }) });
  const first = await mount.open({ signal: context.job.signal, ...(context.step === undefined ? {} : { step: context.step }) }, write !== undefined && !layer.proved);
  if (write !== undefined) layer.proved = true;
  for (const message of await mount.notes()) context.note({ severity: 'warning', message });
  const facts = factsOf(device, served.format);
  return new GuestFileSystem(mount, first, layer.nodes, {
    format: served.format, label: facts.label, uuid: facts.uuid,
    access: { write: served.access === 'read-write' && readOnly === undefined && context.readOnly === undefined, reason: [`${title}, a guest`, served.reason, readOnly, context.readOnly].filter((each) => each !== undefined).join(': ') },
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
