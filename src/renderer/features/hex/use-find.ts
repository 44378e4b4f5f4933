import { useCallback, useEffect, useRef, useState } from 'react';
import { errorOf, type HostClient } from '../../app/services.ts';
import { announce } from '../../app/state.ts';
import { formatOffset } from '../../models/format.ts';
import { parsePattern } from '../../models/hex-cursor.ts';
import { texts } from '../../texts/index.ts';
import { notifyError } from '../../ui/toasts.ts';

const t = texts.hex;

export interface Finder {
  readonly text: string;
  readonly hex: boolean;
  /** The text is no pattern. */
  readonly wrong: boolean;
  /** How far it is, or what came of it. */
  readonly status: string;
  readonly busy: boolean;
  setText(text: string): void;
  setHex(hex: boolean): void;
  /** Looks for the next place after the cursor, or before it; a search under way is left. */
  run(direction: 'forward' | 'backward'): void;
  stop(): void;
}

/** @param at where the cursor is @param onFound a match: where it begins, and how long it is */
export function useFind({ host, layer, node }: { readonly host: HostClient; readonly layer: string; readonly node: number | undefined }, at: number, onFound: (at: number, length: number) => void): Finder {
  const [text, setText] = useState('');
  const [hex, setHex] = useState(false);
  const [wrong, setWrong] = useState(false);
  const [status, setStatus] = useState('');
  const [busy, setBusy] = useState(false);
  const current = useRef<AbortController>(undefined);
  const stop = useCallback((): void => {
    current.current?.abort();
    current.current = undefined;
    setBusy(false);
    setStatus('');
  }, []);
  useEffect(() => () => current.current?.abort(), []);

  const run = (direction: 'forward' | 'backward'): void => {
    stop();
    const pattern = parsePattern(text, hex);
    setWrong(pattern === undefined && text !== '');
    // The contract's own limit.
    if (pattern === undefined || pattern.length > 256 || (direction === 'backward' && at === 0)) return;
    const abort = new AbortController();
    current.current = abort;
    setBusy(true);
    const from = direction === 'forward' ? at + 1 : at - 1;
    void (async () => {
      try {
        for await (const event of host.stream('bytes.find', { layer, pattern, ignoreCase: !hex, from, direction, ...(node === undefined ? {} : { node }) }, abort.signal)) {
          if (abort.signal.aborted) return;
          if (event.event === 'progress') {
            setStatus(t.finding(formatOffset(event.at)));
            continue;
          }
          const told = event.at !== undefined ? t.found(formatOffset(event.at)) : direction === 'forward' ? t.notFound : t.notFoundBefore;
          setStatus(told);
          announce(told);
          if (event.at !== undefined) onFound(event.at, pattern.length);
        }
      } catch (error) {
        if (!abort.signal.aborted) notifyError(errorOf(error));
      } finally {
        if (current.current === abort) setBusy(false);
      }
    })();
  };

  return {
    text, hex, wrong, status, busy, run, stop,
    setText: (next) => { setText(next); setWrong(false); },
    setHex: (next) => { setHex(next); setWrong(false); },
  };
}
