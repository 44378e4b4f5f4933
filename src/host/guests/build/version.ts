/**
 * Compares two versions as dpkg does (deb-version(7)): epoch, upstream version, revision; "~" sorts before the end.
 * @returns less than 0, 0, or more than 0
 */
export function compareVersions(a: string, b: string): number {
  const [epochA, upstreamA, revisionA] = parts(a);
  const [epochB, upstreamB, revisionB] = parts(b);
  return epochA - epochB || comparePart(upstreamA, upstreamB) || comparePart(revisionA, revisionB);
}

function parts(version: string): [epoch: number, upstream: string, revision: string] {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return [colon < 0 ? 0 : Number(version.slice(0, colon)) || 0, dash < 0 ? rest : rest.slice(0, dash), dash < 0 ? '' : rest.slice(dash + 1)];
}

/** Runs of other characters and of digits in turn. */
function comparePart(a: string, b: string): number {
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    while ((i < a.length && !isDigit(a[i])) || (j < b.length && !isDigit(b[j]))) {
      const difference = order(a[i]) - order(b[j]);
      if (difference !== 0) return difference;
      i++;
      j++;
    }
    const numberA = /^\d*/.exec(a.slice(i))![0];
    const numberB = /^\d*/.exec(b.slice(j))![0];
    const difference = Number(numberA) - Number(numberB);
    if (difference !== 0) return difference;
    i += numberA.length;
    j += numberB.length;
  }
  return 0;
}

/** "~" before the end, the end (or a digit) before letters, letters before all else. */
function order(character: string | undefined): number {
  if (character === '~') return -1;
  if (character === undefined || isDigit(character)) return 0;
  return /[A-Za-z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256;
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= '0' && character <= '9';
}
