import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

/** One import: who wants what, and whether only its types (which leave no trace in what is built). */
export interface Import {
  /** Path from src/, with slashes. */
  readonly from: string;
  /** For a file of ours its path from src/; else what stands in the source: "react", "node:fs". */
  readonly to: string;
  readonly typesOnly: boolean;
}

/** What the files of a folder may import. The longest prefix of a path decides. */
interface Rule {
  readonly folder: string;
  /** Folders or files of ours. "." is the folder's own next level: engines/volumes/gpt for a file in it. */
  readonly may: readonly string[];
  /** Folders that may be imported for their types only. */
  readonly types?: readonly string[];
  /** Packages; "node:" allows the platform. */
  readonly packages: readonly string[] | 'any';
}

/** The version and the name are written down there alone. */
const PROJECT = '../package.json';

/**
 * engines/core ← engines/* ← shared (types) ← host ← main, cli; shared ← preload, renderer. Formats never import one another:
 * nesting goes by bytes, through the registry.
 */
const RULES: readonly Rule[] = [
  { folder: 'engines/core', may: ['engines/core'], packages: [] },
  { folder: 'engines/codecs', may: ['engines/codecs', 'engines/core'], packages: ['fflate'] },
  { folder: 'engines/archives', may: ['engines/archives', 'engines/codecs', 'engines/core'], packages: [] },
  { folder: 'engines/containers', may: ['.', 'engines/codecs', 'engines/core'], packages: [] },
  { folder: 'engines/volumes', may: ['.', 'engines/volumes/gaps.ts', 'engines/codecs', 'engines/core'], packages: [] },
  { folder: 'engines/filesystems', may: ['.', 'engines/codecs', 'engines/core'], packages: [] },
  { folder: 'engines/protocols', may: ['.', 'engines/protocols/shared', 'engines/codecs', 'engines/core'], packages: [] },
  { folder: 'engines/protocols/webdav', may: ['engines/protocols/webdav', 'engines/core'], packages: ['saxes'] },
  { folder: 'engines/testing', may: ['engines'], packages: ['node:', 'vitest', 'fflate'] },
  { folder: 'engines/index.ts', may: ['engines/core', 'engines/containers', 'engines/volumes', 'engines/filesystems'], packages: [] },
  { folder: 'shared', may: ['shared', 'engines/core'], types: ['engines'], packages: ['valibot'] },
  { folder: 'host', may: ['host', 'shared', 'engines', PROJECT], packages: 'any' },
  { folder: 'main', may: ['main', 'host', 'shared', 'engines/core', PROJECT], types: ['engines'], packages: 'any' },
  { folder: 'cli', may: ['cli', 'host', 'shared', 'engines', PROJECT], packages: 'any' },
  { folder: 'preload', may: ['preload', 'shared'], packages: ['electron'] },
  { folder: 'renderer', may: ['renderer', 'shared', 'engines/core'], types: ['engines'], packages: ['react', 'react-dom', 'react-aria-components', '@tanstack/react-table', '@tanstack/react-virtual', 'zustand', 'lucide-react', 'valibot'] },
];

/** A test may import whatever is tested, and the test tools. */
const TESTS = /\.test\.tsx?$|(^|\/)testing\//;

/** Only a format's index.ts is for others; its own folder and tests may look inside. */
const FORMAT_FOLDERS = ['engines/containers', 'engines/volumes', 'engines/filesystems'];

/** What breaks the rules, one sentence each; empty when nothing does. */
export function violations(imports: readonly Import[], files: readonly string[]): string[] {
  const found: string[] = [];
  for (const file of files) {
    if (ruleOf(file) === undefined) found.push(`${file} lies in a folder without a rule`);
  }
  for (const each of imports) {
    const rule = ruleOf(each.from);
    if (rule === undefined || TESTS.test(each.from) && !each.from.startsWith('engines/testing/')) continue;
    const kind = each.typesOnly ? 'the types of ' : '';
    if (!isAllowed(each, rule)) found.push(`${each.from} imports ${kind}${each.to}, which ${rule.folder} may not`);
    else if (isInsideOfFormat(each)) found.push(`${each.from} imports ${each.to}: of a format only index.ts is for others`);
  }
  return found;
}

function isAllowed({ from, to, typesOnly }: Import, rule: Rule): boolean {
  if (!isOurs(to)) {
    if (rule.packages === 'any') return true;
    return rule.packages.some((name) => (name.endsWith(':') ? to.startsWith(name) : to === name || to.startsWith(`${name}/`)));
  }
  const own = `${rule.folder}/${from.slice(rule.folder.length + 1).split('/')[0]}`;
  const allowed = rule.may.map((folder) => (folder === '.' ? own : folder));
  return [...allowed, ...(typesOnly ? rule.types ?? [] : [])].some((folder) => isWithin(to, folder));
}

function isInsideOfFormat({ from, to }: Import): boolean {
  if (from.startsWith('engines/testing/')) return false;
  const family = FORMAT_FOLDERS.find((folder) => isWithin(to, folder));
  if (family === undefined) return false;
  const [format, file] = [to.slice(family.length + 1).split('/')[0]!, to.slice(family.length + 1)];
  return file.includes('/') && file !== `${format}/index.ts` && !isWithin(from, `${family}/${format}`);
}

function ruleOf(file: string): Rule | undefined {
  return RULES.filter((rule) => isWithin(file, rule.folder)).toSorted((a, b) => b.folder.length - a.folder.length)[0];
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function isOurs(path: string): boolean {
  return RULES.some((rule) => isWithin(path, rule.folder)) || /\.(tsx?|css|svg|json)$/.test(path);
}

/** Every TypeScript file under `src`, as paths from there. */
export function sourceFiles(src: string): string[] {
  return readdirSync(src, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/')).filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts')).toSorted();
}

/** All imports of a file, static, dynamic and re-exported. */
export function importsOf(src: string, file: string): Import[] {
  return parseImports(file, readFileSync(join(src, file), 'utf8'));
}

const STATIC = /^[ \t]*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?['"]([^'"\n]+)['"]/gm;
const DYNAMIC = /(?<![\w.])import\(\s*['"]([^'"\n]+)['"]/g;

export function parseImports(file: string, text: string): Import[] {
  const found: Import[] = [];
  const add = (specifier: string, typesOnly: boolean): void => {
    const relative = specifier.startsWith('.');
    found.push({ from: file, to: relative ? posix.normalize(posix.join(dirname(file), specifier.replace(/\?.*$/, ''))) : specifier, typesOnly });
  };
  for (const match of text.matchAll(STATIC)) add(match[2]!, match[1] !== undefined);
  for (const match of text.matchAll(DYNAMIC)) add(match[1]!, false);
  return found;
}
