/** The part of every help page that is the same. */
export const EXIT_STATUS = `Exit status:
  0    done (also when the reader of a pipe went away)
  1    failed, or something in it did: each thing is named on standard error
  2    the command line is wrong or not enough, such as several filesystems and no --part
  3    refused or unsupported: the reason is given
  130  stopped by Ctrl-C`;

/** fsck(8)'s own. */
export const FSCK_STATUS = `Exit status:
  0    no errors
  1    errors, all of them repaired
  4    errors are left
  8    it could not be checked, or not to its end
  2    the command line is wrong or not enough
  130  stopped by Ctrl-C; nothing was changed`;

/** The operations of \`edit\`. */
export const EDIT_HELP = `Operations:
  mkdir [-p] [-m MODE] PATH...     make folders; -p: those above them, too, and none that is there
  put LOCAL PATH                   copy a file or a folder of this computer; PATH is its new name, or the folder it goes into
  write PATH AT TEXT               write text into a file at a byte; the file is made where it is missing
  truncate PATH SIZE               cut a file, or let it grow by zeros; made where it is missing
  touch PATH [TIME]                set the times (default: now); made where it is missing. TIME: @SECONDS or 2024-01-31T12:00:00Z
  mv FROM TO                       move or rename; what has the name is replaced. A folder TO takes it in
  rm [-r] [-f] PATH...             delete; -r: folders with all in them; -f: nothing is said of what is not there
  rmdir PATH...                    delete empty folders
  ln TARGET PATH                   a further name for a file
  symlink TARGET PATH              a symbolic link
  chmod MODE PATH...               0644, 4755
  chown UID:GID PATH...            numbers; one of them may be left out
  setxattr PATH NAME VALUE         text, or 0x and hexadecimal
  rmxattr PATH NAME

Quoting:
  Words are separated by blanks. 'single quotes' keep everything as it is; in "double quotes" and without quotes,
  \\n \\t \\r are what they are in C, \\xNN is a byte, \\u{N} a character, and a backslash before anything else keeps that.
  A # at the start of a word begins a comment. Sizes may end in K, M, G or T.`;

export const PART_HELP = `Choosing a volume:
  Where an image holds several filesystems, --part picks one: by its number (2), its label (root) or its
  UUID; steps into nested tables are separated by "/" (2/root). Without --part the only filesystem is taken;
  if there are several, they are listed and the exit status is 2.`;

/** Examples as they stand in a help page. */
export function examples(...lines: readonly string[]): string {
  return `Examples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
