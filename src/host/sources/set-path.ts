/** Images that are opened together at most. */
export const MOST = 64;

const PATH = 'set:';

/** Several images as one path, where an image's path is wanted. A file that is really called so is opened as "./set:…". */
export function setPath(paths: readonly string[]): string {
  return `${PATH}${JSON.stringify(paths)}`;
}

/** The images of such a path; undefined for any other. */
export function parseSetPath(path: string): readonly string[] | undefined {
  if (!path.startsWith(`${PATH}[`)) return undefined;
  try {
    const paths = JSON.parse(path.slice(PATH.length)) as unknown;
    return Array.isArray(paths) && paths.length > 1 && paths.length <= MOST && paths.every((each) => typeof each === 'string') ? paths as readonly string[] : undefined;
  } catch {
    return undefined;
  }
}

/** What several images are called together. @param names without their folders */
export function setName(names: readonly string[]): string {
  return `${names[0] ?? ''} and ${names.length - 1} more`;
}
