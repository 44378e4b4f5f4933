/** Milliseconds after which the next letter begins a new search. */
const PAUSE_MS = 1000;

/** What was typed into a listing lately, and from which row to search. */
export interface TypeAhead {
  readonly text: string;
  /** Milliseconds, of any steady clock. */
  readonly at: number;
}

export const NOTHING_TYPED: TypeAhead = { text: '', at: Number.NEGATIVE_INFINITY };

/**
 * Adds a letter. `from` is the row to search from: the focused row stays a candidate while a word grows, and the same letter again
 * goes to the next row that begins with it.
 */
export function typed(before: TypeAhead, letter: string, now: number, focus: number): { next: TypeAhead; prefix: string; from: number } {
  const text = now - before.at > PAUSE_MS ? letter : before.text + letter;
  const repeated = text.length > 1 && [...text].every((each) => each === letter);
  const fresh = text === letter || repeated;
  return { next: { text, at: now }, prefix: repeated ? letter : text, from: Math.max(0, fresh ? focus + 1 : focus) };
}

/** Whether a space continues a name that is being typed, rather than being a key of its own. */
export function isTyping(state: TypeAhead, now: number): boolean {
  return state.text !== '' && now - state.at <= PAUSE_MS;
}
