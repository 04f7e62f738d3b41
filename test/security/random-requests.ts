import type { RawRequest } from "../api/raw.ts";

/** Of /openapi.json what requests are made from. */
export interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly operationId: string;
  parameters: Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: Schema }>> };
}

export interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema?: Schema;
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: string;
}

/** Numbers in [0, 1), the same ones for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What parsers stumble over. */
const WORDS =
  "0 -1 1e400 NaN null [] {} ' \" `id` $(id) % %00 %zz .. ../.. /etc/passwd . ! constructor __proto__ toString é 💥 amqp://h:x " +
  "amqp://u:p@h:99999// http://[::1 -A -- --x 1/s 0/m 512M";
const TEXTS = ["", " ", "\0", "\n", "\r\nX-A: b", "a b", "' --x", "-A x", "x".repeat(300), "x".repeat(5000)];
const NUMBERS = [0, -1, 1.5, 2 ** 31, 2 ** 53, 2 ** 63, 1e308];
const VALUES = [true, false, null, [], {}, [[]], [null], [1, "a"], { a: null }, JSON.parse('{"__proto__":{"a":1}}')];
const HOSTILE: readonly unknown[] = [...WORDS.split(" "), ...TEXTS, ...NUMBERS, ...VALUES];

/** To a broker that answers nobody each send would take its 15 s. */
const NEVER_GIVEN = ["hostname"];

type Random = () => number;

/** Makes requests that the description allows for, and some that it does not. */
export class RandomRequests {
  readonly #random: Random;
  readonly #operations: readonly { method: string; path: string; operation: Operation }[];

  constructor({ paths }: Description, leftOut: readonly string[], seed: number) {
    this.#random = randomFrom(seed);
    this.#operations = Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item)
        .filter(
          ([method, { operationId }]) => !leftOut.includes(operationId) && method !== "options" && method !== "head",
        )
        .map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
    );
  }

  next(headers: Readonly<Record<string, string>>): RawRequest {
    const { method, path, operation } = this.#pick(this.#operations);
    const place = path.replaceAll(/\{([a-z]+)\}/g, (_, name: string) => this.#pathPart(operation, name));
    const body = operation.requestBody && method !== "GET" && this.#chance(0.6) ? this.#body(operation) : undefined;
    return {
      method,
      path: `${place}?${this.#query(operation)}`,
      headers: { ...headers, ...(body && { "Content-Type": body.type }) },
      ...(body && { body: body.text }),
    };
  }

  #pathPart({ parameters }: Operation, name: string): string {
    const schema = parameters.find((param) => param.in === "path" && param.name === name)?.schema ?? {};
    const value = String(this.#chance(0.8) ? this.#fitting(schema) : this.#pick(HOSTILE));
    // Nothing at all, dots, and the mark of nowait would make it another path.
    return /^(\.*|!)$/.test(value) ? "x" : encodeURIComponent(value).slice(0, 1500);
  }

  #query({ parameters }: Operation): string {
    const query = new URLSearchParams();
    for (const { name, in: place, schema, content } of parameters) {
      if (place !== "query" || NEVER_GIVEN.includes(name) || (name !== "timeout" && !this.#chance(0.15))) continue;
      const wanted = schema ?? content?.["application/json"]?.schema ?? {};
      query.set(name, asText(name === "timeout" || this.#chance(0.6) ? this.#fitting(wanted) : this.#pick(HOSTILE)));
    }
    if (this.#chance(0.03)) query.append("unknown", "1");
    return query.toString().slice(0, 9000);
  }

  #body({ requestBody }: Operation): { type: string; text: string } {
    const type = this.#pick([...Object.keys(requestBody?.content ?? {}), "text/plain"]);
    if (this.#chance(0.1)) return { type, text: String(this.#pick(HOSTILE)) };
    const fields = Object.entries(requestBody?.content["application/json"]?.schema?.properties ?? {})
      .filter(([name]) => name !== "timeout" && !NEVER_GIVEN.includes(name) && this.#chance(0.2))
      .map(([name, schema]) => [name, this.#chance(0.6) ? this.#fitting(schema) : this.#pick(HOSTILE)] as const);
    if (type !== "application/x-www-form-urlencoded") return { type, text: JSON.stringify(Object.fromEntries(fields)) };
    return {
      type,
      text: new URLSearchParams(fields.map(([name, value]): [string, string] => [name, asText(value)])).toString(),
    };
  }

  /** A value as the schema wants it, at its edges rather than in its middle. */
  #fitting(schema: Schema): unknown {
    if ("const" in schema) return schema.const;
    if (schema.enum) return this.#pick(schema.enum);
    if (schema.anyOf) return this.#fitting(this.#pick(schema.anyOf));
    const type = typeof schema.type === "string" ? schema.type : this.#pick(schema.type ?? ["string"]);
    switch (type) {
      case "integer":
      case "number":
        return this.#pick([schema.minimum ?? 0, schema.maximum ?? 100, (schema.minimum ?? 0) + 1]);
      case "boolean":
        return this.#chance(0.5);
      case "array":
        return this.#chance(0.3) ? [] : [this.#fitting(schema.items ?? {})];
      case "object":
        return this.#chance(0.3) ? {} : { A: "b" };
      case "null":
        return null;
      default:
        return schema.format === "uri"
          ? "http://127.0.0.1:1/x"
          : this.#pick(["web", "shop", "t2", "a.b", "/tmp", "n0"]);
    }
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)] as T;
  }
}

const asText = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
