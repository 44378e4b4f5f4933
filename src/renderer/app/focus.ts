import { useEffect } from 'react';

/** Milliseconds until what is closing has given the focus back, where it can. */
export const SETTLED = 50;

/** Gives the keyboard to the list of files, where there is one. */
export function focusList(): void {
  document.querySelector<HTMLElement>('.grid-body')?.focus({ preventScroll: true });
}

/** Whether nothing that can be used has the focus: it is on the page, or rests. */
export function isFocusFree(): boolean {
  const at = document.activeElement;
  return at === null || at === document.body || at.hasAttribute('data-resting');
}

/** Whether the focus stayed at a tab that another one was chosen instead of. An arrow in the strip moves it on a moment after the choice. */
function isAtOtherTab(): boolean {
  return document.activeElement?.matches('[role=tab]:not([aria-selected=true])') ?? false;
}

/** Gives the keyboard to what is shown: the list, or where there is none the element marked `data-resting` (tabIndex -1). */
function focusContent(): void {
  if (document.querySelector('.grid-body') !== null) focusList();
  else document.querySelector<HTMLElement>('[data-resting]')?.focus({ preventScroll: true });
}

/** The same, once what was asked for is shown and what is closing has given the focus back. */
export function focusContentSoon(): void {
  setTimeout(focusContent, SETTLED);
}

/** The same, where what had the keyboard has gone with something that is shown no longer. */
export function focusFreeSoon(): void {
  setTimeout(() => {
    if (isFocusFree() && document.querySelector('.overlay, .popover') === null) focusContent();
  }, SETTLED);
}

/**
 * Lets what is shown take the keyboard when what had it has gone with a
 * closed tab or dialog: a focus that falls back to the page begins at the top again, and a screen reader says nothing.
 * @param what of which each new value may have taken the focus along
 */
export function useRestingFocus(...what: readonly unknown[]): void {
  useEffect(() => {
    const timer = setTimeout(() => {
      if (!(isFocusFree() || isAtOtherTab()) || document.querySelector('.overlay, .popover') !== null) return;
      focusContent();
    }, SETTLED);
    return () => clearTimeout(timer);
    // Whatever the caller watches.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, what);
}
