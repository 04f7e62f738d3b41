import { ApiError } from "../api/request.ts";
import type { Instance } from "../api/types.ts";

/** An instance as it is typed into a form: "" is what nobody said. */
export interface InstanceValues {
  readonly app: string;
  readonly name: string;
  readonly branch: string;
  readonly pool: string;
  readonly queues: readonly string[];
  readonly max_concurrency: string;
  readonly min_concurrency: string;
  readonly is_enabled: boolean;
  readonly arguments: string;
  readonly extra_config: string;
  readonly stop_timeout: string;
  readonly restart_max_rate: string;
  readonly max_memory: string;
  readonly max_age: string;
  readonly broker: string;
  readonly command: string;
  readonly cwd: string;
  readonly user: string;
  /** One `KEY=value` to a line. */
  readonly env: string;
}

export const POOLS = ["prefork", "threads", "solo", "eventlet", "gevent"];

/** These decide which code runs as whom and with which secrets, so they are for admins. */
export const ADMIN_FIELDS = ["extra_config", "broker", "command", "cwd", "user", "env"] as const;

const NO_PARAMS = new Set(["app", "name"]);

export const newValues = (app: string): InstanceValues => ({
  app,
  name: "",
  branch: "",
  pool: "prefork",
  queues: [],
  max_concurrency: "1",
  min_concurrency: "1",
  is_enabled: true,
  arguments: "",
  extra_config: "",
  stop_timeout: "",
  restart_max_rate: "",
  max_memory: "",
  max_age: "",
  broker: "",
  command: "",
  cwd: "",
  user: "",
  env: "",
});

/** An instance that there is. Its broker is not among the values: what is shown of it may be its app's. */
export function valuesOf(instance: Instance): InstanceValues {
  const text = (value: string | number | null) => (value === null ? "" : String(value));
  return {
    app: instance.app,
    name: instance.name,
    branch: instance.branch,
    pool: instance.pool,
    queues: [...instance.queues].toSorted(),
    max_concurrency: text(instance.max_concurrency),
    min_concurrency: text(instance.min_concurrency),
    is_enabled: instance.is_enabled,
    arguments: text(instance.arguments),
    extra_config: text(instance.extra_config),
    stop_timeout: text(instance.stop_timeout),
    restart_max_rate: text(instance.restart_max_rate),
    max_memory: text(instance.max_memory),
    max_age: text(instance.max_age),
    broker: "",
    command: text(instance.command),
    cwd: text(instance.cwd),
    user: text(instance.user),
    env: envText(instance.env),
  };
}

/** The parameters that make `after` of `before`: what is the same is not said, what was emptied goes back to its default. */
export function changesOf(before: InstanceValues, after: InstanceValues): Record<string, unknown> {
  const changed = Object.entries(after).filter(
    ([key, value]) =>
      !NO_PARAMS.has(key) && JSON.stringify(value) !== JSON.stringify(before[key as keyof InstanceValues]),
  );
  return Object.fromEntries(changed.map(([key, value]) => [key, parameter(key, value)]));
}

function parameter(key: string, value: unknown): unknown {
  if (value === "") return null;
  return key === "env" ? envOf(String(value)) : value;
}

/** Values that may not be seen are left out: whoever may not see them may not change them. */
const envText = (env: Instance["env"]) =>
  Object.entries(env ?? {})
    .flatMap(([key, value]) => (value === null ? [] : [`${key}=${value}`]))
    .join("\n");

/** Throws ApiError for a line that is no `KEY=value`. */
function envOf(text: string): Record<string, string> {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf("=");
      if (at > 0) return [line.slice(0, at).trim(), line.slice(at + 1)];
      const message = `Cannot use env: wanted KEY=value on each line, got a line without =`;
      throw new ApiError(400, message, { error: "invalid", parameter: "env" });
    }),
  );
}
