import type { Transport } from "../../client/transport.ts";
import { splitWords } from "../../kit/shell-words.ts";
import type { Environment, Io } from "../io.ts";
import type { Rooms } from "../rooms.ts";
import { openTransport } from "../target.ts";
import { liveNames, type Read } from "./live-names.ts";
import { wantedBy } from "./wanted.ts";

interface Surroundings {
  readonly env: Environment;
  readonly io: Io;
  readonly rooms: Rooms;
}

/** What a person waits for one press of the key at most. */
const DEADLINE_MS = 1000;

/**
 * What the shells call for names that only a branch knows. On standard input stand the words of the command line up to the one that is
 * completed, without the program's own name, each ended by a NUL: they may hold secrets, and `ps` shows arguments to all. As typed, in
 * their quotes, with `quoted`. Prints what the last word can become, one a line; an option's value without the option.
 * Silent, and 0, whatever is wrong.
 */
export async function complete(quoted: boolean, given: Surroundings): Promise<number> {
  const { io } = given;
  const late = AbortSignal.timeout(DEADLINE_MS);
  const done = answer(quoted, given, AbortSignal.any([io.signal, late])).catch(() => {});
  const isLate = await Promise.race([done.then(() => false), aborted(late)]);
  // Whatever still goes on is not waited for.
  if (isLate) io.host.exit(0);
  return 0;
}

const aborted = (signal: AbortSignal) =>
  new Promise<true>((resolve) => signal.addEventListener("abort", () => resolve(true), { once: true }));

async function answer(quoted: boolean, { env, io, rooms }: Surroundings, signal: AbortSignal): Promise<void> {
  const text = new TextDecoder().decode(await rooms.readFile("-", signal));
  const words = text.split("\0").slice(0, -1);
  const typed = (quoted ? words.map(unquoted) : words).map((word) => withHome(word, env));
  const wanted = wantedBy(typed, env);
  if (!wanted) return;
  const { values } = wanted;
  // As Enter would: CYME_TOKEN goes to the branch of the line, and the token of the configuration to its own branch alone. With less
  // there would be no names where a login is wanted, and nothing is kept from a host that the command itself would tell.
  const transport = await openTransport({}, { values, env, io: { stderr() {}, signal }, rooms });
  try {
    const names = await liveNames(wanted, reading(transport, signal));
    if (names.length > 0) io.stdout(`${names.join("\n")}\n`);
  } finally {
    await transport[Symbol.asyncDispose]?.();
  }
}

const reading =
  (transport: Transport, signal: AbortSignal): Read =>
  async (path, query = {}) => {
    const { status, headers, text } = await transport({ method: "GET", path, query, timeoutMs: DEADLINE_MS, signal });
    if (status !== 200) throw new Error(`Status ${status}`);
    return { body: JSON.parse(text), silent: headers.get("X-Cyme-Silent")?.split(/,\s*/) ?? [] };
  };

/** One word without its quotes; the last one's may be open still. */
function unquoted(word: string): string {
  for (const end of ["", '"', "'"]) {
    try {
      return splitWords(`${word}${end}`)[0] ?? "";
    } catch {
      // It ends otherwise.
    }
  }
  return word;
}

const withHome = (word: string, { HOME }: Environment) =>
  word.startsWith("~/") && HOME !== undefined ? `${HOME}${word.slice(1)}` : word;
