import { create } from 'zustand';
import { type Log, NO_LINES, withLines } from '../models/log.ts';
import { texts } from '../texts/index.ts';
import { type ErrorData, errorOf, type HostClient, isCancelled } from './services.ts';

/** What is known of a guest's log. */
export interface GuestLog {
  readonly log: Log;
  /** The first words of the host are there. */
  readonly told: boolean;
  readonly error?: ErrorData;
}

const t = texts.guestLog;

/** Milliseconds in which lines are shown together: a kernel that boots writes hundreds at once. */
const SHOWN_TOGETHER = 80;

/** Follows the log of a layer's guest until the answer to this is called. */
export function followLog(host: HostClient, layer: string, show: (log: GuestLog) => void): () => void {
  const abort = new AbortController();
  let log = NO_LINES;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tell = (error?: ErrorData): void => {
    clearTimeout(timer);
    timer = undefined;
    if (!abort.signal.aborted) show({ log, told: true, ...(error === undefined ? {} : { error }) });
  };
  const follow = async (): Promise<void> => {
    try {
      for await (const event of host.stream('guest.log', { layer }, abort.signal)) {
        if (abort.signal.aborted) return;
        if (event.event === 'lines') log = withLines(log, event.lines);
        else log = withLines(log, [event.event === 'start' ? { at: 0, from: 'launcher', text: t.started(event.title, event.start, event.accelerator) } : { at: log.lines.at(-1)?.at ?? 0, from: 'launcher', text: t.ended(event.message) }]);
        timer ??= setTimeout(tell, SHOWN_TOGETHER);
      }
      tell();
    } catch (error) {
      if (!abort.signal.aborted && !isCancelled(error)) tell(errorOf(error));
    }
  };
  void follow();
  return () => {
    abort.abort();
    clearTimeout(timer);
  };
}

/** Origins that a log is narrowed to, kept while the window is open. */
export const useLogFilter = create<{ readonly origin: string | undefined; readonly follow: boolean }>(() => ({ origin: undefined, follow: true }));
