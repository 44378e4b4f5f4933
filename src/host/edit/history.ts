import type { OverlayDevice } from '../../engines/core/bytes/overlay.ts';
import type { EditOperation, OperationStart } from './editing.ts';

/** The operations behind the steps of an overlay: each step that wrote something has one. */
export class History {
  readonly #overlay: OverlayDevice;
  #done: EditOperation[] = [];
  #undone: EditOperation[] = [];
  #last = 0;

  constructor(overlay: OverlayDevice) {
    this.#overlay = overlay;
  }

  /** In order, without those that were undone. */
  get operations(): readonly EditOperation[] {
    return this.#done;
  }

  get undoable(): EditOperation | undefined {
    return this.#done.at(-1);
  }

  get redoable(): EditOperation | undefined {
    return this.#undone.at(-1);
  }

  /** A step begins. */
  begin(): void {
    this.#overlay.mark();
  }

  /** The step ended; without a change it was none. */
  end({ text, layer, joins = false }: OperationStart): void {
    const before = this.#done.at(-1);
    if (this.#overlay.steps.undo > this.#done.length) {
      const goesOn = joins && before?.text === text && before.layer === layer;
      if (goesOn) {
        this.#overlay.join();
        this.#done.pop();
      }
      this.#done.push({ id: goesOn ? before.id : ++this.#last, text, layer, bytes: this.#overlay.stepBytes, time: Date.now() });
    }
    // What could be done again is gone with the first change.
    this.#undone.length = this.#overlay.steps.redo;
  }

  undo(): EditOperation | undefined {
    if (!this.#overlay.undo()) return undefined;
    const operation = this.#done.pop()!;
    this.#undone.push(operation);
    return operation;
  }

  redo(): EditOperation | undefined {
    if (!this.#overlay.redo()) return undefined;
    const operation = this.#undone.pop()!;
    this.#done.push(operation);
    return operation;
  }

  /** What the running step wrote is taken back; it can't be done again. */
  rollBack(): void {
    this.#overlay.rollBack();
  }

  forget(): void {
    this.#done = [];
    this.#undone = [];
  }
}
