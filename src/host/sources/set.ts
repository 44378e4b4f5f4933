import { ConcatDevice } from '../../engines/core/bytes/concat.ts';
import { type BlockDevice, readBytes } from '../../engines/core/bytes/device.ts';
import { unsupported, usage } from '../../engines/core/errors.ts';
import { factsOf } from '../../engines/core/facts.ts';
import type { Note } from '../../engines/core/filesystem.ts';
import { guess } from '../../engines/core/guesses.ts';
import type { RegistryEntry, TableFormat } from '../../engines/core/probe.ts';
import { isAssembled } from '../../engines/core/sets.ts';
import { type ImageSource, openSource } from './image.ts';
import { MOST, setName, setPath } from './set-path.ts';

/** What the layer is called that has several images below it. */
export const SET = 'set';

/** Several images that are opened as one, each a volume of it: disks of an array, a group or a filesystem. */
export interface SetSource extends ImageSource {
  /** The table of the images. */
  readonly entry: RegistryEntry;
}

/**
 * Opens several images as one. What is changed in any of them is applied to all of them as a whole, as it is with the parts of a split image.
 * @throws DiskError as openSource; usage EINVAL for one that is named twice, or one of no whole sectors
 */
export function openSet(paths: readonly string[], note: (note: Note) => void): SetSource {
  if (paths.length > MOST) throw usage('EINVAL', `More than ${MOST} images can't be opened together`);
  const images: ImageSource[] = [];
  try {
    for (const path of paths) images.push(openSource(path, note));
    const files = images.flatMap((image) => image.files);
    const twice = files.find((file, i) => files.indexOf(file) !== i);
    if (twice !== undefined) throw usage('EINVAL', `${twice} is named twice`);
    const bare = images.find(({ parts }) => parts.length === 0);
    if (bare !== undefined) throw unsupported('sets', `${bare.name} can't be opened together with others`);
  } catch (error) {
    for (const { device } of images) device.close();
    throw error;
  }
  const device = new ConcatDevice(images.map((image) => image.device));
  const [first] = images as [ImageSource];
  return {
    device, name: setName(images.map(({ name }) => name)), path: first.path, files: images.flatMap(({ files }) => files), parts: images.flatMap(({ parts }) => parts),
    entry: { id: SET, kind: 'table', name: 'Images', magics: [{ at: 0, bytes: [] }], load: async () => tableOf(device.size, images.map(({ name, device: { size } }) => ({ name, size }))) },
  };
}

/** @param size bytes of all of them together */
function tableOf(size: number, images: readonly { readonly name: string; readonly size: number }[]): TableFormat {
  let end = 0;
  const volumes = images.map(({ name, size: bytes }, i) => ({ number: i + 1, kind: 'partition', offset: (end += bytes) - bytes, size: bytes, type: 'Image', typeId: SET, label: name, uuid: '', flags: [] } as const));
  const title = `${images.length} images`;
  return {
    id: SET, kind: 'table', name: title,
    // Nothing in them is as large as all of them.
    probe: (device: BlockDevice) => (device.size === size ? { confidence: 100, evidence: [`${images.length} images were opened together`], variant: title } : undefined),
    open: async () => ({ label: '', uuid: '', sectorSize: 512, details: [], volumes, reason: 'images that were opened together' }),
  };
}

/**
 * Of images that were named together, those that are opened as one: members of arrays and groups, and the devices of one Btrfs or of one pool. The others stay as they are.
 * @param paths absolute
 */
export function groupSets(paths: readonly string[]): string[] {
  if (paths.length < 2) return [...paths];
  const groups = new Map<string, string[]>();
  for (const path of paths) {
    const key = setOf(path) ?? `alone ${path}`;
    groups.set(key, [...(groups.get(key) ?? []), path]);
  }
  return [...groups.values()].map((group) => (group.length === 1 ? group[0]! : setPath(group)));
}

/** What set an image may be of, as far as its first bytes tell. */
function setOf(path: string): string | undefined {
  let device: BlockDevice;
  try {
    ({ device } = openSource(path));
  } catch {
    return undefined; // Opening it tells why.
  }
  try {
    const [first] = guess(device);
    if (first === undefined || first.confidence < 80) return undefined;
    if (isAssembled(first.id)) return 'assembled';
    if (first.id === 'zfs' || first.id === 'openzfs') return `zfs ${factsOf(device, first.id).uuid}`;
    // The superblock's count of devices (include/uapi/linux/btrfs_tree.h, struct btrfs_super_block).
    const several = first.id === 'btrfs' && new DataView(readBytes(device, 0x1_0088, 8).slice().buffer).getBigUint64(0, true) > 1n;
    return several ? `btrfs ${factsOf(device, 'btrfs').uuid}` : undefined;
  } catch {
    return undefined;
  } finally {
    device.close();
  }
}
