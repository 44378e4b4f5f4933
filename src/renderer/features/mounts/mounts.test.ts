import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { unsafeText } from '../../testing/checks.ts';
import { openUnlocked, renameEntry } from '../../testing/edit-views.ts';
import { type Harness, noBrowser, openImage, startHarness } from '../../testing/harness.ts';
import { bar, openMountDialog, openMounted, others, USERS } from '../../testing/mount-views.ts';

const dialog = (page: Page) => page.locator('.modal .dialog');
const row = (page: Page, name: RegExp) => page.getByRole('row', { name }).first();
const sidebar = (page: Page) => page.getByRole('navigation', { name: 'Images and volumes' });
const said = (page: Page) => page.getByTestId('announcer').innerText();
const mountButton = (page: Page) => page.getByRole('button', { name: 'Mount', exact: true });
const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent ?? '');
const fakeOf = <T>(page: Page, what: 'copied' | 'shown') => page.evaluate((name) => (globalThis as unknown as { fake: Record<string, unknown[]> }).fake[name]!.at(-1), what) as Promise<T | undefined>;
/** The label of a radio button: the input itself lies unseen below it. */
const option = (page: Page, name: string) => dialog(page).locator('label.radio', { hasText: name });

/** Why a command can't be run, as the palette tells it. */
async function reasonOf(page: Page, command: string): Promise<string> {
  await page.keyboard.press('Control+Shift+P');
  await page.getByRole('searchbox').fill(command);
  const item = page.getByRole('menuitem', { name: command, exact: true });
  await item.waitFor();
  const text = await item.innerText();
  await page.keyboard.press('Escape');
  await page.getByRole('searchbox').waitFor({ state: 'detached' });
  return text;
}

describe.skipIf(noBrowser !== undefined)('mounted volumes', () => {
  let harness: Harness;
  let page: Page;
  beforeAll(async () => {
    harness = await startHarness();
  });
  afterEach(() => page?.context().close());
  afterAll(() => harness?.close());

  test('a volume that waits for its guest is opened by it, and then mounted', async () => {
    page = await harness.page();
    await openImage(page, 'guests.img');
    const map = page.getByRole('listbox', { name: 'Partition map' });
    await map.getByRole('option', { name: /data/ }).click();
    await page.keyboard.press('Control+Shift+M');
    await bar(page, 'data').waitFor();
    await expect.poll(() => said(page)).toBe('data is mounted at /run/user/1000/clutch/data');
    await expect.poll(() => sidebar(page).getByRole('row', { name: /data/ }).innerText()).toMatch(/Guest: Linux 6\.12[^]*Mounted|Mounted[^]*Guest: Linux 6\.12/);
    // Nothing here opens it: so much is said at once.
    await openImage(page, 'sysv.img');
    expect(await reasonOf(page, 'Mount')).toContain('Its files can’t be read');
  });

  test('one click mounts: the place is told, copied, marked in sidebar and tab; one click unmounts', async () => {
    page = await harness.page();
    await openMounted(page);
    await expect.poll(() => said(page)).toBe('rootfs is mounted at /run/user/1000/clutch/rootfs');
    await expect.poll(() => bar(page).innerText()).toMatch(/Mounted at[^]*\/run\/user\/1000\/clutch\/rootfs[^]*Read-only/);
    await expect.poll(() => sidebar(page).getByRole('row', { name: /rootfs/ }).innerText()).toContain('Mounted');
    await expect.poll(() => page.getByRole('tab', { name: 'root.ext4', exact: true }).getAttribute('aria-describedby')).toBe('tab-mounted');
    await expect.poll(() => mountButton(page).count()).toBe(0);
    await bar(page).getByRole('button', { name: 'Copy path', exact: true }).click();
    // As the app knows it, by the page's clipboard.
    await expect.poll(() => fakeOf(page, 'copied')).toBe('mount 1');
    await bar(page).getByRole('button', { name: 'Copy path /run/user/1000/clutch/rootfs' }).click();
    // A browser's page can't open a file manager.
    await expect.poll(() => bar(page).getByRole('button', { name: 'Open in file manager' }).count()).toBe(0);
    expect(await reasonOf(page, 'Open in file manager')).toContain('A browser can’t open the file manager');
    expect(await reasonOf(page, 'Mount')).toContain('It is mounted already, at /run/user/1000/clutch/rootfs');
    await bar(page).getByRole('button', { name: 'Unmount' }).click();
    await bar(page).waitFor({ state: 'detached' });
    await expect.poll(() => said(page)).toBe('rootfs is unmounted');
    await mountButton(page).waitFor();
    await expect.poll(() => sidebar(page).getByRole('row', { name: /rootfs/ }).innerText()).not.toContain('Mounted');
    expect(await reasonOf(page, 'Unmount')).toContain('It is not mounted');
  }, 60_000);

  test('activity is told as it comes, and nothing while there is none', async () => {
    page = await harness.page();
    await openMounted(page);
    const activity = bar(page).getByTestId('mount-activity');
    await expect.poll(() => activity.count()).toBe(0);
    await others(page, 'ask', { requests: 40, bytesRead: 3 << 20, open: 1 }, 1 << 20);
    await expect.poll(() => activity.innerText()).toBe('3.00 MiB read, 1.00 MiB/s, 1 open');
    await others(page, 'ask', { open: 0 }, 0);
    await expect.poll(() => activity.innerText()).toBe('3.00 MiB read');
    // Nobody who only listens is told every second.
    await expect.poll(() => said(page)).toBe('rootfs is mounted at /run/user/1000/clutch/rootfs');
  }, 60_000);

  test('in the app it opens the file manager, from the bar and from the menu', async () => {
    page = await harness.page('?client=electron');
    await openMounted(page);
    await bar(page).getByRole('button', { name: 'Open in file manager' }).click();
    await expect.poll(() => fakeOf(page, 'shown')).toBe('mount 1');
    // The app knows the path as it is.
    await bar(page).getByRole('button', { name: 'Copy path', exact: true }).click();
    await expect.poll(() => fakeOf(page, 'copied')).toBe('mount 1');
    await bar(page).getByRole('button', { name: 'Unmount' }).click();
    await mountButton(page).click();
    await sidebar(page).getByRole('row', { name: /rootfs/ }).click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Open in file manager' }).click();
    await expect.poll(() => fakeOf(page, 'shown')).toBe('mount 2');
  }, 60_000);

  test('by the keyboard alone: mounted, found, unmounted, and the focus is never lost', async () => {
    page = await harness.page();
    await openImage(page, 'root.ext4');
    await row(page, /^etc\b/).waitFor();
    await page.keyboard.press('Control+Shift+M');
    await bar(page).waitFor();
    await page.getByRole('grid').focus();
    await page.keyboard.press('Shift+Tab');
    // Past the columns' own stop.
    for (let i = 0; i < 6 && (await focused(page)) !== 'Unmount'; i++) await page.keyboard.press('Shift+Tab');
    expect(await focused(page)).toBe('Unmount');
    await page.keyboard.press('Enter');
    await bar(page).waitFor({ state: 'detached' });
    await expect.poll(() => page.evaluate(() => document.activeElement?.className)).toContain('grid-body');
  }, 60_000);

  test('who holds it is told by name; the safe button is the default; trying again and lazily both end it', async () => {
    page = await harness.page();
    await openMounted(page);
    await others(page, 'hold', USERS);
    await bar(page).getByRole('button', { name: 'Unmount' }).click();
    const asks = page.getByRole('alertdialog', { name: 'rootfs is in use' });
    await asks.waitFor();
    await expect.poll(() => asks.getByRole('listitem').allInnerTexts()).toEqual([expect.stringMatching(/bash \(process 4711\)\s+\/home\/ada/), expect.stringContaining('evil \\u{202e}gnp (process 4712)'), expect.stringContaining('the mount itself')]);
    expect(await unsafeText(page)).toEqual([]);
    await expect.poll(() => focused(page)).toBe('Keep it mounted');
    await page.keyboard.press('Enter');
    await asks.waitFor({ state: 'detached' });
    await bar(page).getByRole('button', { name: 'Unmount' }).click();
    await others(page, 'hold', USERS.slice(0, 1));
    await asks.getByRole('button', { name: 'Try again' }).click();
    await expect.poll(() => asks.getByRole('listitem').count()).toBe(1);
    await expect.poll(() => said(page)).toBe('1 process still holds it');
    // Where a path leads that programs go on to use.
    expect(await asks.innerText()).toContain('what programs write there by its path does not reach the volume');
    await asks.getByRole('button', { name: 'Unmount lazily' }).click();
    await asks.waitFor({ state: 'detached' });
    await expect.poll(() => bar(page).innerText()).toContain('Unmounted; it ends when the programs');
    // It is out of the way, so that it can be mounted anew.
    await mountButton(page).waitFor();
    await bar(page).getByRole('button', { name: 'Who?' }).click();
    await asks.getByText('bash (process 4711)').waitFor();
    await others(page, 'release');
    await asks.getByRole('button', { name: 'Try again' }).click();
    await asks.waitFor({ state: 'detached' });
    await bar(page).waitFor({ state: 'detached' });
    await expect.poll(() => page.getByText('no longer mounted').count()).toBe(0);
  }, 60_000);

  test('an unmount that goes through at the second try closes its dialog', async () => {
    page = await harness.page();
    await openMounted(page);
    await others(page, 'hold', USERS);
    await bar(page).getByRole('button', { name: 'Unmount' }).click();
    await page.getByRole('alertdialog').waitFor();
    await others(page, 'release');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('alertdialog').waitFor({ state: 'detached' });
    await expect.poll(() => bar(page).count()).toBe(0);
  }, 60_000);

  test('one that ends by itself is told, with the cause', async () => {
    page = await harness.page();
    await openMounted(page);
    await others(page, 'end', 'unmounted');
    await bar(page).waitFor({ state: 'detached' });
    await expect.poll(() => said(page)).toBe('rootfs is no longer mounted: /run/user/1000/clutch/rootfs was unmounted by another program');
    await mountButton(page).click();
    await bar(page).waitFor();
    await others(page, 'end', 'failed', 'The connection was aborted \u001b[31m\u202e');
    await page.getByText('The connection was aborted \\x1b[31m\\u{202e}').waitFor();
    expect(await unsafeText(page)).toEqual([]);
  }, 60_000);

  test('what could not be kept is told, while it is mounted and when it is unmounted', async () => {
    page = await harness.page();
    await openMounted(page, true);
    await others(page, 'lose', 'What programs wrote last could not be kept: the volume is full');
    await expect.poll(() => said(page)).toContain('could not be kept: the volume is full');
    await expect.poll(() => bar(page).innerText()).toContain('could not be kept: the volume is full');
    await others(page, 'break', 'inode 12: the checksum does not match');
    await bar(page).getByRole('button', { name: 'Unmount' }).click();
    await expect.poll(() => page.getByRole('alertdialog', { name: /inode 12/ }).count()).toBe(1);
    await expect.poll(() => bar(page).count()).toBe(0);
    await mountButton(page).waitFor();
  }, 60_000);

  test('an unlocked image is mounted for writing: what programs write is pending, and locking is refused with the reason', async () => {
    page = await harness.page();
    await openMounted(page, true);
    await expect.poll(() => bar(page).innerText()).toContain('For writing');
    await others(page, 'write', 'by another program.txt');
    await row(page, /^by another program/).waitFor();
    await page.getByText('1 change pending').waitFor();
    expect(await reasonOf(page, 'Lock again')).toContain('It is mounted for writing: unmount it first');
    await bar(page).getByRole('button', { name: 'Unmount' }).click();
    await bar(page).waitFor({ state: 'detached' });
    await page.getByText('1 change pending').waitFor();
    expect(await reasonOf(page, 'Lock again')).not.toContain('unmount');
  }, 60_000);

  test('one that was mounted for reading becomes one for writing once the image is unlocked', async () => {
    page = await harness.page();
    await openMounted(page);
    await expect.poll(() => bar(page).getByRole('button', { name: 'Mount for writing' }).count()).toBe(0);
    await page.getByRole('grid').focus();
    await page.keyboard.press('Control+Shift+e');
    await bar(page).getByRole('button', { name: 'Mount for writing' }).click();
    await expect.poll(() => bar(page).innerText()).toContain('For writing');
    await expect.poll(() => bar(page).count()).toBe(1);
  }, 60_000);

  test('the dialog says why a way can’t be taken and why it is for reading, unlocks, and mounts as it was asked', async () => {
    page = await harness.page();
    await openMountDialog(page);
    const radio = (name: RegExp) => dialog(page).getByRole('radio', { name });
    await expect.poll(() => radio(/^WinFsp/).isDisabled()).toBe(true);
    await expect.poll(() => dialog(page).innerText()).toContain('this is not Windows');
    await expect.poll(() => radio(/^FUSE default/).isChecked()).toBe(true);
    await expect.poll(() => radio(/^Read and write/).isDisabled()).toBe(true);
    await expect.poll(() => dialog(page).innerText()).toContain('what programs write there is a pending change until you apply it');
    await dialog(page).getByRole('button', { name: 'Unlock to edit' }).click();
    await expect.poll(() => radio(/^Read and write/).isChecked()).toBe(true);
    await option(page, 'At an empty folder').click();
    await expect.poll(() => dialog(page).getByRole('button', { name: 'Mount', exact: true }).isDisabled()).toBe(true);
    await dialog(page).getByRole('textbox', { name: 'Empty folder' }).fill('/home/ada/full');
    await dialog(page).getByRole('button', { name: 'More' }).click();
    await dialog(page).getByRole('textbox', { name: /^Owner/ }).fill('x');
    await dialog(page).getByText('A number from 0').waitFor();
    await dialog(page).getByRole('textbox', { name: /^Owner/ }).fill('1000');
    await dialog(page).getByRole('button', { name: 'Mount', exact: true }).click();
    await dialog(page).getByText('/home/ada/full is not empty').waitFor();
    await dialog(page).getByRole('textbox', { name: 'Empty folder' }).fill('/home/ada/mnt');
    await dialog(page).getByRole('button', { name: 'Mount', exact: true }).click();
    await dialog(page).waitFor({ state: 'detached' });
    await expect.poll(() => bar(page).innerText()).toMatch(/\/home\/ada\/mnt[^]*For writing/);
  }, 60_000);

  test('where nothing mounts, the button says why; where only an address is served, it is told with what to do', async () => {
    page = await harness.page('?mounts=none');
    await openImage(page, 'root.ext4');
    await row(page, /^etc\b/).waitFor();
    await expect.poll(() => mountButton(page).getAttribute('aria-disabled')).toBe('true');
    expect(await reasonOf(page, 'Mount')).toContain('FUSE: /dev/fuse is not there');
    await page.context().close();
    page = await harness.page('?mounts=address');
    await openMounted(page);
    await bar(page).getByText('Connect to server').waitFor();
    await bar(page).getByRole('button', { name: 'Copy address', exact: true }).click();
    // The app itself copies it: it knows the address as the system does.
    await expect.poll(() => fakeOf(page, 'copied')).toBe('mount 1');
  }, 60_000);

  test('a mount that fails is told as text; one under way says so', async () => {
    page = await harness.page('?mounts=fail');
    await openImage(page, 'root.ext4');
    await row(page, /^etc\b/).waitFor();
    await mountButton(page).click();
    await page.getByText('fusermount3: mount failed: \\x1b[31mOperation not permitted\\u{202e}').first().waitFor();
    expect(await unsafeText(page)).toEqual([]);
    await page.context().close();
    page = await harness.page('?mounts=slow');
    await openImage(page, 'root.ext4');
    await row(page, /^etc\b/).waitFor();
    await mountButton(page).click();
    await page.locator('.edit-bar', { hasText: 'Mounting “rootfs” …' }).waitFor();
    expect(await reasonOf(page, 'Mount')).toContain('It is being mounted');
    await others(page, 'go');
    await bar(page).waitFor();
    await expect.poll(() => page.locator('.edit-bar', { hasText: 'Mounting “rootfs” …' }).count()).toBe(0);
  }, 60_000);

  test('closing a tab unmounts; while it is in use it asks, and staying is the default', async () => {
    page = await harness.page();
    await openMounted(page);
    await others(page, 'hold', USERS.slice(0, 1));
    await page.keyboard.press('Control+w');
    const asks = page.getByRole('alertdialog', { name: 'Close root.ext4 while it is in use?' });
    await asks.getByText('bash (process 4711)').waitFor();
    await expect.poll(() => focused(page)).toBe('Stay');
    await page.keyboard.press('Enter');
    await asks.waitFor({ state: 'detached' });
    await bar(page).waitFor();
    await page.keyboard.press('Control+w');
    await asks.getByRole('button', { name: 'Close all the same' }).click();
    await page.getByRole('tab', { name: 'root.ext4' }).waitFor({ state: 'detached' });
    await openMounted(page);
    await page.keyboard.press('Control+w');
    await page.getByRole('tab', { name: 'root.ext4' }).waitFor({ state: 'detached' });
    await expect.poll(() => page.getByRole('alertdialog').count()).toBe(0);
  }, 60_000);

  test('closing with pending changes unmounts first, and then asks about them', async () => {
    page = await harness.page();
    await openMounted(page, true);
    await others(page, 'write', 'by another program.txt');
    await row(page, /^by another program/).waitFor();
    await page.keyboard.press('Control+w');
    await page.getByRole('alertdialog', { name: 'Close root.ext4 with pending changes?' }).waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => bar(page).count()).toBe(0);
    await page.getByText('1 change pending').waitFor();
  }, 60_000);

  test('closing the window unmounts and asks, like closing a tab', async () => {
    page = await harness.page('?client=electron');
    await openMounted(page);
    await others(page, 'hold', USERS.slice(0, 1));
    page.on('dialog', (asked) => void asked.dismiss());
    await page.close({ runBeforeUnload: true });
    await page.getByRole('alertdialog', { name: 'Close root.ext4 while it is in use?' }).waitFor();
    await page.getByRole('button', { name: 'Stay' }).click();
    await bar(page).waitFor();
    await others(page, 'release');
    await bar(page).getByRole('button', { name: 'Unmount' }).click();
    await expect.poll(() => bar(page).count()).toBe(0);
  }, 60_000);

  test('in a browser, the browser asks before the page goes with its mounts', async () => {
    page = await harness.page();
    await openMounted(page);
    const asked = page.waitForEvent('dialog');
    await page.close({ runBeforeUnload: true });
    const question = await asked;
    expect(question.type()).toBe('beforeunload');
    await question.dismiss();
    await bar(page).waitFor();
  }, 60_000);

  test('an image that is lost says that its mount has ended, too', async () => {
    page = await harness.page();
    await openMounted(page);
    await page.evaluate(() => (globalThis as unknown as { fake: { send(event: object): void } }).fake.send({ event: 'lost', image: 1, reason: 'The process ended with signal SIGSEGV' }));
    await expect.poll(() => page.getByRole('alert').innerText()).toContain('It was mounted at /run/user/1000/clutch/rootfs');
    await expect.poll(() => page.getByRole('tab', { name: 'root.ext4' }).getAttribute('aria-describedby')).toBeNull();
  }, 60_000);

  test('on the page of a disk each volume is mounted by itself, with a bar of its own', async () => {
    page = await harness.page();
    await openImage(page, 'guests.img');
    await page.getByRole('listbox', { name: 'Partition map' }).waitFor();
    await expect.poll(() => mountButton(page).count()).toBe(0);
    await page.getByRole('option', { name: /boot/ }).click();
    await mountButton(page).click();
    await bar(page, 'boot').waitFor();
    await page.getByRole('option', { name: /data/ }).click();
    await expect.poll(() => mountButton(page).count()).toBe(0);
    // It would be opened first.
    expect(await reasonOf(page, 'Mount')).not.toContain('Its files can’t be read');
    await page.getByRole('option', { name: /music/ }).click();
    await mountButton(page).click();
    await bar(page, 'music').waitFor();
    await expect.poll(() => page.getByRole('grid', { name: 'Volumes' }).getByRole('row', { name: /boot/ }).innerText()).toContain('Mounted');
    await sidebar(page).getByRole('row', { name: /boot/ }).click();
    await row(page, /^etc\b/).waitFor();
    await expect.poll(() => bar(page, 'music').count()).toBe(0);
    await bar(page, 'boot').waitFor();
  }, 60_000);

  test('mirrored, paths stay as they are', async () => {
    page = await harness.page('?dir=rtl');
    await openMounted(page);
    await expect.poll(() => page.evaluate(() => document.documentElement.dir)).toBe('rtl');
    const box = (await bar(page).boundingBox())!;
    const icon = (await bar(page).locator('svg').first().boundingBox())!;
    expect(icon.x).toBeGreaterThan(box.x + box.width / 2);
    await expect.poll(() => bar(page).locator('.mount-at bdi').innerText()).toBe('/run/user/1000/clutch/rootfs');
  }, 60_000);

  test('what is pending before a mount is not in its way', async () => {
    page = await harness.page();
    await openUnlocked(page);
    await renameEntry(page, 'picture', 'portrait.png');
    await mountButton(page).click();
    await expect.poll(() => bar(page).innerText()).toContain('For writing');
    await expect.poll(() => page.getByText('1 change pending').count()).toBe(1);
  }, 60_000);
});
