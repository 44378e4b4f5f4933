import { HttpError } from './messages.ts';

/** One condition of a list: the resource is locked with a token, or has an entity tag, or it is not so. */
export interface StateCondition {
  readonly not: boolean;
  readonly kind: 'token' | 'etag';
  readonly value: string;
}

/** Conditions that must all hold of one resource. */
export interface StateList {
  /** The URL that the list is about; absent: that of the request. */
  readonly resource?: string;
  readonly conditions: readonly StateCondition[];
}

/** Conditions in one header: a client has as many as it has locks. */
const MAX_CONDITIONS = 256;

/**
 * The If header (RFC 4918, section 10.4): it holds when one of its lists does.
 * @throws HttpError 400
 */
export function parseIf(header: string): StateList[] {
  const lists: StateList[] = [];
  let count = 0;
  let resource: string | undefined;
  let rest = header.trim();
  const take = (pattern: RegExp): string | undefined => {
    const match = pattern.exec(rest);
    if (match === null) return undefined;
    rest = rest.slice(match[0].length);
    return match[1] ?? '';
  };
  for (;;) {
    const tagged = take(/^<([^<>\s]+)>\s*/);
    if (tagged !== undefined) {
      // Lists without a resource come first or not at all.
      if (lists.length > 0 && resource === undefined) throw invalid();
      resource = tagged;
    }
    if (take(/^\(\s*/) === undefined) throw invalid();
    const conditions: StateCondition[] = [];
    while (take(/^\)\s*/) === undefined) {
      if (++count > MAX_CONDITIONS) throw invalid();
      const not = take(/^Not\s*/i) !== undefined;
      const token = take(/^<([^<>\s]+)>\s*/);
      const etag = token === undefined ? take(/^\[((?:W\/)?"[^"\]]*")\]\s*/) : undefined;
      if (token !== undefined) conditions.push({ not, kind: 'token', value: token });
      else if (etag !== undefined) conditions.push({ not, kind: 'etag', value: etag });
      else throw invalid();
    }
    if (conditions.length === 0) throw invalid();
    lists.push({ conditions, ...(resource === undefined ? {} : { resource }) });
    if (rest === '') return lists;
  }
}

/** Every lock token that is named, in whatever condition: it is submitted by that. */
export function submittedTokens(lists: readonly StateList[]): Set<string> {
  return new Set(lists.flatMap(({ conditions }) => conditions.filter(({ kind }) => kind === 'token').map(({ value }) => value)));
}

function invalid(): HttpError {
  return new HttpError(400, 'The If header is none');
}
