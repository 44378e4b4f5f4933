import { useMemo } from 'react';
import { hexLines } from '../models/hex.ts';

/** Bytes as a dump: offset, sixteen bytes, printable characters. */
export function HexDump({ bytes, label }: { bytes: Uint8Array; label: string }) {
  const lines = useMemo(() => hexLines(bytes), [bytes]);
  return (
    <pre className="hex" aria-label={label} tabIndex={0} role="region">
      {lines.map((line) => (
        <span key={line.at} className="hex-line">
          <span className="dim">{line.at}</span>{`  ${line.hex.padEnd(48)}  `}<span className="hex-text">{line.text}</span>{'\n'}
        </span>
      ))}
    </pre>
  );
}
