/** The part of every help page that is the same. */
export const EXIT_STATUS = `Exit status:
  0    done (also when the reader of a pipe went away)
  1    failed, or something in it did: each thing is named on standard error
  2    the command line is wrong or not enough, such as several filesystems and no --part
  3    refused or unsupported: the reason is given
  130  stopped by Ctrl-C`;

export const PART_HELP = `Choosing a volume:
  Where an image holds several filesystems, --part picks one: by its number (2), its label (root) or its
  UUID; steps into nested tables are separated by "/" (2/root). Without --part the only filesystem is taken;
  if there are several, they are listed and the exit status is 2.`;

/** Examples as they stand in a help page. */
export function examples(...lines: readonly string[]): string {
  return `Examples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
