/** Gives the keyboard to the list of files, where there is one. */
export function focusList(): void {
  document.querySelector<HTMLElement>('.grid-body')?.focus({ preventScroll: true });
}
