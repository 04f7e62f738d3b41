/** Of what was not read yet, apart from what a stream begins with; bytes. */
const MAX_BEHIND = 1024 * 1024;

/**
 * A stream of bytes to one reader, written as things happen. Who reads too slowly is cut off: it is told all anew when it comes back,
 * and nothing is kept for it.
 */
export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #onEnd: () => void;
  #waiting: { readonly bytes: Uint8Array; readonly isBehind: boolean }[] = [];
  #behind = 0;
  #isOver = false;
  #wake: () => void = () => {};

  /** `onEnd` is called once, whoever ends it. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
    // Nothing is taken before the reader asks for it.
    this.body = new ReadableStream<Uint8Array>(
      { pull: (controller) => this.#pull(controller), cancel: () => this.#leave() },
      { highWaterMark: 0 },
    );
  }

  /** What the stream begins with, which may be long. */
  begin(bytes: Uint8Array): void {
    this.#push(bytes, false);
  }

  /** Much at once is no fault of the reader's: what was written before is what he is behind with. */
  write(bytes: Uint8Array): void {
    if (this.#behind > MAX_BEHIND) this.end();
    else this.#push(bytes, true);
  }

  /** The reader sees the end of it, without what it did not read yet. */
  end(): void {
    this.#leave();
    this.#wake();
  }

  #push(bytes: Uint8Array, isBehind: boolean): void {
    if (this.#isOver) return;
    this.#waiting.push({ bytes, isBehind });
    if (isBehind) this.#behind += bytes.length;
    this.#wake();
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#waiting = [];
    this.#onEnd();
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    while (this.#waiting.length === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const next = this.#waiting.shift();
    if (!next) return controller.close();
    if (next.isBehind) this.#behind -= next.bytes.length;
    controller.enqueue(next.bytes);
  }
}
