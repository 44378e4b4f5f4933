import { once } from 'node:events';
import { WebSocket } from 'ws';
import { until } from './window.ts';

/** Where keys lead that a page hears: code and Windows' number of the key. */
const KEYS: Readonly<Record<string, readonly [code: string, number: number]>> = { e: ['KeyE', 69], g: ['KeyG', 71], s: ['KeyS', 83] };

/**
 * A window's page by the DevTools protocol alone: a packaged app can't be asked for more, for its inspector is closed, and Playwright asks a browser for
 * what Electron has not.
 */
export class ProtocolPage {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: { result?: unknown; error?: { message: string } }) => void>();
  #last = 0;

  /** @param browser "ws://127.0.0.1:1234/…" that the program said it listens on */
  static async of(browser: string): Promise<ProtocolPage> {
    const { host } = new URL(browser);
    let address: string | undefined;
    await until(async () => {
      const targets = (await (await fetch(`http://${host}/json/list`)).json()) as readonly { type: string; webSocketDebuggerUrl: string }[];
      address = targets.find(({ type }) => type === 'page')?.webSocketDebuggerUrl;
      if (address === undefined) throw new Error('There is no page yet');
    }, 60_000);
    const socket = new WebSocket(address!);
    await once(socket, 'open');
    return new ProtocolPage(socket);
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      const { id, ...answer } = JSON.parse(data.toString()) as { id?: number; result?: unknown; error?: { message: string } };
      if (id === undefined) return;
      this.#waiting.get(id)?.(answer);
      this.#waiting.delete(id);
    });
  }

  /** The value of an expression in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = (await this.#send('Runtime.evaluate', { expression, returnByValue: true })) as { result: { value: T }; exceptionDetails?: { text: string; exception?: { description?: string } } };
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits until the page shows a text. */
  shows(pattern: RegExp): Promise<void> {
    return until(async () => {
      const text = await this.evaluate<string>('document.body.innerText');
      if (!pattern.test(text)) throw new Error(`The page does not show ${pattern}:\n${text}`);
    }, 60_000);
  }

  /** Clicks the button with this text, once it is there and can be pressed. */
  click(name: string): Promise<void> {
    return until(async () => {
      const clicked = await this.evaluate<boolean>(`(() => { const button = [...document.querySelectorAll('button')].find((each) => each.innerText.trim() === ${JSON.stringify(name)} && !each.disabled); button?.click(); return button !== undefined; })()`);
      if (!clicked) throw new Error(`There is no button "${name}"`);
    }, 60_000);
  }

  /** Ctrl with a key, and Shift where that is asked for, in the grid of files. */
  async press(key: string, shift = false): Promise<void> {
    const [code, windowsVirtualKeyCode] = KEYS[key]!;
    await this.evaluate('document.querySelector("[role=grid]")?.focus()');
    for (const type of ['rawKeyDown', 'keyUp']) await this.#send('Input.dispatchKeyEvent', { type, key: shift ? key.toUpperCase() : key, code, windowsVirtualKeyCode, modifiers: 2 + (shift ? 8 : 0) });
  }

  close(): void {
    this.#socket.close();
  }

  #send(method: string, params: object): Promise<unknown> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => (error === undefined ? resolve(result) : reject(new Error(error.message))));
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }
}
