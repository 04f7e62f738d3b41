import type { ReadableStreamDefaultReader } from "node:stream/web";

/** One event of a stream of server-sent events. */
export interface ServerSent {
  readonly event: string;
  /** Its JSON. */
  readonly data: Record<string, unknown>;
}

/** Reads a stream of server-sent events, as it comes. Disposing of it leaves the stream. */
export class Events implements AsyncDisposable {
  readonly all: ServerSent[] = [];
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #text = "";
  #isOver = false;

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader();
    void this.#read();
  }

  /** Whether the other side has ended it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** All that came, with what is no event. */
  get text(): string {
    return this.#text;
  }

  /** The last data of such an event whose fields are those of `like`; undefined where none came. */
  last(event: string, like: Record<string, unknown> = {}): Record<string, unknown> | undefined {
    return this.all.findLast((one) => one.event === event && isLike(one.data, like))?.data;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { done, value } = await this.#reader.read().catch(() => ({ done: true, value: undefined }) as const);
      if (done) break;
      const text = decoder.decode(value, { stream: true });
      this.#text += text;
      const blocks = (rest + text).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) this.#take(block);
    }
    this.#isOver = true;
  }

  #take(block: string): void {
    const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
    if (event !== undefined && data !== undefined) this.all.push({ event, data: JSON.parse(data) as never });
  }
}

const isLike = (data: Record<string, unknown>, like: Record<string, unknown>) =>
  Object.entries(like).every(([key, value]) => Bun.deepEquals(data[key], value));
