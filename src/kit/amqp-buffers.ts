/** The client publishes with buffers of this size, and with a larger one for a body that does not fit. */
const BUFFER_BYTES = 8192;
const JOINED_BYTES = 256 * 1024;

/**
 * The client's store of buffers for publishing, which it would fill with one as large as each message, for ever: only the
 * small ones are kept.
 */
export class SmallBuffers extends Array<ArrayBufferView> {
  override push(...buffers: ArrayBufferView[]): number {
    return super.push(...buffers.filter(({ byteLength }) => byteLength <= BUFFER_BYTES));
  }
}

/** Collects what is sent within one turn of the event loop, and writes it at once: many small messages cost one call. */
export class CorkedWrites {
  readonly #write: (bytes: Uint8Array) => void;
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  /** `bytes` may be used again once this has returned, unless they belong to a large buffer. */
  add(bytes: Uint8Array): void {
    if (this.#chunks.length === 0) setImmediate(() => this.#flush());
    // A copy, since the client uses small buffers again; see SmallBuffers.
    this.#chunks.push(bytes.buffer.byteLength <= BUFFER_BYTES ? bytes.slice() : bytes);
    this.#bytes += bytes.byteLength;
  }

  #flush(): void {
    const [chunks, bytes] = [this.#chunks, this.#bytes];
    this.#chunks = [];
    this.#bytes = 0;
    if (bytes <= JOINED_BYTES) this.#write(Buffer.concat(chunks, bytes));
    else for (const chunk of chunks) this.#write(chunk);
  }
}
