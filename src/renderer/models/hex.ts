export interface HexLine {
  /** "000001f0" */
  readonly at: string;
  /** Sixteen bytes, with a wider gap in the middle; shorter at the end. */
  readonly hex: string;
  /** Printable ASCII, dots for the rest. */
  readonly text: string;
}

/** Bytes as a dump of sixteen a line. */
export function hexLines(bytes: Uint8Array, from = 0): HexLine[] {
  const lines: HexLine[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const line = bytes.subarray(at, at + 16);
    let hex = '';
    let text = '';
    line.forEach((byte, i) => {
      hex += `${i === 0 ? '' : i === 8 ? '  ' : ' '}${byte.toString(16).padStart(2, '0')}`;
      text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
    });
    lines.push({ at: (from + at).toString(16).padStart(8, '0'), hex, text });
  }
  return lines;
}
