import { ROLES } from "../domain/access.ts";
import { POOLS } from "../domain/instance.ts";
import { ANY, described, listOf, mapOf, nullable, oneOf, seconds, TEXT, whole, type Schema } from "./schema.ts";

/** A parameter: in a JSON body as `json` says, where null is back to the default; in a query as `query` says. */
export interface ParamSchema {
  readonly about: string;
  readonly json: Schema;
  readonly query: Schema;
  /** How the query writes what is no plain value: JSON, or a list with commas. */
  readonly written?: "json" | "commas";
}

const FLAGS = oneOf(["1", "true", "yes", "on", "0", "false", "no", "off"]);
const DAY_S = 24 * 3600;
const YEAR_S = 365 * DAY_S;

/** The same in JSON and in a query, but for null. */
const plain = (about: string, schema: Schema): ParamSchema => ({ about, json: nullable(schema), query: schema });
const text = (about: string, maxLength = 16_384) => plain(about, { ...TEXT, maxLength });
const flag = (about: string): ParamSchema => ({
  about,
  json: { anyOf: [{ type: ["boolean", "null"] }, FLAGS] },
  query: FLAGS,
});
const json = (about: string, schema: Schema): ParamSchema => ({
  about,
  json: nullable(schema),
  query: schema,
  written: "json",
});
const names = (about: string): ParamSchema => ({
  about,
  json: { anyOf: [{ type: ["array", "null"], items: TEXT }, TEXT] },
  query: listOf(TEXT),
  written: "commas",
});

const ROLE = plain("What it may do; viewer where it is not given", oneOf(ROLES));

const BY_NAME: Readonly<Record<string, ParamSchema>> = {
  timeout: plain("Seconds that the answer may take; 60 where it is not given", seconds(0, DAY_S)),

  broker: text("URL of the broker, amqp:// or amqps://, with user and password; not beside hostname"),
  hostname: text("Host of the broker; without it the four that follow are ignored", 255),
  port: plain("Port of the broker", whole(1, 65_535)),
  userid: text("User at the broker", 255),
  password: text("Password at the broker", 1024),
  virtual_host: text("Virtual host of the broker", 255),
  vhost: text("The same as virtual_host", 255),
  arguments: text("Words for celery worker, split as a shell does"),
  extra_config: text("Celery settings, key=value words"),
  command: text("How to call Celery"),
  cwd: text("Absolute path where workers run", 4000),
  env: json("Environment variables", mapOf({ ...TEXT, maxLength: 65_536 })),
  stop_timeout: plain("Seconds that running tasks get when a worker is stopped", seconds(0, 7 * DAY_S)),

  branch: text("Id of the branch that is to have it", 64),
  pool: plain("The pool of the worker; processes is prefork", oneOf([...POOLS, "processes"])),
  queues: names("Declared queues to consume from"),
  max_concurrency: plain("Most processes or threads of the worker", whole(1, 10_000)),
  min_concurrency: plain("Fewest of them", whole(0, 10_000)),
  is_enabled: flag("Whether its worker is to run"),
  restart_max_rate: plain("How often its worker may die", { ...TEXT, pattern: "^[0-9]{1,6}/[smh]$" }),
  user: text("User of the machine that its worker runs as", 65),
  max_memory: {
    about: "Bytes above which its worker is replaced, also as 512M or 2G",
    json: { anyOf: [nullable(whole(2 ** 20, 2 ** 50)), TEXT] },
    query: TEXT,
  },
  max_age: plain("Seconds after which its worker is replaced", seconds(1, 10 * YEAR_S)),
  max: plain("Most processes or threads of the worker", whole(1, 10_000)),
  min: plain("Fewest of them", whole(0, 10_000)),

  exchange: text("Default: the name of the queue", 255),
  exchange_type: plain("direct where it is not given", {
    ...TEXT,
    pattern: "^(direct|topic|fanout|headers|x-[a-z][a-z-]{0,60})$",
  }),
  routing_key: text("Default: the name of the queue", 255),
  options: json("Those of kombu's entry_to_queue but bindings", mapOf(ANY)),

  args: json("Arguments of the task", listOf(ANY)),
  kwargs: json("Arguments of the task by name", mapOf(ANY)),
  eta: text("Not before this moment, ISO 8601"),
  expires: {
    about: "Not after this moment (ISO 8601), or so many seconds from now",
    json: { anyOf: [nullable(seconds(0, 10 * YEAR_S)), TEXT] },
    query: TEXT,
  },
  priority: plain("For queues that are declared with x-max-priority", whole(0, 255)),
  headers: json("Headers of the message", mapOf(ANY)),

  detail: flag("The objects and not only their names"),
  rolling: flag("One after another, and no queue is left alone"),
  forget: flag("Remove a branch that is away with all that it owns"),
  lines: plain("Last lines of the log; 100 where it is not given", whole(0, 100_000)),
  follow: flag("Go on with what is added"),
};

const LIMIT = (most: number) => plain("At most so many; 100 where it is not given", whole(1, most));
const BEFORE = text("A time (ISO 8601): what was before it, as for the page that follows");
/** Parameters that mean something else on some routes, by how their patterns begin. */
const ON_SOME: readonly (readonly [prefix: string, params: Readonly<Record<string, ParamSchema>>])[] = [
  [
    "/api/audit",
    {
      limit: plain("How many; 100 where it is not given", whole(1, 1000)),
      before: text("Older than this moment, ISO 8601", 40),
    },
  ],
  ["/api/session", { name: text("Of the user", 128), password: text("Of the user", 1024) }],
  ["/api/users", { password: text("8 characters or more", 1024), role: ROLE }],
  [
    "/api/tasks",
    { app: text("Of this app alone"), state: text("In this state alone"), limit: LIMIT(1000), before: BEFORE },
  ],
  [
    "/api/tokens",
    {
      role: ROLE,
      expires: plain("How long it is good for; for ever without it", { ...TEXT, pattern: "^[0-9]{1,9}[smhd]$" }),
    },
  ],
];

/** The schema of a parameter of the route of `pattern`; undefined where it has none, which a test does not let happen. */
export function paramSchema(pattern: string, name: string): ParamSchema | undefined {
  const special = ON_SOME.find(([prefix, params]) => pattern.startsWith(prefix) && name in params);
  const found = special ? special[1][name] : BY_NAME[name];
  return found && { ...found, json: described(found.json, found.about) };
}
