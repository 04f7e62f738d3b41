import { invalid } from "../domain/errors.ts";
import type { ClientCall } from "./command.ts";
import type { Option } from "./option.ts";

const WORKER_PARAMETERS: readonly Option[] = [
  { name: "arguments", value: "words", about: "For celery worker: --arguments='-A proj'" },
  { name: "extra-config", value: "words", about: "Celery settings, key=value" },
  { name: "command", value: "command", about: "How to call Celery, such as /path/venv/bin/celery" },
  { name: "cwd", value: "dir", about: "Where the worker runs; its own folder by default", takes: "folder" },
  { name: "env", value: "NAME=value", about: "Variable of the worker; may be repeated", multiple: true },
  { name: "stop-timeout", value: "seconds", about: "How long running tasks may take when it stops" },
];

/** Each is the route's parameter of the same name, with _ for -; the broker is the option of all client commands. */
export const APP_PARAMETERS: readonly Option[] = [
  ...WORKER_PARAMETERS,
  { name: "hostname", value: "host", about: "The broker's host, instead of --broker" },
  { name: "port", value: "port", about: "The broker's port, with --hostname" },
  { name: "userid", value: "user", about: "The broker's user, with --hostname" },
  { name: "password", value: "password", about: "The broker's password; ps shows it" },
  { name: "virtual-host", value: "vhost", about: "The broker's virtual host, with --hostname" },
];

export const INSTANCE_PARAMETERS: readonly Option[] = [
  ...WORKER_PARAMETERS,
  { name: "branch", value: "id", about: "The branch that is to run it", takes: "branch" },
  { name: "pool", value: "pool", about: "prefork, threads, solo …", takes: ["prefork", "threads", "solo"] },
  { name: "queues", value: "names", about: "Queues to consume from, separated by commas", takes: "queues" },
  { name: "max-concurrency", value: "n", about: "Upper bound of its processes" },
  { name: "min-concurrency", value: "n", about: "Lower bound of its processes" },
  { name: "is-enabled", value: "yes|no", about: "Whether its worker is to run", takes: ["yes", "no"] },
  { name: "restart-max-rate", value: "n/m", about: "How often its worker may die: n/s, n/m or n/h" },
  { name: "user", value: "user", about: "Whom its worker runs as; the branch must be root", takes: "system-user" },
  { name: "max-memory", value: "bytes", about: "Replace its worker above that, such as 512M or 2G" },
  { name: "max-age", value: "seconds", about: "Replace its worker once it is that old" },
];

/** The body of a write: parameter → text, null for "back to the default". */
export type Body = Record<string, string | Record<string, string> | null>;

/**
 * What was given by options and positionals. An empty option is null, an empty positional is not given. Throws `invalid`
 * where both give one parameter. `CYME_BROKER` counts only with `takesBrokerVariable`: changing an app should not change its
 * broker because of a variable.
 */
export function parameters(
  call: ClientCall,
  options: readonly Option[],
  positionals: Readonly<Record<string, string | undefined>>,
  { takesBrokerVariable = false } = {},
): Body {
  const { values } = call;
  const body: Body = {};
  for (const { name } of [...options, { name: "broker" }]) {
    const given = values.raw(name);
    if (given) body[name.replaceAll("-", "_")] = name === "env" ? environment(given) : given.at(-1) || null;
  }
  for (const [key, value] of Object.entries(positionals)) {
    if (value === undefined) continue;
    if (key in body) throw call.misuse(`Cannot take ${key} twice: it is given as an argument and as an option`);
    body[key] = value;
  }
  const broker = values.text("broker");
  if (takesBrokerVariable && !("broker" in body) && !("hostname" in body) && broker) body["broker"] = broker;
  return body;
}

/** The same for a change, which must change something. */
export function changes(call: ClientCall, options: readonly Option[]): Body {
  const body = parameters(call, options, {});
  if (Object.keys(body).length > 0) return body;
  const names = options.map(({ name }) => `--${name}`);
  throw call.misuse(`Cannot change nothing: wanted at least one of --broker ${names.join(" ")}`);
}

function environment(given: readonly string[]): Record<string, string> | null {
  const words = given.filter((word) => word !== "");
  if (words.length === 0) return null;
  return Object.fromEntries(
    words.map((word) => {
      const equals = word.indexOf("=");
      // A word without = may be the value itself, and so a secret.
      if (equals < 1) throw invalid("--env", "NAME=value");
      return [word.slice(0, equals), word.slice(equals + 1)];
    }),
  );
}
