import { toDiskError } from '../../core/errors.ts';
import type { FileSystem, NodeId } from '../../core/filesystem.ts';
import type { Changes, Writer } from '../../core/writer.ts';
import { attributeOf, deadValue } from './dead-properties.ts';
import { parseHttpDate } from './dates.ts';
import { HttpError, httpError } from './messages.ts';
import { propstat } from './propfind.ts';
import { isLive } from './properties.ts';
import type { Found } from './places.ts';
import { dav, type Element, elementsOf, isNamed, NS, parseXml, type QName, tag, textOf } from './xml.ts';

/** One instruction, in the order of the document. */
interface Instruction {
  readonly property: Element;
  readonly remove: boolean;
}

/** What carries an instruction out, and takes it back. */
interface Step {
  run(): Promise<void>;
  undo(): Promise<void>;
}

/** @throws HttpError 400 */
export function parseProppatch(body: Uint8Array): Instruction[] {
  const root = parseXml(body);
  if (!isNamed(root, NS.dav, 'propertyupdate')) throw new HttpError(400, 'The body is no propertyupdate');
  const found = elementsOf(root).flatMap((each) => {
    const remove = isNamed(each, NS.dav, 'remove');
    if (!remove && !isNamed(each, NS.dav, 'set')) return [];
    return elementsOf(each).filter((prop) => isNamed(prop, NS.dav, 'prop')).flatMap((prop) => elementsOf(prop)).map((property) => ({ property, remove }));
  });
  if (found.length === 0) throw new HttpError(400, 'Nothing is to be set or removed');
  return found;
}

/**
 * Sets and removes properties: all of them or none (RFC 4918, section 9.2).
 * @returns the propstats of the answer
 */
export async function patchProperties(fs: FileSystem, writer: Writer, { stat, folder }: Found, instructions: readonly Instruction[]): Promise<string> {
  const done: Step[] = [];
  const failures = new Map<Instruction, HttpError>();
  for (const instruction of instructions) {
    try {
      const step = await stepOf(fs, writer, stat.node, folder !== undefined, instruction);
      if (failures.size > 0) continue;
      await step.run();
      done.push(step);
    } catch (error) {
      failures.set(instruction, httpError(error));
    }
  }
  if (failures.size === 0) return propstat(unique(instructions.map(({ property }) => property)), 200);
  for (const step of done.toReversed()) await step.undo();
  const rest = instructions.filter((each) => !failures.has(each));
  return [...failures].map(([{ property }, { status, condition }]) => propstat([tag(nameOf(property))], status, condition === undefined ? '' : dav('error', condition))).join('')
    + (rest.length > 0 ? propstat(unique(rest.map(({ property }) => property)), 424) : '');
}

async function stepOf(fs: FileSystem, writer: Writer, node: NodeId, isDirectory: boolean, { property, remove }: Instruction): Promise<Step> {
  const before = await fs.stat(node);
  const change = (to: Changes, back: Changes): Step => ({ run: async () => writer.change(node, to), undo: async () => writer.change(node, back) });
  if (isNamed(property, NS.apache, 'executable') && !isDirectory && !remove) {
    const value = textOf(property).trim();
    if (value !== 'T' && value !== 'F') throw new HttpError(409, '"executable" is T or F');
    // Whoever may read it may run it.
    return change({ mode: value === 'T' ? before.mode | (before.mode & 0o444) >> 2 : before.mode & ~0o111 }, { mode: before.mode });
  }
  if (isLive(property)) throw new HttpError(403, 'The server says what that property is', { condition: dav('cannot-modify-protected-property') });
  const time = property.ns === NS.microsoft ? WINDOWS_TIMES[property.name] : undefined;
  if (time !== undefined && !remove) {
    const value = parseHttpDate(textOf(property));
    if (value === undefined) throw new HttpError(409, 'That is no date');
    // Read back before it is set: what is finer than a second and the same second stays as it is.
    const old = time === 'btime' ? before.btime : before[time];
    if (old !== undefined && old / 1_000_000_000n === value / 1_000_000_000n) return NOTHING;
    if (time === 'btime' && old === undefined) return NOTHING;
    return change({ [time]: value }, old === undefined ? {} : { [time]: old });
  }
  if (isNamed(property, NS.microsoft, 'Win32FileAttributes') && fs.xattrs === undefined && saysNothing(textOf(property))) return NOTHING;
  return deadStep(fs, writer, node, property, remove);
}

/** What Windows sets after each copy (its redirector's own properties): kept as the file's times. */
const WINDOWS_TIMES: Readonly<Record<string, 'mtime' | 'atime' | 'btime'>> = { Win32LastModifiedTime: 'mtime', Win32LastAccessTime: 'atime', Win32CreationTime: 'btime' };

/** FILE_ATTRIBUTE_* that every file has anyway: archive, normal, directory. Without attributes of the filesystem, only these can be told to be kept. */
function saysNothing(text: string): boolean {
  return /^[\da-f]{1,8}$/i.test(text.trim()) && (parseInt(text, 16) & ~(0x20 | 0x80 | 0x10)) === 0;
}

const NOTHING: Step = { run: async () => {}, undo: async () => {} };

async function deadStep(fs: FileSystem, writer: Writer, node: NodeId, property: Element, remove: boolean): Promise<Step> {
  const attribute = attributeOf(property);
  if (fs.xattrs === undefined || attribute === undefined) {
    // To remove what can't be there is done (RFC 4918, section 9.2).
    if (remove) return NOTHING;
    throw new HttpError(403, fs.xattrs === undefined ? 'The filesystem has no attributes to keep properties in' : 'The property\'s name is too long');
  }
  const old = await fs.xattrs.get(node, attribute);
  const restore = async (): Promise<void> => {
    if (old !== undefined) await writer.setXattr(node, attribute, old);
    else await removed(writer, node, attribute);
  };
  if (remove) return { run: async () => removed(writer, node, attribute), undo: restore };
  return { run: async () => writer.setXattr(node, attribute, deadValue(property)), undo: restore };
}

async function removed(writer: Writer, node: NodeId, attribute: string): Promise<void> {
  try {
    await writer.removeXattr(node, attribute);
  } catch (error) {
    const { fault } = toDiskError(error);
    if (fault.kind !== 'usage' || fault.errno !== 'ENODATA') throw error;
  }
}

function nameOf({ ns, name }: QName): QName {
  return { ns, name };
}

function unique(properties: readonly QName[]): string[] {
  return [...new Set(properties.map((property) => tag(nameOf(property))))];
}
