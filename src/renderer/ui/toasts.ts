import { UNSTABLE_ToastQueue as ToastQueue } from 'react-aria-components';
import type { ErrorData } from '../app/services.ts';

export interface ToastContent {
  readonly text: string;
  readonly tone?: 'done' | 'warning' | 'error';
  readonly error?: ErrorData;
  readonly actions?: readonly { readonly label: string; readonly run: () => void }[];
}

export const toasts = new ToastQueue<ToastContent>({ maxVisibleToasts: 4 });

/** Milliseconds; one with an action or an error stays until it is dismissed or long enough to be reached. */
const SHORT = 5000;
const LONG = 12_000;

/** Shows it for a while. Answers what `toasts.close` takes. */
export function notify(content: ToastContent): string {
  const stays = content.error !== undefined;
  return toasts.add(content, stays ? {} : { timeout: (content.actions?.length ?? 0) > 0 ? LONG : SHORT });
}

export function notifyError(error: ErrorData): void {
  if (error.fault.kind === 'cancelled') return;
  notify({ text: error.message, tone: 'error', error });
}
