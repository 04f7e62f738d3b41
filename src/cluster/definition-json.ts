import type { Json } from "../bus/bus.ts";
import { brokerUrl } from "../domain/broker.ts";
import { DEFINITION_KINDS, namesOf, type Definition, type DefinitionId } from "../domain/definition.ts";
import { invalid } from "../domain/errors.ts";
import { integer, object } from "../domain/fields.ts";
import { NO_LAUNCH, parseLaunch } from "../domain/launch.ts";
import { appName, queueName } from "../domain/names.ts";
import { changedQueue, parseQueueChange } from "../domain/queue.ts";
import type { DefinitionLine } from "./definition-lines.ts";
import { parseVersion, type Ancestry, type Version } from "../domain/version.ts";

/*
 * Definitions as branches send them to each other. What they say has the names and the rules of the API's parameters, so that
 * a branch takes nothing from another that it would not take from a user. Fields that it does not know are ignored.
 */

type Fields = Readonly<Record<string, unknown>>;

/** Holds the passwords of brokers. */
export function definitionToJson(definition: Definition): Json {
  const { kind, key, version, deletedVersion, ancestry, value } = definition;
  // What is stored came as JSON.
  const fields = (value && (kind === "app" ? appFields(definition) : queueFields(definition))) as Json;
  return { kind, key, version, deleted_version: deletedVersion, ancestry: { ...ancestry }, value: fields };
}

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
  const { app, queue } = namesOf(id);
  const stamp = { ...stampFromFields(fields), ancestry: ancestryOf(fields["ancestry"]) };
  const isDeleted = stamp.version === stamp.deletedVersion;
  if (isDeleted)
    return id.kind === "app"
      ? { ...id, ...stamp, kind: "app", value: null }
      : { ...id, ...stamp, kind: "queue", value: null };
  const value = object(id.key, fields["value"], { secret: true });
  const createdAtMs = integer("created_at", value["created_at"], 0, Number.MAX_SAFE_INTEGER);
  if (id.kind === "app") {
    const launch = { ...NO_LAUNCH, ...parseLaunch(value) };
    return { ...id, ...stamp, kind: "app", value: { ...launch, name: app, isDeleted: false, createdAtMs } };
  }
  const declared = changedQueue({ app, name: queue, nowMs: createdAtMs }, undefined, parseQueueChange(queue, value));
  return { ...id, ...stamp, kind: "queue", value: declared };
}

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
  const { app, queue } = namesOf({ kind, key });
  appName(app);
  if (kind === "queue") queueName(queue);
  if (key !== (kind === "app" ? app : `${app}/${queue}`)) throw invalid("key", "an app, or an app and a queue", key);
  return { kind, key };
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
