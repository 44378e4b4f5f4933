import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import * as v from 'valibot';
import { type Document, isCollection, isNode, LineCounter, parseDocument } from 'yaml';
import { DiskError } from '../../engines/core/errors.ts';
import type { GuestManifest } from './manifest.ts';
import { type GuestFile, guestFileSchema, manifestSchema } from './schema.ts';

/** Bytes of a guest.yml. The longest here has 20,000. */
const LONGEST = 1 << 20;

/** Files that may extend each other in a row. */
const MOST_EXTENDED = 4;

/**
 * Reads a guest's manifest.
 * @param file its guest.yml; the folder's name is the guest's
 * @param shared the folder that "extends" looks in: where the shipped guests lie
 * @returns with the texts of all files that went into it, by which a change is noticed
 * @throws DiskError usage EINVAL with file, line and field
 */
export function readManifest(file: string, shared: string, name = basename(dirname(file))): { manifest: GuestManifest; texts: readonly string[] } {
  const texts: string[] = [];
  const whole: Record<string, unknown> = { name, ...chain(file, shared, texts, 0) };
  const { success, output, issues } = v.safeParse(manifestSchema, whole);
  if (!success) {
    const [issue] = issues;
    throw bad(file, 1, v.getDotPath(issue) ?? 'guest.yml', issue.received === 'undefined' ? 'it is missing' : issue.message);
  }
  const manifest = output as GuestManifest;
  checkWhole(manifest, file);
  return { manifest, texts };
}

/** A file with what it extends below it. */
function chain(file: string, shared: string, texts: string[], depth: number): Omit<GuestFile, 'extends' | 'without' | '$schema'> {
  const own = readFile(file, texts);
  const { extends: below, without = [], $schema: _, ...fields } = own;
  if (below === undefined) return fields;
  if (depth === MOST_EXTENDED) throw bad(file, 1, 'extends', `more than ${MOST_EXTENDED} files extend each other`);
  const under = [join(shared, below, 'base.yml'), join(shared, below, 'guest.yml')].find((each) => existsSync(each));
  if (under === undefined) throw bad(file, 1, 'extends', `there is no guest ${below}`);
  return merge(chain(under, shared, texts, depth + 1), fields, without);
}

function merge(under: GuestFile, over: GuestFile, without: readonly string[]): GuestFile {
  const object = <K extends 'machine' | 'boot' | 'transport' | 'source'>(field: K): Partial<Pick<GuestFile, K>> =>
    (under[field] === undefined && over[field] === undefined ? {} : { [field]: { ...under[field], ...over[field] } } as Partial<Pick<GuestFile, K>>);
  return {
    ...under, ...over, ...object('machine'), ...object('boot'), ...object('transport'), ...object('source'),
    filesystems: joined(under.filesystems, over.filesystems, without),
    volumes: joined(under.volumes, over.volumes, without),
  };
}

/** What only above has, which comes first; then those of below, replaced where above has one of the same format and type. */
function joined<T extends { format?: string; type: string }>(under: readonly T[] = [], over: readonly T[] = [], without: readonly string[]): T[] {
  const replaced = new Map(over.map((each) => [keyOf(each), each]));
  const kept = under.filter((each) => !without.includes(each.type)).map((each) => replaced.get(keyOf(each)) ?? each);
  return [...over.filter((each) => !kept.includes(each)), ...kept];
}

function keyOf({ format, type }: { format?: string; type: string }): string {
  return `${format ?? ''}:${type}`;
}

function readFile(file: string, texts: string[]): GuestFile {
  let content: string;
  try {
    if (statSync(file).size > LONGEST) throw bad(file, 1, 'guest.yml', `it is longer than ${LONGEST} bytes`);
    content = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof DiskError) throw error;
    throw new DiskError({ kind: 'usage', errno: 'ENOENT' }, `${file} can't be read (${(error as Error).message})`, 'A guest is a folder with a guest.yml in it; guests/README.md in Clutch\'s folder says what stands there.');
  }
  texts.push(content);
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false });
  const [wrong] = document.errors;
  if (wrong !== undefined) throw bad(file, lines.linePos(wrong.pos[0]).line, 'YAML', wrong.message);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw bad(file, 1, 'YAML', (error as Error).message); // Aliases that multiply.
  }
  const { success, output, issues } = v.safeParse(guestFileSchema, value);
  if (success) return output;
  const [issue] = issues;
  const path = (issue.path ?? []).map((step) => step.key);
  const unknown = issue.type === 'strict_object' && issue.expected === 'never';
  throw bad(file, lineOf(document, path, lines), v.getDotPath(issue) ?? 'guest.yml', unknown ? 'there is no such field' : issue.message);
}

/** The line of a field, or of the nearest thing above it that is there. */
function lineOf(document: Document, path: readonly unknown[], lines: LineCounter): number {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    // A key that no field has: its value's place is the best there is.
    const above = document.getIn(path.slice(0, length - 1), true);
    if (isCollection(above) && above.range) return lines.linePos(above.range[0]).line;
  }
  return 1;
}

/** What no single field tells. */
function checkWhole(manifest: GuestManifest, file: string): void {
  const { boot, filesystems, source, transport, system } = manifest;
  if (boot.kernel === undefined && boot.disk === undefined && source === undefined) throw bad(file, 1, 'boot', 'it has neither a kernel nor a disk nor packages to be built from');
  if (transport.agent && system !== 'linux') throw bad(file, 1, 'transport.agent', 'the agent runs in Linux only');
  for (const [i, each] of filesystems.entries()) {
    if (each.access !== 'read-write' && each.reason === undefined) throw bad(file, 1, `filesystems.${i}.reason`, `it must say why ${each.type} is ${each.access}`);
    if (each.access === 'read-write' && each.writeOptions === undefined) throw bad(file, 1, `filesystems.${i}.writeOptions`, `${each.type} is read-write and has none`);
  }
}

function bad(file: string, line: number, field: string, message: string): DiskError {
  return new DiskError({ kind: 'usage', errno: 'EINVAL' }, `${file}, line ${line}, ${field}: ${message}`, 'The fields are described in guests/guest.schema.json.');
}
