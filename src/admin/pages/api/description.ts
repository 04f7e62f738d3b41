/** What GET /openapi.json says, as far as the page shows it. */
export interface Description {
  readonly info: { readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly "x-role": string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: unknown;
  readonly responses: Readonly<Record<string, { readonly $ref?: string; readonly description?: string }>>;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly description?: string;
  readonly schema?: Shape;
  readonly content?: Readonly<Record<string, { readonly schema: Shape }>>;
}

interface Shape {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** One thing that can be asked for. */
export interface Call {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly role: string;
  readonly params: readonly Param[];
  /** Statuses, each with the code of the error that it is. */
  readonly answers: readonly { readonly status: string; readonly error: string | null }[];
  readonly curl: string;
}

interface Param {
  readonly name: string;
  /** path, query, header; "query or body" where it may stand in either. */
  readonly place: string;
  readonly kind: string;
  readonly about: string;
}

/** All calls by what they are about, in the order of the description. */
export function callsByTag({ paths }: Description, origin: string): ReadonlyMap<string, readonly Call[]> {
  const all = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      tag: operation.tags[0] ?? "",
      call: callOf(method, path, operation, origin),
    })),
  );
  const groups = Map.groupBy(all, ({ tag }) => tag);
  return new Map([...groups].map(([tag, calls]) => [tag, calls.map(({ call }) => call)]));
}

function callOf(method: string, path: string, operation: Operation, origin: string): Call {
  const upper = method.toUpperCase();
  const params = operation.parameters.map((param) => paramOf(param, operation.requestBody !== undefined));
  return {
    id: operation.operationId,
    method: upper,
    path,
    summary: operation.summary,
    role: operation["x-role"],
    params,
    answers: Object.entries(operation.responses).map(([status, { $ref }]) => ({
      status,
      error: $ref?.replace(/^.*\//, "") ?? null,
    })),
    curl: curlOf(upper, path, operation["x-role"], origin),
  };
}

function paramOf({ name, in: place, description, schema, content }: Parameter, hasBody: boolean): Param {
  const shape = schema ?? content?.["application/json"]?.schema ?? {};
  return {
    name,
    place: place === "query" && hasBody ? "query or body" : place,
    kind: kindOf(shape),
    about: description ?? "",
  };
}

/** `integer, 1 to 10000`, or the words that it may be. */
export function kindOf({ type, enum: words, format, minimum, maximum }: Shape): string {
  if (words) return words.join(" · ");
  const name = typeof type === "string" ? type : (type ?? []).join(" or ");
  const range = minimum === undefined ? "" : maximum === undefined ? `, from ${minimum}` : `, ${minimum} to ${maximum}`;
  return `${format ?? (name === "string" ? "text" : name)}${range}`;
}

/** A line for a shell. The token stands in a variable, so that no history of a shell has it. */
export function curlOf(method: string, path: string, role: string, origin: string): string {
  const verb = method === "GET" ? "" : method === "HEAD" ? " -I" : ` -X ${method}`;
  const token = role === "open" ? "" : ` -H "Authorization: Bearer $CYME_TOKEN"`;
  return `curl${verb}${token} '${origin}${path}'`;
}
