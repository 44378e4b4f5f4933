/** Dates as HTTP and RFC 3339 spell them. Times are nanoseconds since 1970-01-01 UTC, as in a Stat. */

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Four digits of a year are all that both spellings have. */
const [FIRST, LAST] = [Date.UTC(1, 0, 1), Date.UTC(9999, 11, 31, 23, 59, 59)];

/** "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7). What lies out of its range becomes the nearest. */
export function httpDate(time: bigint): string {
  const date = dateOf(time);
  const year = String(date.getUTCFullYear()).padStart(4, '0');
  return `${DAYS[date.getUTCDay()]}, ${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]} ${year} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} GMT`;
}

/** "1994-11-06T08:49:37Z" (RFC 3339), as DAV:creationdate has it. */
export function isoDate(time: bigint): string {
  return dateOf(time).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** A date of HTTP in any of its three spellings; undefined for what is none. Whole seconds, in nanoseconds. */
export function parseHttpDate(text: string): bigint | undefined {
  const trimmed = text.trim();
  const usual = /^[a-z]{3,9},? (\d{1,2})[ -]([a-z]{3})[ -](\d{4}|\d{2}) (\d\d):(\d\d):(\d\d) gmt$/i.exec(trimmed);
  const asctime = usual ? null : /^[a-z]{3} ([a-z]{3}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/i.exec(trimmed);
  const fields = usual ? [usual[1], usual[2], usual[3], usual[4], usual[5], usual[6]] : asctime ? [asctime[2], asctime[1], asctime[6], asctime[3], asctime[4], asctime[5]] : undefined;
  if (fields === undefined) return undefined;
  const [day, monthName, yearText, hour, minute, second] = fields as [string, string, string, string, string, string];
  const month = MONTHS.findIndex((each) => each.toLowerCase() === monthName.toLowerCase());
  // Two digits are of this century or the last (RFC 9110: none is more than 50 years ahead).
  const year = yearText.length === 2 ? Number(yearText) + (Number(yearText) < 70 ? 2000 : 1900) : Number(yearText);
  const date = new Date(0);
  date.setUTCFullYear(year, month, Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second));
  if (month < 0 || date.getUTCDate() !== Number(day) || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  return BigInt(date.getTime()) * 1_000_000n;
}

function dateOf(time: bigint): Date {
  // Towards the past, also before 1970.
  const seconds = Number((time - ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n) / 1_000_000_000n);
  return new Date(Math.min(LAST, Math.max(FIRST, seconds * 1000)));
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
