import type { Who } from "../domain/access.ts";
import { CymeError } from "../domain/errors.ts";

const MOST = 200;
/** Beyond them nobody but an admin gets one. */
const MOST_OF_OTHERS = 180;
/** Of one user, or one token. */
const MOST_OF_ONE = 20;
const RETRY_AFTER_S = 10;

/** Places for answers that go on until their reader leaves, bounded so that nobody takes them all. */
export class Places {
  readonly #what: string;
  readonly #taken = new Map<string, number>();
  #count = 0;

  /** `what` is read, as in "200 readers follow …". */
  constructor(what: string) {
    this.#what = what;
  }

  /** Takes one and gives what frees it, once; throws `unavailable`. */
  take(who: Who): () => void {
    const key = keyOf(who);
    const own = key === undefined ? 0 : (this.#taken.get(key) ?? 0);
    if (own >= MOST_OF_ONE) throw this.#tooMany(`"${who.name}" has ${own} readers that`);
    if (this.#count >= (who.role === "admin" ? MOST : MOST_OF_OTHERS)) throw this.#tooMany(`${this.#count} readers`);
    this.#add(key, 1);
    let isTaken = true;
    return () => {
      if (isTaken) this.#add(key, -1);
      isTaken = false;
    };
  }

  #add(key: string | undefined, by: 1 | -1): void {
    this.#count += by;
    if (key === undefined) return;
    const own = (this.#taken.get(key) ?? 0) + by;
    if (own === 0) this.#taken.delete(key);
    else this.#taken.set(key, own);
  }

  #tooMany(who: string): CymeError {
    const message = `${who} follow ${this.#what} of this branch already: ask again later`;
    return new CymeError("unavailable", message, { retry_after: RETRY_AFTER_S });
  }
}

/** A user and a token may have the same name. Undefined for whom nobody knows, and for the owner of the branch. */
function keyOf({ name, by }: Who): string | undefined {
  return name === null ? undefined : `${by === "token" ? "token" : "user"} ${name}`;
}

/** The same answer; `free` is called once its body has ended, in whatever way. */
export function untilOver(response: Response, free: () => void): Response {
  const { body, status, headers } = response;
  if (!body) {
    free();
    return response;
  }
  const reader = body.getReader();
  const passed = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        free();
        controller.close();
      } catch (error) {
        free();
        throw error;
      }
    },
    async cancel(reason) {
      free();
      await reader.cancel(reason);
    },
  });
  return new Response(passed, { status, headers });
}
