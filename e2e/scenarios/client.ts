import type { Page } from 'playwright-core';
import type { Account } from '../harness/account.ts';

/** A client of the contract as the shared scenarios drive it: the same page in Electron and in a browser. */
export interface TestClient {
  readonly name: 'electron' | 'browser' | 'ordinary';
  readonly page: Page;
  /** Absolute path of its settings.json. */
  readonly settingsFile: string;
  /** Whose program it is, and who runs the other programs; that of the tests where there is none. */
  readonly account?: Account;
  /** Opens an image as a person of this client does. */
  open(image: string): Promise<void>;
  /** Gives the open extraction dialog its folder. */
  choose(folder: string): Promise<void>;
  /** Copies a file of this computer into the folder that is shown, as a person of this client does. */
  put(path: string): Promise<void>;
  /** Gives the open extraction dialog its folder, with the keyboard alone. */
  chooseByKeys(folder: string): Promise<void>;
}

export const row = (page: Page, name: RegExp) => page.getByRole('grid').getByRole('row', { name }).first();

export const tab = (page: Page, name: string) => page.getByRole('tab', { name, exact: true });

/** Opens the preview pane where it is not open; the list has the focus. */
export async function showPreview(page: Page): Promise<void> {
  const pane = page.getByRole('complementary', { name: 'Preview' });
  if (await pane.count() === 0) await page.keyboard.press('Alt+p');
  await pane.waitFor();
}

/** Starts the extraction of the selection, or of the whole folder where there is none. */
export async function startExtraction(client: Pick<TestClient, 'page' | 'choose'>, folder: string): Promise<void> {
  await client.page.keyboard.press('Control+e');
  await client.page.getByRole('dialog').waitFor();
  await client.choose(folder);
  await client.page.getByRole('dialog').getByRole('button', { name: 'Extract', exact: true }).click();
}

/** Closes what stands in the corner, so that the next message is the next one. */
export async function dismissAll(page: Page): Promise<void> {
  const dismiss = page.getByRole('button', { name: 'Dismiss' });
  while (await dismiss.count() > 0) await dismiss.first().click();
}

/** Closes the tab that is shown. */
export async function closeTab(page: Page, name: string): Promise<void> {
  await page.keyboard.press('Control+w');
  await tab(page, name).waitFor({ state: 'detached' });
}

/** Leaves dialogs, closes all tabs and what stands in the corner. */
export async function tidyUp(page: Page): Promise<void> {
  const over = page.locator('.overlay, .popover, [role=dialog]');
  for (let i = 0; i < 5 && await over.count() > 0; i++) await page.keyboard.press('Escape');
  const tabs = page.locator('[role=tab][data-tab]:visible');
  for (let i = 0; i < 40 && await tabs.count() > 0; i++) {
    // A tab's own field would keep the keys to itself.
    await tabs.first().click();
    await page.keyboard.press('Control+w');
    const discard = page.getByRole('alertdialog').getByRole('button', { name: 'Discard and close' });
    if (await discard.count() > 0) await discard.click();
  }
  await dismissAll(page);
}
