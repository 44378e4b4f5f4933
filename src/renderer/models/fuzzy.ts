/** How well a query fits a text: the letters of the query in order, with others between them. Higher is better; undefined: not at all. */
export function fuzzyScore(query: string, text: string): number | undefined {
  const wanted = query.toLowerCase().replaceAll(/\s+/g, '');
  if (wanted === '') return 0;
  const letters = text.toLowerCase().slice(0, 300);
  const whole = letters.indexOf(query.toLowerCase().trim());
  // The query as it stands, best at the beginning, then at the beginning of a word.
  if (whole >= 0) return 1000 - whole + (whole === 0 ? 500 : beginsWord(letters, whole) ? 250 : 0) - letters.length / 100;
  let score = 0;
  let at = -1;
  for (const letter of wanted) {
    const next = nextOf(letters, letter, at + 1);
    if (next < 0) return undefined;
    score += next === at + 1 ? 12 : beginsWord(letters, next) ? 10 : 1;
    at = next;
  }
  return score - letters.length / 100;
}

/** The letter at the beginning of a word if there is one ahead, else wherever it comes next. */
function nextOf(text: string, letter: string, from: number): number {
  if (text[from] === letter) return from;
  for (let i = text.indexOf(letter, from); i >= 0; i = text.indexOf(letter, i + 1)) if (beginsWord(text, i)) return i;
  return text.indexOf(letter, from);
}

function beginsWord(text: string, at: number): boolean {
  return at === 0 || !/[\p{L}\p{N}]/u.test(text[at - 1]!);
}
