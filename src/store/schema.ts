import { sql } from "drizzle-orm";
import { foreignKey, index, integer, primaryKey, real, sqliteTable, text, unique } from "drizzle-orm/sqlite-core";
import { ROLES, type Proof } from "../domain/access.ts";
import { DEFINITION_KINDS } from "../domain/definition.ts";
import { VERBS } from "../domain/task.ts";
import type { Ancestry } from "../domain/version.ts";

/*
 * The tables of <instance dir>/branch.db. After a change run `npm run migration -- <name>`, which writes the next file of
 * src/store/migrations and its index. Times are milliseconds since the epoch.
 */

export const settings = sqliteTable("settings", {
  key: text().primaryKey(),
  value: text().notNull(),
});

export const brokers = sqliteTable(
  "brokers",
  {
    id: integer().primaryKey({ autoIncrement: true }),
    scheme: text({ enum: ["amqp", "amqps"] }).notNull(),
    hostname: text().notNull(),
    port: integer().notNull(),
    userid: text().notNull(),
    password: text().notNull(),
    virtualHost: text("virtual_host").notNull(),
  },
  (table) => [unique().on(table.scheme, table.hostname, table.port, table.userid, table.password, table.virtualHost)],
);

const launch = {
  brokerId: integer("broker_id").references(() => brokers.id),
  arguments: text(),
  extraConfig: text("extra_config"),
  command: text(),
  cwd: text(),
  env: text({ mode: "json" }).$type<Record<string, string>>(),
  stopTimeoutS: real("stop_timeout"),
};

export const apps = sqliteTable("apps", {
  name: text().primaryKey(),
  ...launch,
  isDeleted: integer("is_deleted", { mode: "boolean" }).notNull(),
  createdAtMs: integer("created_at").notNull(),
});

export const queues = sqliteTable(
  "queues",
  {
    app: text()
      .notNull()
      .references(() => apps.name),
    name: text().notNull(),
    exchange: text().notNull(),
    exchangeType: text("exchange_type").notNull(),
    routingKey: text("routing_key").notNull(),
    options: text({ mode: "json" }).$type<Record<string, unknown>>(),
    createdAtMs: integer("created_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.app, table.name] })],
);

export const instances = sqliteTable(
  "instances",
  {
    name: text().primaryKey(),
    app: text()
      .notNull()
      .references(() => apps.name),
    ...launch,
    pool: text({ enum: ["prefork", "threads", "solo", "eventlet", "gevent"] }).notNull(),
    maxConcurrency: integer("max_concurrency").notNull(),
    minConcurrency: integer("min_concurrency").notNull(),
    restartMaxRate: text("restart_max_rate"),
    user: text(),
    maxMemory: integer("max_memory"),
    maxAgeS: real("max_age"),
    isEnabled: integer("is_enabled", { mode: "boolean" }).notNull(),
    disabledReason: text("disabled_reason"),
    limitedAtMs: integer("limited_at"),
    isHeld: integer("is_held", { mode: "boolean" }).notNull(),
    isDeleted: integer("is_deleted", { mode: "boolean" }).notNull(),
    restartSeq: integer("restart_seq").notNull(),
    isRolling: integer("is_rolling", { mode: "boolean" }).notNull(),
    hasStandin: integer("has_standin", { mode: "boolean" }).notNull().default(false),
    restartFor: text("restart_for", { enum: ["people", "recycling"] })
      .notNull()
      .default("people"),
    createdAtMs: integer("created_at").notNull(),
  },
  // All that a list of names needs, in its order.
  (table) => [index("instances_names").on(table.app, table.isDeleted, table.name)],
);

/** Which instance is wanted to consume from which queue of its app. */
export const consumers = sqliteTable(
  "consumers",
  {
    instance: text()
      .notNull()
      .references(() => instances.name, { onDelete: "cascade" }),
    app: text().notNull(),
    queue: text().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.instance, table.queue] }),
    foreignKey({ columns: [table.app, table.queue], foreignColumns: [queues.app, queues.name] }),
  ],
);

/** What the supervisor knows of a process: what it needs to find it again and not to signal it twice. */
const workerProcess = {
  /** NULL where no process is believed to live. */
  pid: integer(),
  /** Start time of that process in clock ticks since boot (field 22 of /proc/<pid>/stat). */
  startTicks: integer("start_ticks"),
  bootId: text("boot_id"),
  node: text(),
  brokerId: integer("broker_id").references(() => brokers.id),
  startedAtMs: integer("started_at"),
  /** Who asked for this start: counts towards what its death means. */
  startedFor: text("started_for", { enum: ["people", "branch", "death", "recycling", "retry"] }),
  restartSeq: integer("restart_seq").notNull().default(0),
  answeredAtMs: integer("answered_at"),
  /** Set before TERM is sent, so that no second one is sent after a crash: Celery 5.2 kills running tasks on it. */
  termSentAtMs: integer("term_sent_at"),
  termReason: text("term_reason", { enum: ["wish", "unresponsive", "not consuming", "somebody else"] }),
};

export const workers = sqliteTable("workers", {
  instance: text()
    .primaryKey()
    .references(() => instances.name, { onDelete: "cascade" }),
  ...workerProcess,
  restarts: integer().notNull().default(0),
  /** How long it was seen to run, in ms, where that matters; written now and then. */
  ageMs: integer("age").notNull().default(0),
});

/** The worker that consumes in the place of an instance's own while that is restarted. */
export const standins = sqliteTable("standins", {
  instance: text()
    .primaryKey()
    .references(() => instances.name, { onDelete: "cascade" }),
  ...workerProcess,
});

/** Deaths that count against the restart rate. */
export const deaths = sqliteTable(
  "deaths",
  {
    id: integer().primaryKey({ autoIncrement: true }),
    instance: text()
      .notNull()
      .references(() => instances.name, { onDelete: "cascade" }),
    atMs: integer("at").notNull(),
  },
  (table) => [index("deaths_instance_at").on(table.instance, table.atMs)],
);

/** What the supervisor did and why. */
export const history = sqliteTable(
  "history",
  {
    id: integer().primaryKey({ autoIncrement: true }),
    instance: text()
      .notNull()
      .references(() => instances.name, { onDelete: "cascade" }),
    atMs: integer("at").notNull(),
    did: text().notNull(),
    why: text().notNull(),
    evidence: text({ mode: "json" })
      .$type<Record<string, unknown>>()
      .notNull()
      .default(sql`'{}'`),
  },
  (table) => [index("history_instance").on(table.instance, table.id)],
);

/** Direct queues of deleted instances that are still to be deleted on their broker. */
export const leftovers = sqliteTable(
  "leftovers",
  {
    queue: text().notNull(),
    brokerId: integer("broker_id")
      .notNull()
      .references(() => brokers.id),
    atMs: integer("at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.queue, table.brokerId] })],
);

/** Tasks that were sent, and what workers said of them. Kept for a while, see store/tasks.ts. */
export const tasks = sqliteTable(
  "tasks",
  {
    id: text().primaryKey(),
    /** NULL, as what follows down to the fingerprint, where only a result is known. */
    app: text(),
    brokerId: integer("broker_id").references(() => brokers.id),
    queue: text(),
    name: text(),
    sentAtMs: integer("sent_at"),
    method: text({ enum: VERBS }),
    url: text(),
    fingerprint: text(),
    state: text().notNull(),
    /** JSON text. */
    result: text(),
    errorType: text("error_type"),
    errorMessage: text("error_message"),
    touchedAtMs: integer("touched_at").notNull(),
    /** Of the result. */
    bytes: integer().notNull(),
  },
  // All that is asked when old ones are dropped.
  (table) => [index("tasks_touched").on(table.touchedAtMs, table.bytes), index("tasks_broker").on(table.brokerId)],
);

/**
 * When each app and queue was last changed and deleted, on whatever branch. What was deleted stays here for a while, so that
 * a branch that did not hear of it does not bring it back.
 */
export const definitions = sqliteTable(
  "definitions",
  {
    kind: text({ enum: DEFINITION_KINDS }).notNull(),
    /** `shop` of an app, `shop/orders` of its queue. */
    key: text().notNull(),
    version: text().notNull(),
    /** When it was last deleted; equal to `version` where it is deleted now. */
    deletedVersion: text("deleted_version"),
    ancestry: text({ mode: "json" })
      .$type<Ancestry>()
      .notNull()
      .default(sql`'{}'`),
  },
  (table) => [primaryKey({ columns: [table.kind, table.key] }), index("definitions_version").on(table.version)],
);

/** Which branch has which instance, of all branches; written by the branch that has it. */
export const owners = sqliteTable(
  "owners",
  {
    name: text().primaryKey(),
    app: text().notNull(),
    branch: text().notNull(),
    version: text().notNull(),
    isDeleted: integer("is_deleted", { mode: "boolean" }).notNull(),
  },
  (table) => [
    index("owners_names").on(table.app, table.isDeleted, table.name),
    index("owners_branch").on(table.branch, table.isDeleted),
    index("owners_version").on(table.version),
  ],
);

/**
 * Instances that a database had when it came to have this table: until then nobody but this branch gave their names, so that
 * another branch may have the same ones, and both run.
 */
export const earlyInstances = sqliteTable("early_instances", {
  name: text()
    .primaryKey()
    .references(() => instances.name, { onDelete: "cascade" }),
  /** The branch that has the name by now, once that was told; else NULL. */
  rival: text(),
});

/** Branches that were ever heard of; this one is among them where it was forgotten once and came back. */
export const knownBranches = sqliteTable("known_branches", {
  id: text().primaryKey(),
  /** Where its HTTP API was last; NULL without one. */
  url: text(),
  /** By the clock of this branch; NULL where others told of it. */
  lastSeenAtMs: integer("last_seen_at"),
  isForgotten: integer("is_forgotten", { mode: "boolean" }).notNull(),
  /** When it was forgotten, or came back after that; else older than every change. */
  version: text().notNull(),
});

/** Who may log in. */
export const users = sqliteTable("users", {
  name: text().primaryKey(),
  role: text({ enum: ROLES }).notNull(),
  /** Of the password: argon2id. */
  hash: text().notNull(),
  createdAtMs: integer("created_at").notNull(),
});

/** What programs show instead of a name and a password. */
export const tokens = sqliteTable(
  "tokens",
  {
    name: text().primaryKey(),
    role: text({ enum: ROLES }).notNull(),
    /** SHA-256 of the token. */
    hash: text().notNull(),
    createdAtMs: integer("created_at").notNull(),
    /** NULL: never. */
    expiresAtMs: integer("expires_at"),
  },
  (table) => [index("tokens_hash").on(table.hash)],
);

/** Who has logged in at this branch. */
export const sessions = sqliteTable(
  "sessions",
  {
    /** SHA-256 of what the browser was given. */
    hash: text().primaryKey(),
    user: text()
      .notNull()
      .references(() => users.name, { onDelete: "cascade" }),
    createdAtMs: integer("created_at").notNull(),
    usedAtMs: integer("used_at").notNull(),
  },
  (table) => [index("sessions_user").on(table.user, table.usedAtMs)],
);

/** Changes and log-ins that this branch was asked for, see store/audit.ts. */
export const audit = sqliteTable(
  "audit",
  {
    id: integer().primaryKey({ autoIncrement: true }),
    atMs: integer("at").notNull(),
    who: text(),
    role: text({ enum: ROLES }),
    by: text().$type<Proof>(),
    from: text("from_address"),
    method: text().notNull(),
    path: text().notNull(),
    params: text({ mode: "json" }).$type<Record<string, unknown>>().notNull(),
    status: integer().notNull(),
    /** Whether anybody can make many of its kind: those are dropped first. */
    isAnonymous: integer("is_anonymous", { mode: "boolean" }).notNull(),
  },
  (table) => [index("audit_at").on(table.atMs), index("audit_anonymous").on(table.isAnonymous, table.id)],
);
