import Ajv2020 from "ajv/dist/2020";
import { describeApi } from "../../src/http/openapi.ts";
import { routes } from "../../src/http/routes.ts";

interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** An answer, as it is held against the description. */
export interface Answered {
  readonly method: string;
  /** With or without the query. */
  readonly path: string;
  readonly status: number;
  readonly contentType: string | null;
  readonly text: string;
}

const ID = "api";
const document = JSON.parse(JSON.stringify(describeApi(routes, "0", "b1"))) as Described;
const ajv = new Ajv2020({ strict: false, formats: { "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ } });
ajv.addSchema({ $id: ID, ...document });

/** How an answer differs from what /openapi.json says of it, in words; undefined where it does not. HEAD and OPTIONS are not described. */
export function difference({ method, path, status, contentType, text }: Answered): string | undefined {
  const pattern = patternOf(path.replace(/\?.*$/s, ""), method.toLowerCase());
  if (pattern === undefined) return status === 404 || status === 405 ? undefined : `${method} ${path} is not described`;
  const [resolved, responses] = responsesOf(pattern, method.toLowerCase());
  const response = responses[status] as { $ref?: string; content?: Record<string, unknown> } | undefined;
  if (!response) return `${method} ${pattern} is not to answer ${status}: ${text.slice(0, 300)}`;
  const pointer = response.$ref ?? `${resolved}/${status}`;
  const type = (contentType ?? "").split(";", 1)[0] ?? "";
  if (type !== "application/json") {
    const isDescribed = Object.keys(response.content ?? {}).includes(type);
    return isDescribed ? undefined : `${method} ${pattern} is not to answer ${status} in "${type}"`;
  }
  const validate = ajv.getSchema(`${ID}${pointer}/content/application~1json/schema`);
  if (!validate) return `${method} ${pattern} is not to answer ${status} in JSON`;
  if (validate(JSON.parse(text))) return undefined;
  return `${method} ${pattern} answers ${status} otherwise than described: ${ajv.errorsText(validate.errors)}: ${text.slice(0, 300)}`;
}

function responsesOf(pattern: string, method: string): [pointer: string, responses: Record<string, unknown>] {
  const operation = document.paths[pattern]?.[method] as { responses: Record<string, unknown> };
  const escaped = pattern.replaceAll("~", "~0").replaceAll("/", "~1").replaceAll("{", "%7B").replaceAll("}", "%7D");
  return [`#/paths/${escaped}/${method}/responses`, operation.responses];
}

/** Fixed words count before names, as in the table of routes. */
function patternOf(path: string, method: string): string | undefined {
  const slashed = path.endsWith("/") ? path : `${path}/`;
  const fits = (pattern: string) => {
    const source = pattern
      .replace(/\/$/, "")
      .replaceAll(".", "\\.")
      .replaceAll(/\{url\}/g, ".+")
      .replaceAll(/\{[a-z]+\}/g, "[^/]+");
    return new RegExp(`^${source}/$`).test(slashed);
  };
  const found = Object.keys(document.paths).filter(
    (pattern) => fits(pattern) && method in (document.paths[pattern] ?? {}),
  );
  const names = (pattern: string) => pattern.split("{").length;
  return found.toSorted((a, b) => names(a) - names(b))[0];
}
