import { type SaxesAttributeNS, SaxesParser, type SaxesTagNS } from 'saxes';
import { decodeName, isDecodable } from '../../core/names.ts';
import { HttpError } from './messages.ts';

/** The namespaces that we have words for. */
export const NS = { dav: 'DAV:', apache: 'http://apache.org/dav/props/', microsoft: 'urn:schemas-microsoft-com:', xml: 'http://www.w3.org/XML/1998/namespace' } as const;

/** A name of an element or a property: its namespace ("" for none), and the local part. */
export interface QName {
  readonly ns: string;
  readonly name: string;
}

/** An element of a request, without comments. Text stands between the children where it stood. */
export interface Element extends QName {
  readonly attributes: readonly (QName & { readonly value: string })[];
  readonly children: (Element | string)[];
}

/** What a body of XML may have at most: a property list of a person's is a thousandth of it. */
export const LIMITS = { bytes: 256 * 1024, depth: 32, elements: 4096, attributes: 64 } as const;

/** All of a body, joined. @throws HttpError 413 as soon as it is longer than `most` bytes */
export async function readBody(body: AsyncIterable<Uint8Array>, most: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body) {
    length += part.length;
    if (length > most) throw new HttpError(413, `The request's body is longer than ${most} bytes`);
    parts.push(part.slice());
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * Reads a document in UTF-8.
 * @param most elements
 * @throws HttpError 400 for what is not well-formed, holds a DOCTYPE (entities could make it grow without end) or more than LIMITS allow
 */
export function parseXml(bytes: Uint8Array, most: number = LIMITS.elements): Element {
  const text = decodeName(bytes);
  if (!isDecodable(text)) throw malformed('it is not UTF-8');
  const parser = new SaxesParser({ xmlns: true });
  const open: Element[] = [];
  let root: Element | undefined;
  let elements = 0;
  parser.on('error', (error) => { throw malformed(error.message.slice(0, 200)); });
  parser.on('doctype', () => { throw malformed('a DOCTYPE is not taken'); });
  parser.on('processinginstruction', () => { throw malformed('processing instructions are not taken'); });
  parser.on('xmldecl', ({ encoding }) => {
    if (encoding !== undefined && !/^(utf-8|us-ascii)$/i.test(encoding)) throw malformed('it must be UTF-8');
  });
  parser.on('opentag', ({ uri: ns, local: name, attributes: given }: SaxesTagNS) => {
    const attributes = Object.values(given as Record<string, SaxesAttributeNS>).filter((each) => each.prefix !== 'xmlns' && each.name !== 'xmlns');
    if (++elements > most || open.length >= LIMITS.depth || attributes.length > LIMITS.attributes) throw malformed('it is too large or too deep');
    const element: Element = { ns, name, attributes: attributes.map((each) => ({ ns: each.uri, name: each.local, value: each.value })), children: [] };
    if (open.length > 0) open.at(-1)!.children.push(element);
    else root = element;
    open.push(element);
  });
  parser.on('closetag', () => { open.pop(); });
  const addText = (part: string): void => { open.at(-1)?.children.push(part); };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.write(text.replace(/^\ufeff/, '')).close();
  if (root === undefined) throw malformed('it has no element');
  return root;
}

function malformed(message: string): HttpError {
  return new HttpError(400, `The request's XML is not well-formed: ${message}`);
}

export function isNamed({ ns, name }: QName, otherNs: string, otherName: string): boolean {
  return ns === otherNs && name === otherName;
}

/** The elements among the children, text left out. */
export function elementsOf(element: Element): Element[] {
  return element.children.filter((child) => typeof child !== 'string');
}

/** The first child of a name in DAV:. */
export function childOf(element: Element, name: string): Element | undefined {
  return elementsOf(element).find((child) => isNamed(child, NS.dav, name));
}

/** All text below, in order. */
export function textOf(element: Element): string {
  return element.children.map((child) => (typeof child === 'string' ? child : textOf(child))).join('');
}

// What XML 1.0 has no way to say (section 2.2: Char), not even by a reference.
// oxlint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff\p{Cs}]/gu;
const MARKUP: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;', '\r': '&#13;', '\n': '&#10;', '\t': '&#9;' };

/** Text for between tags or quotes. What XML can't hold becomes U+FFFD. */
export function escapeXml(text: string): string {
  return text.replace(FORBIDDEN, '\ufffd').replace(/[&<>"'\r\n\t]/g, (character) => MARKUP[character]!);
}

/** An element with what is inside it, already XML. Those of DAV: have the prefix D, which the document's root declares; others declare their own. */
export function tag({ ns, name }: QName, inside = '', attributes = ''): string {
  const [label, declared] = ns === NS.dav ? [`D:${name}`, ''] : ns === '' ? [name, ''] : [`p:${name}`, ` xmlns:p="${escapeXml(ns)}"`];
  return inside === '' ? `<${label}${declared}${attributes}/>` : `<${label}${declared}${attributes}>${inside}</${label}>`;
}

/** An element of DAV:. */
export function dav(name: string, inside = ''): string {
  return inside === '' ? `<D:${name}/>` : `<D:${name}>${inside}</D:${name}>`;
}

/** An element as it was read, as XML that stands for itself anywhere below a root that declares D. */
export function serialize(element: Element): string {
  const attributes = element.attributes.map(({ ns, name, value }, i) => {
    const [label, declared] = ns === '' ? [name, ''] : ns === NS.xml ? [`xml:${name}`, ''] : [`a${i}:${name}`, ` xmlns:a${i}="${escapeXml(ns)}"`];
    return `${declared} ${label}="${escapeXml(value)}"`;
  }).join('');
  return tag(element, element.children.map((child) => (typeof child === 'string' ? escapeXml(child) : serialize(child))).join(''), attributes);
}

/** What every document of ours begins with. */
export const XML_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n';

/** An answer's whole document. */
export function document(name: string, inside: string): string {
  return `${XML_HEAD}<D:${name} xmlns:D="DAV:">${inside}</D:${name}>\n`;
}
