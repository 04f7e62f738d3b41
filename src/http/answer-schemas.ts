import { ROLES, type Proof } from "../domain/access.ts";
import { POOLS } from "../domain/instance.ts";
import { VERBS } from "../domain/task.ts";
import type { tokenView, userView } from "./accounts.ts";
import {
  ANY,
  BOOLEAN,
  described,
  listOf,
  mapOf,
  nullable,
  NUMBER,
  oneOf,
  record,
  reference,
  TEXT,
  TIME,
  WHOLE,
  whole,
  type Fields,
  type Schema,
} from "./schema.ts";
import type { namedView, taskView, urlView } from "./sends.ts";
import type {
  appView,
  branchView,
  brokerView,
  depthView,
  healthView,
  historyView,
  instanceView,
  otherBranchView,
  queueView,
  samplesView,
  taskRowView,
} from "./views.ts";

/*
 * What answers look like, for the description of the API. The types of the views say which fields there are; that the schemas are
 * right about them is for the tests to see, which hold every answer against them.
 */

const INSTANCE_STATES = [
  "starting",
  "running",
  "unresponsive",
  "backoff",
  "stopping",
  "stopped",
  "disabled",
  "unknown",
];

const PROOFS: readonly Proof[] = ["socket", "open", "password", "token", "session", "branch"];

const LAUNCH = {
  arguments: nullable(TEXT),
  extra_config: nullable(TEXT),
  command: nullable(TEXT),
  cwd: nullable(TEXT),
  env: described(nullable(mapOf(nullable(TEXT))), "Below admin the values are null."),
};

const broker: Fields<ReturnType<typeof brokerView>> = {
  hostname: TEXT,
  port: whole(1, 65_535),
  userid: TEXT,
  password: described(nullable(TEXT), "Below admin it is null."),
  virtual_host: TEXT,
  scheme: oneOf(["amqp", "amqps"]),
};

const app: Fields<ReturnType<typeof appView>> = {
  name: TEXT,
  broker: reference("Broker"),
  ...LAUNCH,
  stop_timeout: NUMBER,
  instances: listOf(TEXT),
  queues: listOf(TEXT),
  created_at: TIME,
};

const instance: Fields<ReturnType<typeof instanceView>> = {
  name: TEXT,
  app: TEXT,
  branch: TEXT,
  is_enabled: BOOLEAN,
  queues: listOf(TEXT),
  broker: reference("Broker"),
  max_concurrency: whole(1),
  min_concurrency: whole(0),
  pool: oneOf(POOLS),
  ...LAUNCH,
  stop_timeout: nullable(NUMBER),
  restart_max_rate: nullable(TEXT),
  user: nullable(TEXT),
  max_memory: nullable(WHOLE),
  max_age: nullable(NUMBER),
  created_at: TIME,
  state: oneOf(INSTANCE_STATES),
  pid: nullable(WHOLE),
  standin_pid: nullable(WHOLE),
  since: TIME,
  restarts: whole(0),
  disabled_reason: nullable(TEXT),
  why: nullable(TEXT),
  is_held: BOOLEAN,
};

const queue: Fields<ReturnType<typeof queueView>> = {
  name: TEXT,
  exchange: TEXT,
  exchange_type: TEXT,
  routing_key: TEXT,
  options: nullable(mapOf(ANY)),
  created_at: TIME,
};

const historyEntry: Fields<ReturnType<typeof historyView>> = {
  at: TIME,
  did: TEXT,
  why: TEXT,
  evidence: mapOf(ANY),
};

const branch: Fields<ReturnType<typeof branchView>> = {
  id: TEXT,
  url: nullable(TEXT),
  port: nullable(WHOLE),
  version: TEXT,
  loglevel: TEXT,
  logfile: nullable(TEXT),
  numc: WHOLE,
  sup_interval: NUMBER,
  started_at: nullable(TIME),
  instances: whole(0),
  load_average: listOf(NUMBER),
  disk_use: nullable(NUMBER),
  broker: TEXT,
  instance_dir: TEXT,
  pid: nullable(WHOLE),
};

const otherBranch: Fields<ReturnType<typeof otherBranchView>> = {
  id: TEXT,
  is_up: described(nullable(BOOLEAN), "Null where the branch that was asked is cut off itself."),
  url: nullable(TEXT),
  version: nullable(TEXT),
  instances: whole(0),
  seen_at: described(nullable(TIME), "Of one that is away: since when it is."),
};

const queueDepth: Fields<ReturnType<typeof depthView>> = {
  app: TEXT,
  name: TEXT,
  messages: described(nullable(WHOLE), "Null where the broker does not say at once."),
  consumers: nullable(WHOLE),
};

/** `why` stands there where something is wrong. */
const component = record({ state: TEXT, since: TIME });

const health: Fields<ReturnType<typeof healthView>> = {
  state: oneOf(["ok", "degraded", "failed"]),
  store: component,
  bus: component,
  supervisor: component,
  http: component,
  results: component,
  loop: nullable(record({ lag_ms: NUMBER, held_at: nullable(TIME), held_ms: nullable(NUMBER) })),
  brokers: mapOf(component),
};

const sentUrl: Fields<ReturnType<typeof urlView>> = {
  uuid: TEXT,
  url: TEXT,
  queue: TEXT,
  method: oneOf(VERBS),
  params: mapOf(ANY),
  data: nullable(TEXT),
  is_base64: BOOLEAN,
  broker: reference("Broker"),
  app: TEXT,
  task: TEXT,
};

/** `result_backend` and `note` stand there where results do not come here. */
const sentTask: Fields<Omit<ReturnType<typeof namedView>, "result_backend" | "note">> = {
  uuid: TEXT,
  task: TEXT,
  queue: TEXT,
  args: listOf(ANY),
  kwargs: mapOf(ANY),
  eta: nullable(TEXT),
  expires: { anyOf: [TEXT, NUMBER, { type: "null" }] },
  priority: nullable(WHOLE),
  headers: nullable(mapOf(ANY)),
  broker: reference("Broker"),
  app: TEXT,
};

/** `error` stands there where the task failed, `result_backend` and `note` where results do not come here. */
const task: Fields<Omit<ReturnType<typeof taskView>, "error" | "result_backend" | "note">> = {
  uuid: TEXT,
  state: TEXT,
  result: ANY,
  app: nullable(TEXT),
  queue: nullable(TEXT),
  task: nullable(TEXT),
  method: nullable(TEXT),
  url: nullable(TEXT),
  sent_at: nullable(TIME),
  changed_at: nullable(TIME),
};

const taskRow: Fields<ReturnType<typeof taskRowView>> = {
  uuid: TEXT,
  app: TEXT,
  queue: TEXT,
  name: TEXT,
  method: nullable(TEXT),
  url: nullable(TEXT),
  state: TEXT,
  sent_at: TIME,
  touched_at: TIME,
  branch: TEXT,
};

const samples: Fields<ReturnType<typeof samplesView>> = {
  interval: described(NUMBER, "Seconds."),
  at: described(listOf(NUMBER), "Milliseconds since 1970."),
  cpu: described(listOf(nullable(NUMBER)), "Percent of a core."),
  rss: described(listOf(nullable(NUMBER)), "Bytes."),
  tasks: described(listOf(nullable(NUMBER)), "A second."),
};

const role = oneOf(ROLES);
const user: Fields<ReturnType<typeof userView>> = { name: TEXT, role, created_at: TIME };
const token: Fields<ReturnType<typeof tokenView>> = { name: TEXT, role, created_at: TIME, expires_at: nullable(TIME) };

/** The objects of the API, by the names that the description gives them. */
export const OBJECTS: Readonly<Record<string, Schema>> = {
  Ok: record({ ok: TEXT }),
  Error: record({ nok: described(TEXT, "One sentence for people."), error: TEXT }),
  Broker: record(broker),
  App: record(app),
  Instance: record(instance),
  Queue: record(queue),
  HistoryEntry: record(historyEntry),
  Branch: record(branch),
  OtherBranch: record(otherBranch),
  QueueDepth: record(queueDepth),
  Health: record(health),
  Bounds: record({ max: whole(1), min: whole(0) }),
  SentUrl: record(sentUrl),
  SentTask: record(sentTask),
  Task: record(task),
  Result: record({ result: ANY }),
  TaskRow: record(taskRow),
  Samples: record(samples),
  User: record(user),
  Token: record(token),
  NewToken: record({
    name: TEXT,
    role,
    expires_at: nullable(TIME),
    token: described(TEXT, "It is shown here, and never again."),
  }),
  AuditEntry: record({
    at: TIME,
    who: nullable(TEXT),
    role: nullable(role),
    by: nullable(oneOf(PROOFS)),
    from: nullable(TEXT),
    branch: TEXT,
    method: TEXT,
    path: TEXT,
    params: mapOf(ANY),
    status: whole(100, 599),
  }),
  LogIn: record({ name: TEXT, role, expires_at: TIME }),
  Session: record({ name: nullable(TEXT), role, by: oneOf(PROOFS), branch: TEXT, version: TEXT, is_open: BOOLEAN }),
};
