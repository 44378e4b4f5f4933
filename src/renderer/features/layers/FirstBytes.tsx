import { useEffect, useState } from 'react';
import { type ErrorData, errorOf, type HostClient, isCancelled } from '../../app/services.ts';
import { HexDump } from '../../ui/hex.tsx';
import { texts } from '../../texts/index.ts';

const LENGTH = 512;

/** How a layer begins, for those who know formats by sight. */
export function FirstBytes({ host, layer }: { host: HostClient; layer: string }) {
  const [bytes, setBytes] = useState<Uint8Array>();
  const [error, setError] = useState<ErrorData>();
  useEffect(() => {
    const abort = new AbortController();
    host.call('bytes.read', { layer, at: 0, length: LENGTH }, abort.signal).then(
      (read) => setBytes(read.bytes),
      (failure: unknown) => { if (!abort.signal.aborted && !isCancelled(failure)) setError(errorOf(failure)); },
    );
    return () => abort.abort();
  }, [host, layer]);
  if (error !== undefined) return <p className="error-text">{error.message}</p>;
  return bytes === undefined ? <p className="dim">{texts.preview.loading}</p> : <HexDump bytes={bytes} label={texts.layer.firstBytes} />;
}
