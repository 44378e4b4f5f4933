import type { CDPSession, Page } from 'playwright-core';

/** What a screen reader is told of an element: the browser's own accessibility tree. */
export interface Heard {
  readonly role: string;
  readonly name: string;
  readonly description: string;
}

interface AxNode {
  readonly nodeId: string;
  readonly ignored: boolean;
  readonly role?: { readonly value: string };
  readonly name?: { readonly value: string };
  readonly description?: { readonly value: string };
  readonly properties?: readonly { readonly name: string; readonly value: { readonly value?: unknown; readonly relatedNodes?: readonly { readonly backendDOMNodeId: number }[] } }[];
  readonly backendDOMNodeId?: number;
  readonly childIds?: readonly string[];
}

/** Hears a page as a screen reader does: what has the focus, what is around it, and what live regions say. */
export class Reader {
  readonly #page: Page;
  readonly #cdp: CDPSession;

  private constructor(page: Page, cdp: CDPSession) {
    this.#page = page;
    this.#cdp = cdp;
  }

  static async start(page: Page): Promise<Reader> {
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('Accessibility.enable');
    await page.evaluate(() => {
      const said: string[] = [];
      Object.assign(globalThis, { clutchSaid: said });
      const live = '[aria-live]:not([aria-live=off]), [role=status], [role=alert], [role=alertdialog], [role=log]';
      new MutationObserver((changes) => {
        for (const { target, addedNodes } of changes) {
          const element = target instanceof Element ? target : target.parentElement;
          const region = element?.closest(live) ?? [...addedNodes].find((node): node is Element => node instanceof Element && (node.matches(live) || node.querySelector(live) !== null));
          const text = region?.textContent?.trim() ?? '';
          if (text !== '' && said.at(-1) !== text) said.push(text);
        }
      }).observe(document.body, { subtree: true, childList: true, characterData: true });
    });
    return new Reader(page, cdp);
  }

  /** What live regions have said since the last call. */
  said(): Promise<string[]> {
    return this.#page.evaluate(() => (globalThis as unknown as { clutchSaid: string[] }).clutchSaid.splice(0));
  }

  /** The element with the focus; in a list that keeps the focus itself, the row that it means. */
  async focus(): Promise<Heard> {
    const nodes = await this.#nodes();
    const property = (node: AxNode, wanted: string) => node.properties?.find(({ name }) => name === wanted)?.value;
    // The page itself counts as focused, too; the innermost comes last.
    const focused = nodes.findLast((node) => property(node, 'focused')?.value === true);
    const means = focused && property(focused, 'activedescendant')?.relatedNodes?.[0]?.backendDOMNodeId;
    const node = (means === undefined ? undefined : nodes.find(({ backendDOMNodeId }) => backendDOMNodeId === means)) ?? focused;
    return node === undefined ? { role: 'none', name: '', description: '' } : heard(node);
  }

  /** Everything that has a name or is a control, in reading order. */
  async all(): Promise<Heard[]> {
    return (await this.#nodes()).filter((node) => !node.ignored).map(heard);
  }

  async #nodes(): Promise<AxNode[]> {
    const { nodes } = (await this.#cdp.send('Accessibility.getFullAXTree')) as unknown as { nodes: AxNode[] };
    return nodes;
  }

  async stop(): Promise<void> {
    await this.#cdp.detach();
  }
}

function heard(node: AxNode): Heard {
  return { role: node.role?.value ?? '', name: node.name?.value ?? '', description: node.description?.value ?? '' };
}
