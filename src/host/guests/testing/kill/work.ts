import type { FileSystem, NodeId } from '../../../../engines/core/filesystem.ts';
import { isDiskError } from '../../../../engines/core/errors.ts';
import { GUEST } from '../../../../engines/core/offers.ts';
import { random } from '../../../../engines/testing/fuzz/random.ts';
import { openImage } from '../../../session.ts';

/** One operation: a new folder of files, or one that is renamed or removed with all that is in it. */
export type Step =
  | { readonly kind: 'fill'; readonly name: string; readonly files: readonly number[] }
  | { readonly kind: 'rename'; readonly name: string; readonly to: string }
  | { readonly kind: 'remove'; readonly name: string };

/** Sizes of the files of each folder; file i of it is filled with i + 1. */
export type Model = Map<string, readonly number[]>;

/** What the working process says, a line each. */
export type Said =
  | { readonly event: 'machine'; readonly pid: number }
  | { readonly event: 'begin' | 'done' | 'lost'; readonly step: Step }
  | { readonly event: 'applying' | 'applied' | 'closed' }
  | { readonly event: 'stopped'; readonly message: string };

/** What an operation makes of the folders. */
export function after(model: Model, step: Step): void {
  if (step.kind === 'fill') model.set(step.name, step.files);
  else {
    const files = model.get(step.name)!;
    model.delete(step.name);
    if (step.kind === 'rename') model.set(step.to, files);
  }
}

const STEPS = 6;

/**
 * Works on an image until somebody kills it or the guest: operations, and where they are staged a copy of what they made, then an Apply.
 * @param say is told of everything before it begins and when it is done
 */
export async function work({ image, guest, format, direct, seed }: { readonly image: string; readonly guest: string; readonly format: string; readonly direct: boolean; readonly seed: number }, say: (said: Said) => void): Promise<void> {
  const dice = random(seed, 1);
  const session = await openImage(image, { open: false });
  const layer = session.guestLayers.at('0');
  let told = 0;
  session.guestLayers.onChange(() => {
    const pid = layer.machine?.pid;
    if (pid !== undefined && pid !== told) say({ event: 'machine', pid: (told = pid) });
  });
  const model: Model = new Map();
  let stopped: string | undefined;
  try {
    await session.reopen('0', { format: `${GUEST}${guest}/${format}` });
    await session.editing.unlock({ direct });
    for (let i = 0; i < STEPS; i++) {
      const name = dice.pick([...model.keys(), '']);
      const step: Step = name === '' || dice.oneIn(2) ? { kind: 'fill', name: `folder-${i}`, files: Array.from({ length: 2 + dice.below(20) }, () => dice.below(40_000)) }
        : dice.oneIn(2) ? { kind: 'rename', name, to: `renamed-${i}` } : { kind: 'remove', name };
      say({ event: 'begin', step });
      try {
        await session.editing.operation({ text: step.kind, layer: '0' }, () => perform(session.select().filesystem, step, model));
        after(model, step);
        say({ event: 'done', step });
      } catch (error) {
        if (!isDiskError(error) || error.kind !== 'guest') throw error;
        say({ event: 'lost', step });
        // Whoever writes directly has to look at what is there first.
        if (direct) {
          stopped = error.message;
          break;
        }
      }
    }
    if (!direct) {
      await session.editing.saveAs(`${image}.new`);
      say({ event: 'applying' });
      await session.editing.apply();
      say({ event: 'applied' });
    }
  } catch (error) {
    if (!isDiskError(error) || error.kind !== 'guest') throw error;
    stopped = error.message;
  } finally {
    await session.close({ discard: true }).catch((error: unknown) => {
      if (!isDiskError(error) || error.kind !== 'guest') throw error;
      stopped ??= error.message;
    });
  }
  say(stopped === undefined ? { event: 'closed' } : { event: 'stopped', message: stopped });
}

async function perform(fs: FileSystem, step: Step, model: Model): Promise<void> {
  const { root, writer } = fs;
  if (writer === undefined) throw new Error(`It can't be written to: ${fs.info.access.reason}`);
  if (step.kind === 'rename') return writer.rename(root, step.name, root, step.to, 'keep');
  if (step.kind === 'remove') {
    const folder = await fs.lookup(root, step.name) as NodeId;
    for (let i = 0; i < model.get(step.name)!.length; i++) await writer.unlink(folder, `file-${i}`);
    return writer.rmdir(root, step.name);
  }
  const folder = await writer.mkdir(root, step.name, { mode: 0o755 });
  for (const [i, size] of step.files.entries()) {
    const file = await writer.create(folder, `file-${i}`, { mode: 0o644 });
    const bytes = new Uint8Array(size).fill(i + 1);
    for (let at = 0; at < size;) at += await writer.write(file, at, bytes.subarray(at));
  }
}

/** @returns what is not as the model has it. @param unsure folders that an unfinished step may have changed: nothing is asked of them */
export async function compare(fs: FileSystem, model: Model, unsure: ReadonlySet<string>): Promise<string | undefined> {
  const names = new Set<string>();
  let cursor;
  do {
    const batch = await fs.list(fs.root, cursor);
    for (const { name } of batch.entries) if (/^(?:folder|renamed)-\d+$/.test(name)) names.add(name);
    cursor = batch.next;
  } while (cursor !== undefined);
  for (const name of names) if (!model.has(name) && !unsure.has(name)) return `${name} is there`;
  for (const [name, files] of model) {
    if (unsure.has(name)) continue;
    const folder = await fs.lookup(fs.root, name);
    if (folder === undefined) return `${name} is missing`;
    for (const [i, size] of files.entries()) {
      const file = await fs.lookup(folder, `file-${i}`);
      if (file === undefined) return `${name}/file-${i} is missing`;
      const stat = await fs.stat(file);
      if (stat.size !== size) return `${name}/file-${i} has ${stat.size} bytes instead of ${size}`;
      const bytes = new Uint8Array(size);
      for (let at = 0; at < size;) {
        const got = await fs.read(file, at, bytes.subarray(at));
        if (got === 0) return `${name}/file-${i} ends at byte ${at}`;
        at += got;
      }
      if (bytes.some((byte) => byte !== i + 1)) return `${name}/file-${i} has other contents`;
    }
  }
  return undefined;
}
