import { useEffect, useRef, useState } from 'react';
import type { MeasureProgress } from '../../../shared/contract/rows.ts';
import { type ErrorData, errorOf, type HostClient } from '../../app/services.ts';
import { announce } from '../../app/state.ts';
import { formatExactSize } from '../../models/format.ts';
import { texts } from '../../texts/index.ts';

const t = texts.properties;

type Entries = readonly { readonly node: number; readonly name: string }[];

/** A count that is under way, or was. */
interface Measuring {
  readonly state: 'running' | 'done' | 'stopped' | 'failed';
  /** How far it is; what was counted until it was stopped. */
  readonly progress?: MeasureProgress | undefined;
  readonly error?: ErrorData;
}

export interface Counter extends Measuring {
  readonly stop: () => void;
  readonly again: () => void;
}

/** Counts what is in entries and below them, until it is done, stopped, or the window is closed. @param entries undefined: there is nothing to count */
export function useMeasuring(host: HostClient | undefined, layer: string, entries: Entries | undefined): Counter | undefined {
  const [run, setRun] = useState(0);
  const [told, setTold] = useState<Measuring & { readonly run: number }>();
  const abort = useRef<AbortController>(undefined);
  useEffect(() => {
    if (host === undefined || entries === undefined) return undefined;
    const controller = new AbortController();
    abort.current = controller;
    void count(host, layer, entries, controller.signal, (measuring) => setTold((before) => ({ progress: before?.run === run ? before.progress : undefined, ...measuring, run })));
    return () => controller.abort();
  }, [host, layer, entries, run]);
  if (host === undefined || entries === undefined) return undefined;
  return {
    ...(told?.run === run ? told : { state: 'running' }),
    stop() {
      abort.current?.abort();
      setTold((before) => ({ ...(before?.run === run ? before : {}), state: 'stopped', run }));
      announce(t.stopped);
    },
    again: () => setRun(run + 1),
  };
}

async function count(host: HostClient, layer: string, entries: Entries, signal: AbortSignal, tell: (measuring: Measuring) => void): Promise<void> {
  try {
    for await (const progress of host.stream('measure.start', { layer, entries: entries.map(({ node, name }) => ({ node, name })) }, signal)) {
      if (signal.aborted) return;
      tell({ state: progress.done ? 'done' : 'running', progress });
      if (progress.done) announce(`${t.counted(progress.files, progress.directories)}, ${formatExactSize(progress.size)}`);
    }
  } catch (error) {
    if (!signal.aborted) tell({ state: 'failed', error: errorOf(error) });
  }
}
