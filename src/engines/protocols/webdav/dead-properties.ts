import type { FileSystem, NodeId } from '../../core/filesystem.ts';
import { encodeName, isDecodable, type Name } from '../../core/names.ts';
import { type Element, isNamed, LIMITS, parseXml, type QName, serialize } from './xml.ts';

/**
 * Properties that mean something to clients alone (RFC 4918, section 4.1): kept as extended attributes of the user's, so that they travel with the file
 * and survive the server. The attribute is named "user.dav:{namespace}name"; its value is the whole element.
 */
const PREFIX = 'user.dav:';

/** Linux's longest name of an attribute (XATTR_NAME_MAX). */
const LONGEST = 255;

/** Properties of one file that are looked at: each is a read and a parse. */
const MOST = 256;

/** The attribute of a property; undefined when its name is too long for one. */
export function attributeOf({ ns, name }: QName): Name | undefined {
  const attribute = `${PREFIX}{${ns}}${name}`;
  return encodeName(attribute).length <= LONGEST ? attribute : undefined;
}

/** Names of what a node has, where the filesystem has attributes. */
export async function listDead(fs: FileSystem, node: NodeId): Promise<QName[]> {
  const names: QName[] = [];
  for (const attribute of await fs.xattrs?.list(node) ?? []) {
    const match = attribute.startsWith(`${PREFIX}{`) && isDecodable(attribute) ? /^\{(.*)\}([^}]+)$/s.exec(attribute.slice(PREFIX.length)) : null;
    if (match !== null && names.length < MOST) names.push({ ns: match[1]!, name: match[2]! });
  }
  return names;
}

/**
 * A property's element as XML. Any program may have written the attribute: what is not one element of that name, well-formed, counts as not there.
 */
export async function readDead(fs: FileSystem, node: NodeId, wanted: QName): Promise<string | undefined> {
  const attribute = attributeOf(wanted);
  const value = attribute === undefined ? undefined : await fs.xattrs?.get(node, attribute);
  if (value === undefined || value.length > LIMITS.bytes) return undefined;
  try {
    const element = parseXml(value);
    return isNamed(element, wanted.ns, wanted.name) ? serialize(element) : undefined;
  } catch {
    return undefined;
  }
}

/** What is kept of a property. It stands for itself: prefixes are declared inside, DAV:'s too. */
export function deadValue(element: Element): Uint8Array {
  const xml = serialize(element);
  // The elements of DAV: have a prefix that our answers declare at their root.
  return encodeName(xml.includes('D:') ? xml.replace(/^<([^\s/>]+)/, '<$1 xmlns:D="DAV:"') : xml);
}
