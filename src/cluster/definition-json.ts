import type { Json } from "../bus/bus.ts";
import { brokerUrl } from "../domain/broker.ts";
import { DEFINITION_KINDS, namesOf, type Definition, type DefinitionId } from "../domain/definition.ts";
import { invalid } from "../domain/errors.ts";
import { role } from "../domain/access.ts";
import { integer, object } from "../domain/fields.ts";
import { NO_LAUNCH, parseLaunch } from "../domain/launch.ts";
import { appName, queueName, tokenName, userName } from "../domain/names.ts";
import { changedQueue, parseQueueChange } from "../domain/queue.ts";
import { tokenHash } from "../domain/token.ts";
import { passwordHash } from "../domain/user.ts";
import type { DefinitionLine } from "./definition-lines.ts";
import { parseVersion, type Ancestry, type Stamp, type Version } from "../domain/version.ts";

/*
 * Definitions as branches send them to each other. What they say has the names and the rules of the API's parameters, so that
 * a branch takes nothing from another that it would not take from a user. Fields that it does not know are ignored.
 */

type Fields = Readonly<Record<string, unknown>>;

/** Holds the passwords of brokers, and the hashes of those of users. */
export function definitionToJson(definition: Definition): Json {
  const { kind, key, version, deletedVersion, ancestry, value } = definition;
  // What is stored came as JSON.
  const fields = (value && fieldsOf(definition)) as Json;
  return { kind, key, version, deleted_version: deletedVersion, ancestry: { ...ancestry }, value: fields };
}

function fieldsOf(definition: Definition): Fields | null {
  switch (definition.kind) {
    case "app":
      return appFields(definition);
    case "queue":
      return queueFields(definition);
    case "user":
      return userFields(definition);
    case "token":
      return tokenFields(definition);
    default:
      return definition satisfies never;
  }
}

const userFields = ({ value }: Definition & { readonly kind: "user" }): Fields | null =>
  value && { role: value.role, hash: value.hash, created_at: value.createdAtMs };

const tokenFields = ({ value }: Definition & { readonly kind: "token" }): Fields | null =>
  value && { role: value.role, hash: value.hash, created_at: value.createdAtMs, expires_at: value.expiresAtMs };

function appFields({ value }: Definition & { readonly kind: "app" }): Fields | null {
  return (
    value && {
      broker: value.broker && brokerUrl(value.broker),
      arguments: value.arguments,
      extra_config: value.extraConfig,
      command: value.command,
      cwd: value.cwd,
      env: value.env,
      stop_timeout: value.stopTimeoutS,
      created_at: value.createdAtMs,
    }
  );
}

function queueFields({ value }: Definition & { readonly kind: "queue" }): Fields | null {
  return (
    value && {
      exchange: value.exchange,
      exchange_type: value.exchangeType,
      routing_key: value.routingKey,
      options: value.options,
      created_at: value.createdAtMs,
    }
  );
}

/** Throws `invalid`, without a secret, for what this version of Cyme cannot take. */
export function definitionFromJson(json: Json): Definition {
  const fields = object("definition", json, { secret: true });
  const id = idFromFields(fields);
  const stamp = { ...stampFromFields(fields), ancestry: ancestryOf(fields["ancestry"]) };
  if (stamp.version === stamp.deletedVersion) return { ...id, ...stamp, value: null };
  return withValue(id, stamp, object(id.key, fields["value"], { secret: true }));
}

function withValue(id: DefinitionId, stamp: Stamp, value: Fields): Definition {
  const createdAtMs = time("created_at", value["created_at"]);
  const { app, queue } = namesOf(id);
  switch (id.kind) {
    case "app": {
      const launch = { ...NO_LAUNCH, ...parseLaunch(value) };
      return { ...id, ...stamp, kind: "app", value: { ...launch, name: app, isDeleted: false, createdAtMs } };
    }
    case "queue": {
      const declared = changedQueue(
        { app, name: queue, nowMs: createdAtMs },
        undefined,
        parseQueueChange(queue, value),
      );
      return { ...id, ...stamp, kind: "queue", value: declared };
    }
    case "user": {
      const user = { role: role("role", value["role"]), hash: passwordHash(value["hash"]) };
      return { ...id, ...stamp, kind: "user", value: { name: id.key, createdAtMs, ...user } };
    }
    case "token": {
      const { expires_at: expires } = value;
      const expiresAtMs = expires === null || expires === undefined ? null : time("expires_at", expires);
      const token = { role: role("role", value["role"]), hash: tokenHash(value["hash"]), expiresAtMs };
      return { ...id, ...stamp, kind: "token", value: { name: id.key, createdAtMs, ...token } };
    }
    default:
      return id.kind satisfies never;
  }
}

const time = (name: string, raw: unknown) => integer(name, raw, 0, Number.MAX_SAFE_INTEGER);

/** One line of what a branch has: enough to tell who has what is newer. */
export const lineToJson = ({ kind, key, version, deletedVersion }: DefinitionLine): Json => [
  kind,
  key,
  version,
  deletedVersion,
];

/** Throws `invalid`. */
export function lineFromJson(json: Json): DefinitionLine {
  const [kind, key, version, deleted] = Array.isArray(json) ? (json as readonly Json[]) : [];
  const fields = { kind, key, version, deleted_version: deleted };
  return { ...idFromFields(fields), ...stampFromFields(fields) };
}

/** Throws `invalid`. */
export function idFromJson(json: Json): DefinitionId {
  const [kind, key] = Array.isArray(json) ? (json as readonly Json[]) : [];
  return idFromFields({ kind, key });
}

export const idToJson = ({ kind, key }: DefinitionId): Json => [kind, key];

function idFromFields(fields: Fields): DefinitionId {
  const kind = DEFINITION_KINDS.find((known) => known === fields["kind"]);
  const { key } = fields;
  if (!kind || typeof key !== "string") throw invalid("definition", "a kind and a key", [fields["kind"], key]);
  refuseBadKey({ kind, key });
  return { kind, key };
}

function refuseBadKey(id: DefinitionId): void {
  const { kind, key } = id;
  if (kind === "user") return void userName(key);
  if (kind === "token") return void tokenName(key);
  const { app, queue } = namesOf(id);
  appName(app);
  if (kind === "queue") queueName(queue);
  if (key !== (kind === "app" ? app : `${app}/${queue}`)) throw invalid("key", "an app, or an app and a queue", key);
}

function stampFromFields(fields: Fields): { version: Version; deletedVersion: Version | null } {
  const version = versionOf(fields["version"]);
  const deleted = fields["deleted_version"];
  const deletedVersion = deleted === null || deleted === undefined ? null : versionOf(deleted);
  if (deletedVersion !== null && deletedVersion > version) {
    throw invalid("deleted_version", "no later than the version", deletedVersion);
  }
  return { version, deletedVersion };
}

function versionOf(value: unknown): Version {
  if (typeof value === "string" && parseVersion(value)) return value;
  throw invalid("version", "milliseconds, a counter and a branch", value);
}

function ancestryOf(value: unknown): Ancestry {
  const entries = Object.entries(object("ancestry", value ?? {}));
  return Object.fromEntries(entries.map(([branch, version]) => [branch, versionOf(version)]));
}
