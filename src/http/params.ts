import { CymeError, invalid, show } from "../domain/errors.ts";
import { refuseDeep, type Params } from "../domain/fields.ts";
import { systemClock, type Clock } from "../kit/clock.ts";

/** Parameters by name, with where they came from; values of a query or form are text. */
type Given = Map<string, unknown>;

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * The parameters of a request: query and, but for GET and HEAD, body (JSON, form or multipart); the query wins. Empty
 * values of a query or form count as not given. Throws `invalid` for unknown and repeated ones, `too-large` past `maxBody` bytes.
 */
export async function readParams(
  request: Request,
  query: string,
  known: readonly string[],
  maxBody: number,
): Promise<Params> {
  const fromQuery = readPairs(new URLSearchParams(query), "the query");
  const hasBody = request.method !== "GET" && request.method !== "HEAD";
  const fromBody = hasBody ? await readBody(request, maxBody) : new Map<string, unknown>();
  const params: Record<string, unknown> = Object.create(null);
  for (const [name, value] of [...fromBody, ...fromQuery]) {
    if (!known.includes(name)) {
      // curl -d sends a form unless it is told otherwise.
      if (name.trimStart().startsWith("{")) throw invalid("the body", "content-type: application/json for JSON");
      const wanted = `one of ${known.join(", ")}`;
      throw new CymeError("invalid", `Unknown parameter ${show(name)}: wanted ${wanted}`, { parameter: name, wanted });
    }
    if (value !== undefined) params[name] = value;
  }
  return params;
}

async function readBody(request: Request, maxBody: number): Promise<Given> {
  const bytes = await readBytes(request, maxBody);
  if (bytes.length === 0) return new Map();
  const type = (request.headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  switch (type) {
    case "application/x-www-form-urlencoded":
      return readPairs(new URLSearchParams(decode(bytes)), "the form");
    case "multipart/form-data":
      return readMultipart(request, bytes);
    case "application/json":
    case "":
      return readJson(decode(bytes));
    default:
      throw invalid("content-type", "application/json, application/x-www-form-urlencoded or multipart/form-data", type);
  }
}

/** So many bytes have to come within this time: who sends slower holds a connection for nothing. */
const PACE_BYTES = 64 * 1024;
const PACE_MS = 60_000;

/** The body; throws `too-large` past `maxBody` bytes, and `timeout` where it comes too slowly. */
export async function readBytes(
  request: Pick<Request, "headers" | "body">,
  maxBody: number,
  clock: Clock = systemClock,
): Promise<Uint8Array> {
  const tooLarge = () =>
    new CymeError("too-large", `The body is larger than ${maxBody} bytes, the most here (--max-body)`, {
      max_body: maxBody,
    });
  if (Number(request.headers.get("content-length") ?? 0) > maxBody) throw tooLarge();
  if (!request.body) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  const pace = new Pace(clock);
  const reader = request.body.getReader();
  try {
    for (let read = await pace.keep(reader.read()); !read.done; read = await pace.keep(reader.read())) {
      length += read.value.length;
      // A chunked body does not say its length beforehand.
      if (length > maxBody) throw tooLarge();
      chunks.push(read.value);
      pace.came(read.value.length);
    }
  } catch (error) {
    reader.cancel().catch(() => {}); // Nobody waits for the rest.
    throw error;
  } finally {
    pace.end();
  }
  return Buffer.concat(chunks);
}

/** Ends what comes too slowly. */
class Pace {
  readonly #clock: Clock;
  readonly #late = Promise.withResolvers<never>();
  #cancel: () => void;
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#cancel = this.#within();
    // It is late as well where nobody waits just then.
    this.#late.promise.catch(() => {});
  }

  keep<T>(part: Promise<T>): Promise<T> {
    return Promise.race([part, this.#late.promise]);
  }

  came(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < PACE_BYTES) return;
    this.#bytes = 0;
    this.#cancel();
    this.#cancel = this.#within();
  }

  end(): void {
    this.#cancel();
  }

  #within(): () => void {
    return this.#clock.after(PACE_MS, () => {
      const message = `The body comes too slowly: wanted all of it, or ${PACE_BYTES} bytes, within ${PACE_MS / 1000} s`;
      this.#late.reject(new CymeError("timeout", message, { stored: false }));
    });
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw invalid("the body", "text in UTF-8");
  }
}

function readJson(text: string): Given {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid("the body", `a JSON object (${error instanceof Error ? error.message : "it cannot be parsed"})`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid("the body", "a JSON object", value);
  }
  refuseDeep("the body", value);
  return new Map(Object.entries(value));
}

async function readMultipart(request: Request, bytes: Uint8Array): Promise<Given> {
  const headers = { "content-type": request.headers.get("content-type") ?? "" };
  const form = await new Response(bytes, { headers }).formData().catch(() => {
    throw invalid("the body", "a multipart form");
  });
  const pairs: [string, string][] = [];
  for (const [name, value] of form.entries()) {
    if (typeof value !== "string") throw invalid(`parameter "${name.slice(0, 60)}"`, "text", "a file");
    pairs.push([name, value]);
  }
  return readPairs(pairs, "the form");
}

/** Empty values stay as undefined, so that an unknown name is still seen. */
function readPairs(pairs: Iterable<[string, string]>, where: string): Given {
  const given: Given = new Map();
  for (const [name, value] of pairs) {
    if (given.has(name)) {
      const wanted = `it once in ${where}`;
      const message = `Cannot use parameter ${show(name)}: wanted ${wanted}, got more than one`;
      throw new CymeError("invalid", message, { parameter: name, wanted });
    }
    given.set(name, value === "" ? undefined : value);
  }
  return given;
}
