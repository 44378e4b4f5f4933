import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyHalfway, dialog, openUnlocked, renameEntry, selectEntry } from '../../testing/edit-views.ts';
import { type Harness, noBrowser, openImage, startHarness } from '../../testing/harness.ts';

const row = (page: Page, name: string) => page.getByRole('row', { name: new RegExp(`^${name}`) });
const pending = (page: Page) => page.getByTestId('pending');
const said = (page: Page) => page.getByTestId('announcer').innerText();
const open = (page: Page): Promise<number> => page.evaluate(() => (globalThis as unknown as { fake: { open: Map<number, object> } }).fake.open.size);

/** Drops files on a point of the window. */
const drop = (page: Page, names: readonly string[], x: number, y: number): Promise<void> => page.evaluate(([files, left, top]) => {
  const dataTransfer = new DataTransfer();
  for (const name of files) dataTransfer.items.add(new File([''], name));
  for (const type of ['dragenter', 'dragover', 'drop']) window.dispatchEvent(new DragEvent(type, { dataTransfer, cancelable: true, bubbles: true, clientX: left, clientY: top }));
}, [names, x, y] as const);

describe.skipIf(noBrowser !== undefined)('editing', () => {
  let harness: Harness;
  beforeAll(async () => { harness = await startHarness(); }, 120_000);
  afterAll(async () => { await harness?.close(); });

  async function begin(query = ''): Promise<Page> {
    const page = await harness.page(query);
    page.setDefaultTimeout(15_000);
    return page;
  }

  test('nothing changes before it is unlocked, and each command says so; unlocking is one act, seen in icon and word', async () => {
    const page = await begin();
    await openImage(page, 'root.ext4');
    await selectEntry(page, 'etc');
    await page.keyboard.press('F2');
    await expect.poll(() => page.locator('input.rename').count()).toBe(0);
    await page.locator('.badge', { hasText: 'Read-only' }).first().waitFor();
    await page.getByRole('button', { name: 'Unlock to edit' }).click();
    await page.locator('.badge', { hasText: 'Editable' }).first().waitFor();
    await expect.poll(() => said(page)).toContain('can be changed now');
    await page.getByRole('button', { name: 'Lock again' }).click();
    await page.locator('.badge', { hasText: 'Read-only' }).first().waitFor();
    await page.context().close();
  }, 90_000);

  test('a name is changed in place: its end stays out of the selection, rules are told while it is typed, Escape leaves', async () => {
    const page = await begin();
    await openUnlocked(page);
    await selectEntry(page, 'picture');
    await page.keyboard.press('F2');
    const field = page.locator('input.rename');
    await field.waitFor();
    await expect.poll(() => field.evaluate((input: HTMLInputElement) => [input.value, input.selectionStart, input.selectionEnd])).toEqual(['picture.png', 0, 7]);
    await field.fill('etc');
    await page.getByText('“etc” is there already.').waitFor();
    await page.keyboard.press('Enter');
    await field.waitFor();
    await page.keyboard.press('Escape');
    await field.waitFor({ state: 'detached' });
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('grid');
    await renameEntry(page, 'picture', 'portrait.png');
    await page.getByRole('row', { name: /^portrait\.png/, selected: true }).waitFor();
    await expect.poll(() => pending(page).innerText()).toContain('1 change pending');
    await page.keyboard.press('Control+z');
    await row(page, 'picture\\.png').waitFor();
    await expect.poll(() => said(page)).toBe('Undone: Rename “picture.png” to “portrait.png”');
    await page.keyboard.press('Control+Shift+z');
    await row(page, 'portrait\\.png').waitFor();
    await page.context().close();
  }, 90_000);

  test('what a name holds that can’t be shown stays what it is', async () => {
    const page = await begin();
    await openUnlocked(page);
    await selectEntry(page, 'line');
    await page.keyboard.press('F2');
    const field = page.locator('input.rename');
    await expect.poll(() => field.inputValue()).toBe('line\\x0abreak\\x07.txt');
    await field.fill('row\\x0abreak\\x07.txt');
    await page.keyboard.press('Enter');
    await row(page, 'row\\\\x0abreak\\\\x07\\.txt').waitFor();
    await selectEntry(page, 'row');
    await page.keyboard.press('F2');
    // Were it a backslash now, it would not be spelled.
    await page.getByText('can’t be shown').waitFor();
    await page.context().close();
  }, 90_000);

  test('made, copied, cut, duplicated and deleted by the keyboard alone; each is undone by its name', async () => {
    const page = await begin();
    await openUnlocked(page);
    await page.keyboard.press('Control+Shift+n');
    await dialog(page).getByRole('textbox', { name: 'Name' }).waitFor();
    await expect.poll(() => dialog(page).getByRole('textbox', { name: 'Name' }).inputValue()).toBe('New folder');
    await page.keyboard.type('drafts');
    await page.keyboard.press('Enter');
    await page.getByRole('row', { name: /^drafts/, selected: true }).waitFor();
    await selectEntry(page, 'start');
    await page.keyboard.press('Control+x');
    await selectEntry(page, 'drafts');
    await page.keyboard.press('Enter');
    await page.getByText('This folder is empty.').waitFor();
    await page.keyboard.press('Control+v');
    await row(page, 'start\\.sh').waitFor();
    await selectEntry(page, 'start');
    await page.keyboard.press('Control+d');
    await row(page, 'start \\(2\\)\\.sh').waitFor();
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Delete');
    await dialog(page).getByText('Delete 2 items?').waitFor();
    // Leaving is what Enter does.
    await page.keyboard.press('Enter');
    await dialog(page).waitFor({ state: 'detached' });
    await expect.poll(() => row(page, 'start').count()).toBe(2);
    await page.keyboard.press('Delete');
    await dialog(page).getByRole('button', { name: 'Delete' }).click();
    await page.getByText('This folder is empty.').waitFor();
    await page.keyboard.press('Control+z');
    await expect.poll(() => row(page, 'start').count()).toBe(2);
    await expect.poll(() => said(page)).toBe('Undone: Delete 2 items');
    await page.keyboard.press('Alt+ArrowUp');
    await row(page, 'etc').first().waitFor();
    await expect.poll(() => row(page, 'start').count()).toBe(0);
    await page.context().close();
  }, 120_000);

  test('names that are taken are asked about; Enter keeps both', async () => {
    const page = await begin();
    await openUnlocked(page);
    await selectEntry(page, 'etc');
    await page.keyboard.press('Control+c');
    await selectEntry(page, 'home');
    await page.keyboard.press('Enter');
    await row(page, 'ada').waitFor();
    await page.keyboard.press('Control+v');
    await row(page, 'etc').waitFor();
    await page.keyboard.press('Control+v');
    await dialog(page).getByRole('button', { name: 'Merge' }).waitFor();
    await expect.poll(() => dialog(page).getByRole('button', { name: 'Replace if newer' }).count()).toBe(0);
    await page.keyboard.press('Enter');
    await row(page, 'etc \\(2\\)').waitFor();
    await page.context().close();
  }, 90_000);

  test('the review lists the changes in their order; Apply writes them, and nothing is left to undo', async () => {
    const page = await begin();
    await openUnlocked(page);
    await renameEntry(page, 'picture', 'portrait.png');
    await renameEntry(page, 'firmware', 'blob.bin');
    await page.keyboard.press('Control+Shift+r');
    const rows = page.getByRole('table', { name: 'Changes in order' }).getByRole('row');
    await expect.poll(() => rows.allInnerTexts().then((all) => all.slice(1).map((text) => text.split('\n')[0]))).toEqual(['Rename “picture.png” to “portrait.png”', 'Rename “firmware.bin” to “blob.bin”']);
    await dialog(page).getByText('2 changes; Apply writes 8.00 KiB (8,192 bytes) to the image.').waitFor();
    await dialog(page).getByRole('button', { name: 'Apply' }).click();
    await pending(page).waitFor({ state: 'detached' });
    await expect.poll(() => said(page)).toContain('the changes are in the image');
    await page.getByRole('button', { name: 'Undo', exact: true }).and(page.locator('[aria-disabled=true]')).waitFor();
    await row(page, 'portrait\\.png').waitFor();
    await page.context().close();
  }, 90_000);

  test('a tab with pending changes is not closed unasked; staying is what Enter does', async () => {
    const page = await begin();
    await openUnlocked(page);
    await renameEntry(page, 'picture', 'portrait.png');
    await page.getByRole('grid').focus();
    await page.keyboard.press('Control+w');
    await dialog(page).getByText('root.ext4: 1 change').waitFor();
    await page.keyboard.press('Enter');
    await dialog(page).waitFor({ state: 'detached' });
    await page.getByRole('tab', { name: 'root.ext4' }).waitFor();
    await page.keyboard.press('Control+w');
    await dialog(page).getByRole('button', { name: 'Discard and close' }).click();
    await page.getByRole('tab', { name: 'root.ext4' }).waitFor({ state: 'detached' });
    await expect.poll(() => open(page)).toBe(0);
    await page.context().close();
  }, 90_000);

  test('locking and discarding ask as well, and take everything back', async () => {
    const page = await begin();
    await openUnlocked(page);
    await renameEntry(page, 'picture', 'portrait.png');
    await page.getByRole('button', { name: 'Lock again' }).click();
    await dialog(page).getByText('Lock with pending changes?').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Discard…' }).click();
    await dialog(page).getByRole('button', { name: 'Discard' }).click();
    await row(page, 'picture\\.png').waitFor();
    await pending(page).waitFor({ state: 'detached' });
    await expect.poll(() => page.locator('.badge', { hasText: 'Editable' }).count()).toBe(1);
    await page.context().close();
  }, 90_000);

  test('files dropped on the list are copied into the folder under the pointer; on a locked one it is unlocked first, elsewhere they are opened', async () => {
    const page = await begin('?dialogs=native');
    await page.getByRole('row', { name: /^root\.ext4/ }).first().click();
    await row(page, 'etc').first().waitFor();
    await drop(page, ['notes.txt'], 700, 640);
    await row(page, 'notes\\.txt').waitFor();
    await page.locator('.badge', { hasText: 'Editable' }).first().waitFor();
    const { x, y } = (await row(page, 'empty').first().boundingBox())!;
    await drop(page, ['inside.txt', 'photos'], x + 60, y + 8);
    await expect.poll(() => pending(page).innerText()).toContain('2 changes pending');
    await selectEntry(page, 'empty');
    await page.keyboard.press('Enter');
    await row(page, 'inside\\.txt').waitFor();
    await drop(page, ['disk.img.gz'], 300, 15);
    await page.getByRole('tab', { name: 'disk.img.gz' }).waitFor();
    await page.context().close();
  }, 90_000);

  test('what the target can’t keep, or has no room for, is said before anything is copied', async () => {
    const page = await begin('?dialogs=native');
    await page.getByRole('row', { name: /^root\.ext4/ }).first().click();
    await row(page, 'etc').first().waitFor();
    await drop(page, ['huge loss.iso'], 700, 640);
    await dialog(page).getByText('Extended attributes', { exact: true }).waitFor();
    await dialog(page).getByText('There is not enough room: 1.00 TiB are needed').waitFor();
    await page.keyboard.press('Enter');
    await dialog(page).waitFor({ state: 'detached' });
    await expect.poll(() => pending(page).count()).toBe(0);
    await page.context().close();
  }, 90_000);

  test('entries are dragged into folders and up to crumbs; Ctrl copies', async () => {
    const page = await begin();
    await openUnlocked(page);
    const drag = async (from: string, to: { x: number; y: number }): Promise<void> => {
      const box = (await row(page, from).first().locator('.entry').boundingBox())!;
      await page.mouse.move(box.x + 20, box.y + 8);
      await page.mouse.down();
      await page.mouse.move(box.x + 30, box.y + 14, { steps: 3 });
      await page.mouse.move(to.x, to.y, { steps: 4 });
      await page.locator('.drag-ghost:not(.is-nowhere)').waitFor();
    };
    const empty = (await row(page, 'empty').first().boundingBox())!;
    await drag('picture', { x: empty.x + 60, y: empty.y + 8 });
    await page.getByText('Move 1 item to “empty”').waitFor();
    await page.mouse.up();
    await row(page, 'picture').waitFor({ state: 'detached' });
    await row(page, 'empty').first().dblclick();
    await row(page, 'picture\\.png').waitFor();
    await page.keyboard.down('Control');
    const crumb = (await page.locator('[data-crumb="0"]').boundingBox())!;
    await drag('picture', { x: crumb.x + 10, y: crumb.y + 10 });
    await page.getByText('Copy 1 item to “/”').waitFor();
    await page.mouse.up();
    await page.keyboard.up('Control');
    await page.getByText(/2 changes pending/).waitFor();
    await row(page, 'picture\\.png').waitFor();
    await page.keyboard.press('Alt+ArrowUp');
    await row(page, 'picture\\.png').first().waitFor();
    await expect.poll(() => row(page, 'picture').count()).toBe(1);
    await page.context().close();
  }, 90_000);

  test('an interrupted Apply is told of at the opening and finished; a file that changed underneath stops everything', async () => {
    const page = await begin();
    await openImage(page, 'half-interrupted.ext4');
    await page.getByRole('alert', { name: 'Applying changes was interrupted' }).waitFor();
    expect(await page.getByRole('button', { name: 'Take back' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Finish' }).click();
    await page.getByRole('alert', { name: 'Applying changes was interrupted' }).waitFor({ state: 'detached' });
    await openUnlocked(page, 'changed.ext4');
    await page.getByRole('alert', { name: 'The image’s file was changed by somebody else' }).getByText('12:04:31').waitFor();
    await selectEntry(page, 'etc');
    await page.keyboard.press('F2');
    await expect.poll(() => page.locator('input.rename').count()).toBe(0);
    await page.getByRole('button', { name: 'Open again' }).click();
    await page.locator('.badge', { hasText: 'Read-only' }).first().waitFor();
    await page.context().close();
  }, 90_000);

  test('an Apply that failed halfway says what that means, takes nothing back, and is finished by another one', async () => {
    const page = await begin();
    await applyHalfway(page);
    const told = page.getByRole('alert', { name: 'The image is changed in part' });
    expect(await told.innerText()).toContain('the next opening makes it what it was before, and the changes are lost: save them as a new image first');
    const bar = page.getByRole('region', { name: 'Pending changes' });
    expect(await pending(page).innerText()).toContain('1 change pending');
    expect(await bar.innerText()).not.toContain('The image itself is not changed yet');
    expect(await bar.getByRole('button', { name: 'Discard…' }).isDisabled()).toBe(true);
    expect(await bar.locator('[title]').first().getAttribute('title')).toBe('The changes reached the image in part: apply them again, to finish it');
    expect(await page.getByRole('button', { name: /^Undo/ }).isDisabled()).toBe(true);
    expect(await told.getByRole('button', { name: 'Save as new image…' }).isDisabled()).toBe(false);
    await told.getByRole('button', { name: 'Apply again' }).click();
    await page.getByText(/the changes are in the image/).first().waitFor();
    await told.waitFor({ state: 'detached' });
    await bar.waitFor({ state: 'detached' });
    await page.context().close();
  }, 90_000);

  test('what became of an Apply that was interrupted is told at the opening, until it is dismissed', async () => {
    const page = await begin();
    // The next message takes its place at once.
    await page.getByTestId('announcer').evaluate((announcer) => {
      const heard: string[] = [];
      Object.assign(globalThis, { heard });
      new MutationObserver(() => heard.push(announcer.textContent ?? '')).observe(announcer, { subtree: true, childList: true, characterData: true });
    });
    await openImage(page, 'finished-apply.ext4');
    const finished = page.getByRole('region', { name: 'An interrupted Apply was finished' });
    await finished.getByText('They have been finished now.').waitFor();
    await expect.poll(() => page.evaluate(() => (globalThis as unknown as { heard: string[] }).heard)).toContain('An interrupted Apply was finished');
    await openImage(page, 'foreign-apply.ext4');
    const foreign = page.getByRole('alert', { name: 'Changes of an interrupted Apply were left aside' });
    await foreign.getByText(/delete \/home\/me/).waitFor();
    await foreign.getByRole('button', { name: 'Copy details' }).click();
    await foreign.getByRole('button', { name: 'Dismiss' }).click();
    await foreign.waitFor({ state: 'detached' });
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('grid');
    // Of another tab's it is still to be read; what was dismissed stays so.
    await page.getByRole('tab', { name: /finished-apply/ }).click();
    await finished.getByRole('button', { name: 'Dismiss' }).click();
    await finished.waitFor({ state: 'detached' });
    await page.getByRole('tab', { name: /foreign-apply/ }).click();
    await page.getByRole('grid').waitFor();
    await expect.poll(() => foreign.count()).toBe(0);
    await page.context().close();
  }, 90_000);

  test('copied in one image, pasted into another', async () => {
    const page = await begin();
    await openImage(page, 'dirty.ext4');
    await selectEntry(page, 'etc');
    await page.keyboard.press('Control+c');
    await openUnlocked(page);
    await page.getByRole('grid').focus();
    await page.keyboard.press('Control+v');
    await row(page, 'pasted\\.txt').waitFor();
    await expect.poll(() => pending(page).innerText()).toContain('1 change pending');
    await page.context().close();
  }, 90_000);

  test.each([['picture', 'is deleted where it was'], ['broken inode', 'which could not be read as a whole, stays where it was']])('cut in one image and pasted into another, “%s” %s', async (name) => {
    const page = await begin();
    await openImage(page, 'dirty.ext4');
    await page.keyboard.press('Control+Shift+e');
    await page.getByRole('button', { name: 'Lock again' }).waitFor();
    await openUnlocked(page);
    await selectEntry(page, name);
    await page.keyboard.press('Control+x');
    await page.getByRole('tab', { name: /dirty/ }).click();
    await page.getByRole('grid').focus();
    await page.keyboard.press('Control+v');
    await row(page, 'pasted\\.txt').waitFor();
    const stays = name.startsWith('broken');
    if (stays) await page.locator('.toast', { hasText: 'not deleted where it was' }).waitFor();
    await page.getByRole('tab', { name: /root/ }).click();
    await row(page, 'etc-link').waitFor();
    await expect.poll(() => row(page, name).count()).toBe(stays ? 1 : 0);
    await page.context().close();
  }, 90_000);

  test('an Undo in a notice is of what it tells; keys that are pressed twice do two steps, and one Apply', async () => {
    const page = await begin();
    await openUnlocked(page);
    await selectEntry(page, 'video');
    await page.keyboard.press('Delete');
    await dialog(page).getByRole('button', { name: 'Delete' }).click();
    await page.locator('.toast', { hasText: 'deleted' }).getByRole('button', { name: 'Undo' }).waitFor();
    await renameEntry(page, 'picture', 'portrait.png');
    // The one of the deletion would take the new name back.
    await page.locator('.toast', { hasText: 'Renamed' }).getByRole('button', { name: 'Undo' }).waitFor();
    await page.locator('.toast', { hasText: 'deleted' }).waitFor({ state: 'detached' });
    await page.getByRole('grid').focus();
    await page.evaluate(() => {
      for (let i = 0; i < 2; i++) document.activeElement!.dispatchEvent(new KeyboardEvent('keydown', { key: 'z', code: 'KeyZ', ctrlKey: true, bubbles: true, cancelable: true }));
    });
    await row(page, 'video').waitFor();
    await row(page, 'picture').waitFor();
    await expect.poll(() => page.locator('.toast').allInnerTexts()).toEqual([expect.stringMatching(/Undone: Delete “video/)]);
    await renameEntry(page, 'picture', 'portrait.png');
    await page.getByRole('grid').focus();
    await page.evaluate(() => {
      for (let i = 0; i < 2; i++) document.activeElement!.dispatchEvent(new KeyboardEvent('keydown', { key: 's', code: 'KeyS', ctrlKey: true, bubbles: true, cancelable: true }));
    });
    await page.locator('.toast', { hasText: 'the changes are in the image' }).waitFor();
    await expect.poll(() => page.locator('.toast.tone-error').count()).toBe(0);
    await page.context().close();
  }, 90_000);

  test('“Apply, then close” closes', async () => {
    const page = await begin();
    await openUnlocked(page);
    await renameEntry(page, 'picture', 'portrait.png');
    await page.keyboard.press('Control+w');
    await dialog(page).getByRole('button', { name: 'Apply, then close' }).click();
    await page.getByRole('tab', { name: /^root\.ext4/ }).waitFor({ state: 'detached' });
    await dialog(page).waitFor({ state: 'detached' });
    expect(await open(page)).toBe(0);
    await page.context().close();
  }, 90_000);

  test('what is chosen while the list comes anew stays chosen', async () => {
    const page = await begin();
    await openUnlocked(page);
    await selectEntry(page, 'etc');
    const selected = (): Promise<string> => page.locator('.entry-row[aria-selected=true] .name').first().innerText();
    expect(await selected()).toBe('etc');
    const next = await page.locator('.entry-row[aria-selected=true] + .entry-row .name').first().innerText();
    await page.evaluate(() => {
      for (const [key, ctrlKey] of [['h', true], ['ArrowDown', false]] as const) document.activeElement!.dispatchEvent(new KeyboardEvent('keydown', { key, code: key === 'h' ? 'KeyH' : key, ctrlKey, bubbles: true, cancelable: true }));
    });
    await row(page, '\\.').first().waitFor();
    expect(await selected()).toBe(next);
    await page.context().close();
  }, 90_000);

  test('an image whose process ends says what becomes of its changes; what was read-only is not called editable', async () => {
    const page = await begin();
    await openImage(page, 'root.ext4');
    await row(page, 'etc').first().waitFor();
    await expect.poll(() => page.locator('.badge', { hasText: 'Editable' }).count()).toBe(0);
    await openUnlocked(page, 'dirty.ext4');
    await renameEntry(page, 'picture', 'portrait.png');
    await pending(page).waitFor();
    await page.evaluate(() => {
      const { fake } = globalThis as unknown as { fake: { open: Map<number, object>; send(event: object): void } };
      fake.send({ event: 'lost', image: [...fake.open.keys()].at(-1), reason: 'it was killed' });
    });
    await page.getByRole('heading', { name: /dirty\.ext4 is no longer open/ }).waitFor();
    await page.getByText('1 pending change is lost').waitFor();
    await expect.poll(() => pending(page).count()).toBe(0);
    await page.context().close();
  }, 90_000);

  test('permissions, owner and times are changed in the properties', async () => {
    const page = await begin();
    await openUnlocked(page);
    await selectEntry(page, 'start');
    await page.keyboard.press('Alt+Enter');
    await dialog(page).getByRole('tab', { name: 'Permissions' }).click();
    const octal = dialog(page).getByRole('textbox', { name: 'Mode (octal)' });
    await expect.poll(() => octal.inputValue()).toBe('4755');
    await dialog(page).getByRole('checkbox', { name: 'Others: Write' }).focus();
    await page.keyboard.press(' ');
    await expect.poll(() => octal.inputValue()).toBe('4757');
    await dialog(page).getByRole('textbox', { name: 'Owner (number)' }).fill('root');
    await dialog(page).getByText('A number from 0 to').waitFor();
    await dialog(page).getByRole('textbox', { name: 'Owner (number)' }).fill('1000');
    await dialog(page).getByRole('button', { name: 'Change' }).click();
    await dialog(page).getByText('-rwsr-xrwx').waitFor();
    await dialog(page).getByRole('tab', { name: 'Attributes' }).click();
    await dialog(page).getByRole('button', { name: 'Add attribute…' }).click();
    await dialog(page).getByRole('textbox', { name: 'Name' }).fill('user.comment');
    await dialog(page).getByRole('textbox', { name: 'Value' }).fill('hello');
    await dialog(page).getByRole('radio', { name: 'As hex' }).click();
    await expect.poll(() => dialog(page).getByRole('textbox', { name: 'Value' }).inputValue()).toBe('68 65 6c 6c 6f');
    await dialog(page).getByRole('button', { name: 'Set' }).click();
    // The form has gone with what had the focus in it: Escape is heard all the same.
    await dialog(page).getByRole('button', { name: 'Add attribute…' }).waitFor();
    await page.keyboard.press('Escape');
    await dialog(page).waitFor({ state: 'detached' });
    await expect.poll(() => pending(page).innerText()).toContain('2 changes pending');
    await page.context().close();
  }, 90_000);
});
