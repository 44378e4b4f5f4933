/** Parts of a text one after the other, each closed by a full stop where it is closed by nothing yet: messages of errors are, or are not. */
export const sentences = (...parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined && part !== '').map((part) => (/[.!?…]$/.test(part!) ? part : `${part}.`)).join(' ');
