import { paramSchema } from "./param-schemas.ts";
import { TEXT, type Schema } from "./schema.ts";

/** Whatever has a name: an app, an instance, a queue, a user. */
const NAME: Schema = { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$" };

const IN_PATHS: Readonly<Record<string, { readonly schema: Schema; readonly description?: string }>> = {
  branch: { schema: { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" } },
  uuid: { schema: { type: "string", format: "uuid" } },
  task: { schema: { type: "string", pattern: "^[^\\s/]{1,255}$" }, description: "The full name of the task" },
  url: {
    schema: { type: "string", format: "uri", pattern: "^https?://" },
    description:
      "The URL that is asked for. It may also stand as it is; encoded as a whole (http%3A%2F%2F…) no client changes it.",
  },
};

/** The names in a pattern as parameters of the path. */
export const pathParams = (pattern: string): object[] =>
  [...pattern.matchAll(/:([a-z]+)/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    schema: NAME,
    ...IN_PATHS[name],
  }));

/** The parameters of a route as they stand in a query. */
export const queryParams = (pattern: string, names: readonly string[]): object[] =>
  names.map((name) => {
    const { about = "", query: schema = TEXT, written } = paramSchema(pattern, name) ?? {};
    const value = written === "json" ? { content: { "application/json": { schema } } } : { schema };
    return {
      name,
      in: "query",
      description: about,
      ...value,
      ...(written === "commas" && { style: "form", explode: false }),
    };
  });

/** The same as they stand in a body. */
export function bodyOf(pattern: string, names: readonly string[]): object {
  const inJson = names.map((name) => [name, paramSchema(pattern, name)?.json ?? TEXT] as const);
  const inForm = names.map((name) => [name, formField(pattern, name)] as const);
  const form = { schema: objectOf(inForm) };
  return {
    content: {
      "application/json": { schema: objectOf(inJson) },
      "application/x-www-form-urlencoded": form,
      "multipart/form-data": form,
    },
  };
}

/** Lists and objects are written as text, with commas or as JSON. */
function formField(pattern: string, name: string): Schema {
  const { query = TEXT, written } = paramSchema(pattern, name) ?? {};
  return written === undefined ? query : { ...TEXT, description: written === "json" ? "JSON" : "With commas" };
}

const objectOf = (fields: readonly (readonly [string, Schema])[]): Schema => ({
  type: "object",
  properties: Object.fromEntries(fields),
  additionalProperties: false,
});

/** The header that gives a task an id of the caller's. */
export const TASK_ID_PARAM = {
  name: "X-Cyme-Task",
  in: "header",
  description: "A UUID of your own: sent again under it, it is the same task",
  schema: { type: "string", format: "uuid" },
} as const;
