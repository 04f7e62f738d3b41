import { ApiError } from "../../api/request.ts";
import type { App } from "../../api/types.ts";

/** The form of an app: what stands in its fields. */
export interface AppFields {
  readonly broker: string;
  readonly arguments: string;
  readonly extra_config: string;
  readonly command: string;
  readonly cwd: string;
  /** One `NAME=value` a line. */
  readonly env: string;
  readonly stop_timeout: string;
}

export const NO_FIELDS: AppFields = {
  broker: "",
  arguments: "",
  extra_config: "",
  command: "",
  cwd: "",
  env: "",
  stop_timeout: "",
};

/** What the form begins with. The broker's field is empty, since its URL would show the password: empty leaves it as it is. */
export function fieldsOf(app: App): AppFields {
  return {
    broker: "",
    arguments: app.arguments ?? "",
    extra_config: app.extra_config ?? "",
    command: app.command ?? "",
    cwd: app.cwd ?? "",
    env: envText(app.env),
    stop_timeout: app.stop_timeout === null ? "" : String(app.stop_timeout),
  };
}

/** The parameters that bring an app from `before` to `after`: what was changed alone, null where a field was emptied. Throws ApiError. */
export function changes(before: AppFields, after: AppFields): Record<string, unknown> {
  const keys = (Object.keys(after) as (keyof AppFields)[]).filter((key) => after[key] !== before[key]);
  return Object.fromEntries(keys.map((key) => [key, valueOf(key, after[key])]));
}

function valueOf(key: keyof AppFields, text: string): unknown {
  if (text.trim() === "") return null;
  return key === "env" ? parseEnv(text) : text;
}

const envText = (env: App["env"]) =>
  Object.entries(env ?? {})
    .map(([name, value]) => `${name}=${value ?? ""}`)
    .join("\n");

/** Lines of `NAME=value`. Throws ApiError as the API would, which gets no lines. */
function parseEnv(text: string): Record<string, string> {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return Object.fromEntries(
    lines.map((line, i) => {
      const at = line.indexOf("=");
      if (at < 1) {
        const facts = { error: "invalid", parameter: "env" };
        throw new ApiError(
          400,
          `Cannot use env: wanted NAME=value on each line, line ${i + 1} has no name and =`,
          facts,
        );
      }
      return [line.slice(0, at).trim(), line.slice(at + 1)];
    }),
  );
}

/** Where an app's broker is, without the password. */
export function brokerText({ broker: { userid, hostname, port, virtual_host: vhost } }: App): string {
  return `${userid}@${hostname}:${port}${vhost === "/" ? "" : `/${vhost}`}`;
}
