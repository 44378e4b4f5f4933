import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { build, hasTool } from '../src/engines/testing/recipes/build.ts';
import { FOREIGN } from '../src/engines/testing/recipes/foreign.ts';
import { missingGuest, TEST_GUESTS } from '../src/host/guests/testing/built.ts';
import { type Account, noAccount, ordinaryAccount } from './harness/account.ts';
import { type Display, startDisplay } from './harness/display.ts';
import { scratch } from './harness/image.ts';
import { endAll, run, start as launch } from './harness/processes.ts';
import { answerDialog, type Desktop, dropFiles, shot, startElectron, until } from './harness/window.ts';
import { nothingLeft, showsRoot } from './scenarios/browse.ts';
import { closeTab, row, tab, type TestClient, tidyUp } from './scenarios/client.ts';
import { listsSecretDisks, noDisk } from './scenarios/devices.ts';
import { apply, rename, unlock } from './scenarios/editing.ts';
import { BOOT } from './scenarios/guests.ts';
import { mount, MOUNTED, mountsAt, mountsForPrograms, tellsOfTheEnd, unmount } from './scenarios/mounts.ts';

const images = inject('images');
const why = inject('why') ?? noAccount;
const xfs = FOREIGN.find(({ name }) => name === 'xfs')!;
const xfsTools = [...xfs.tools, 'xfs_repair'].filter((tool) => !hasTool(tool));
const noGuest = why !== undefined ? why : xfsTools.length > 0 ? `needs ${xfsTools.join(' and ')}` : await missingGuest('linux-6.12');

describe.skipIf(why !== undefined)(`the window of an ordinary user${why ? ` (${why})` : ''}`, () => {
  const folder = scratch('ordinary');
  let account: Account;
  let display: Display;
  let desktop: Desktop;
  let client: TestClient;
  let starts = 0;

  /** An image of a test, whose owner and mode are given. */
  const image = (name: string, mode: number, own: boolean): string => {
    const path = join(account.folder, name);
    copyFileSync(images!.holiday, path);
    chmodSync(path, mode);
    if (own) account.give(path);
    return path;
  };
  const start = async (): Promise<void> => {
    desktop = await startElectron(display, join(account.env['HOME']!, `settings-${starts++}`), [], account);
    const { page } = desktop;
    client = {
      name: 'ordinary', page, settingsFile: '', account,
      open: (path) => dropFiles(page, [path]),
      choose: () => Promise.reject(new Error('nothing is extracted here')),
      chooseByKeys: () => Promise.reject(new Error('nothing is extracted here')),
      async put(path) {
        await answerDialog(desktop, path);
        await page.keyboard.press('Control+i');
      },
    };
    await page.getByText('Drop a disk image here').waitFor();
  };
  const ownMounts = (): string[] => readFileSync('/proc/self/mounts', 'utf8').split('\n').filter((line) => line.includes(folder));

  beforeAll(async () => {
    account = await ordinaryAccount(folder, noGuest === undefined ? [join(TEST_GUESTS, 'built/linux-6.12')] : []);
    display = await startDisplay();
    await start();
  });

  afterEach(() => tidyUp(client.page));

  afterAll(async () => {
    await desktop?.close();
    display?.end();
    endAll();
    await until(() => {
      if (ownMounts().length > 0) throw new Error(`mounts are left: ${ownMounts().join(', ')}`);
    }, MOUNTED);
    nothingLeft(folder);
    rmSync(folder, { recursive: true, force: true });
  });

  it('is a process of that account, its page in Chromium\'s sandbox where that works', async () => {
    const all = await desktop.app.evaluate(({ app }) => app.getAppMetrics().map(({ pid, type }) => ({ pid, type: type as string })));
    for (const { pid } of all) expect(status(pid, 'Uid')).toBe(String(account.uid));
    const [page] = all.filter(({ type }) => type === 'Tab');
    // 2: by a filter (include/uapi/linux/seccomp.h).
    if (account.sandboxed) expect(status(page!.pid, 'Seccomp')).toBe('2');
    else console.warn('Chromium\'s sandbox was not tried: user namespaces are kept from accounts here');
  });

  it('mounts an image of its own by one click through fusermount3; other programs of the account read and write there, and e2fsck finds nothing', async () => {
    await mountsForPrograms(client, images!.holiday, images!.tree, join(account.folder, 'mounts'));
    expect(ownMounts()).toEqual([]);
  });

  it('shuts others out of its mounts, and notices when one is ended by fusermount3', async () => {
    await client.open(image('others.img', 0o644, true));
    await row(client.page, /^readme\.txt/).waitFor();
    const at = await mount(client.page);
    expect(statSync(account.runtime).mode & 0o077).toBe(0);
    expect(() => run('ls', [at])).toThrow(/Permission denied/);
    await unmount(client.page);
    await closeTab(client.page, 'others.img');
    await tellsOfTheEnd(client, join(account.folder, 'others.img'), 'others.img');
  });

  it('changes an image that it may only read in a new one; the image itself stays as it is, and it says why', async () => {
    const { page, app } = desktop;
    const path = image('only-read.img', 0o444, false);
    const before = readFileSync(path);
    await client.open(path);
    await showsRoot(page);
    await unlock(page);
    await rename(page, /^readme\.txt/, 'other.txt');
    await row(page, /^other\.txt/).waitFor();
    const pending = page.getByRole('region', { name: 'Pending changes' });
    await pending.getByText(/only-read\.img may not be written to by this account/).waitFor();
    expect(await pending.getByRole('button', { name: 'Apply' }).isDisabled()).toBe(true);
    await shot(page, 'ordinary-only-read');
    const saved = join(account.folder, 'saved.img');
    await app.evaluate(({ dialog }, answer) => { dialog.showSaveDialog = async () => ({ canceled: false, filePath: answer }); }, saved);
    await pending.getByRole('button', { name: 'Save as new image…' }).click();
    await until(() => expect(statSync(saved).uid).toBe(account.uid), MOUNTED);
    await until(() => expect(run('e2fsck', ['-fn', saved])).toContain('Pass 5'), MOUNTED);
    expect(run('debugfs', ['-R', 'ls -p /', saved])).toContain('/other.txt/');
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('says so of an image that it may not read', async () => {
    const { page } = desktop;
    await client.open(image('secret.img', 0o600, false));
    await page.getByText(/secret\.img may not be read by this account/).first().waitFor();
    await page.getByText(/Ask whoever owns the file/).first().waitFor();
    await shot(page, 'ordinary-not-read');
  });

  it.skipIf(noDisk !== undefined)(`explains how to get to read a disk, and takes no rights${noDisk ? ` (${noDisk})` : ''}`, () => listsSecretDisks(client, join(folder, 'plugged.img')));

  it('leaves no dead mount when the process that serves it is killed', async () => {
    const { page } = desktop;
    await client.open(image('killed.img', 0o644, true));
    await row(page, /^readme\.txt/).waitFor();
    const at = await mount(page);
    const [known] = readdirSync(join(account.runtime, 'clutch/.control')).filter((name) => name.endsWith('.json'));
    process.kill(Number.parseInt(known!, 10), 'SIGKILL');
    await page.getByRole('heading', { name: /killed\.img is no longer open/ }).waitFor({ timeout: MOUNTED });
    await until(() => expect([mountsAt(at), readdirSync(join(account.runtime, 'clutch')).includes(basename(at))]).toEqual([[], false]), MOUNTED);
    await page.getByRole('button', { name: 'Open again' }).click();
    await row(page, /^readme\.txt/).waitFor();
    expect(mountsAt(await mount(page))).toHaveLength(1);
    await unmount(page);
  });

  it.skipIf(noGuest !== undefined)(`mounts what only a guest opens; what programs write there is applied, and xfs_repair finds nothing${noGuest ? ` (${noGuest})` : ''}`, async () => {
    const { page } = desktop;
    const path = join(account.folder, 'xfs.img');
    copyFileSync(build(xfs, 'foreign').image, path);
    account.give(path);
    await client.open(path);
    await tab(page, 'xfs.img').waitFor();
    await row(page, /^HELLO/).waitFor({ timeout: BOOT });
    await unlock(page, BOOT);
    await page.getByRole('button', { name: 'Mount', exact: true }).click();
    const mounted = page.getByRole('region', { name: /^Mount of/ });
    await mounted.waitFor({ timeout: BOOT });
    const at = await mounted.locator('.mount-at').innerText();
    expect(await account.run('cat', join(at, 'HELLO.TXT'))).toBe('hello\n');
    await account.run('sh', '-c', 'echo by an ordinary user > "$1/new.txt" && mkdir "$1/made" && mv "$1/new.txt" "$1/made/kept.txt" && sync -f "$1"', 'sh', at);
    await row(page, /^made/).waitFor({ timeout: BOOT });
    await shot(page, 'ordinary-guest-mounted');
    await mounted.getByRole('button', { name: 'Unmount' }).click();
    await mounted.waitFor({ state: 'detached', timeout: BOOT });
    expect(mountsAt(at)).toEqual([]);
    await apply(page, BOOT);
    await closeTab(page, 'xfs.img');
    run('xfs_repair', ['-n', path]);
  }, 4 * BOOT);

  it('says why it does not start where its settings are another account\'s', async () => {
    const settings = join(account.env['HOME']!, 'not mine');
    mkdirSync(settings, { mode: 0 });
    const started = launch(account.electron, [...(account.sandboxed ? [] : ['--no-sandbox']), '--disable-gpu', `--user-data-dir=${settings}`, account.program], { ...account.env, DISPLAY: display.name });
    await started.line(/Clutch can't start: its settings can't be written to .*not mine/, MOUNTED);
    await started.end();
  });

  it('leaves nothing mounted when all of it is killed', async () => {
    await client.open(image('all.img', 0o644, true));
    await row(client.page, /^readme\.txt/).waitFor();
    const at = await mount(client.page);
    const ended = desktop.app.waitForEvent('close');
    desktop.app.process().kill('SIGKILL');
    await ended;
    await until(() => expect([mountsAt(at), readdirSync(join(account.runtime, 'clutch')).includes(basename(at))]).toEqual([[], false]), MOUNTED);
    await start();
  });
});

/** The first number of a field of /proc/PID/status. */
function status(pid: number, field: string): string | undefined {
  return new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
}
