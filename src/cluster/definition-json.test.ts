import { describe, expect, test } from "bun:test";
import type { Json } from "../bus/bus.ts";
import { appId, queueId, tokenId, userId, type Definition } from "../domain/definition.ts";
import { CymeError } from "../domain/errors.ts";
import { appOf, brokerOf, queueOf } from "../store/test-support.ts";
import { factsOf } from "./cluster.ts";
import { definitionFromJson, definitionToJson, lineFromJson, lineToJson } from "./definition-json.ts";

const VERSION = "001700000000000-000000-b1";
const stamp = { version: VERSION, deletedVersion: null, ancestry: { b2: "001600000000000-000000-b2" } };
const HASH = "$argon2id$v=19$m=65536,t=2,p=1$414EHGCC9cR/IGzG6yM6Fi3$hvLEg1YdzfN5s50sScw";
const full = {
  broker: { ...brokerOf("a/b"), scheme: "amqps" as const, password: "p@ß/:%", hostname: "[::1]" },
  arguments: "-A proj --queues-x='a b'",
  extraConfig: "result_expires=1",
  command: "python3 -m celery",
  cwd: "/srv",
  env: { A: "1", B: "ü\n" },
  stopTimeoutS: 2.5,
  createdAtMs: 1_700_000_000_123,
};
const options = { durable: false, queue_arguments: { "x-max-priority": 9 }, binding_key: "k" };
const app = (fields = {}): Definition => ({ ...appId("mail"), kind: "app", ...stamp, value: appOf("mail", fields) });
const queue = (fields = {}): Definition => ({
  ...queueId("mail", "q"),
  kind: "queue",
  ...stamp,
  value: queueOf("mail", "q", fields),
});

const user = (fields = {}): Definition => ({
  ...userId("ann"),
  kind: "user",
  ...stamp,
  value: { name: "ann", role: "admin", hash: HASH, createdAtMs: 7, ...fields },
});
const token = (fields = {}): Definition => ({
  ...tokenId("ci"),
  kind: "token",
  ...stamp,
  value: { name: "ci", role: "viewer", hash: "A".repeat(43), createdAtMs: 7, expiresAtMs: null, ...fields },
});

const overTheBus = (json: Json) => JSON.parse(JSON.stringify(json)) as Json;

describe("a definition", () => {
  test.each<[string, Definition]>([
    ["an app", app()],
    ["an app with all fields", app(full)],
    ["an app without variables", app({ env: {} })],
    ["a queue", queue()],
    ["a queue with all fields", queue({ exchange: "x", exchangeType: "topic", routingKey: "#", options })],
    ["an app that was made anew", { ...app(), deletedVersion: "001600000000000-000000-b1" }],
    ["a user", user()],
    ["a token", token()],
    ["a token that expires", token({ expiresAtMs: 1_800_000_000_000, role: "operator" })],
    ["a deleted user", { ...userId("ann"), kind: "user", ...stamp, deletedVersion: VERSION, value: null }],
    ["a deleted app", { ...appId("mail"), kind: "app", ...stamp, deletedVersion: VERSION, value: null }],
    ["a deleted queue", { ...queueId("mail", "q"), kind: "queue", ...stamp, deletedVersion: VERSION, value: null }],
  ])("is the same on the other side: %s", (_, definition) => {
    expect(definitionFromJson(overTheBus(definitionToJson(definition)))).toEqual(definition);
  });

  test("may have fields of a later version", () => {
    const fields = factsOf(definitionToJson(app()));
    const value = { ...factsOf(fields["value"] ?? null), later: 1 };
    expect(definitionFromJson({ ...fields, value, later: [] })).toEqual(app());
  });

  test.each<[string, Json]>([
    ["nothing", null],
    ["a list", []],
    ["a kind that is not known", { kind: "sprocket" }],
    ["an app with a bad name", { key: "a b" }],
    ["an app with a name of a route", { key: "api" }],
    ["an app with a queue", { key: "mail/q" }],
    ["a queue with a bad name", { kind: "queue", key: "mail/amq.x" }],
    ["a queue with too many names", { kind: "queue", key: "mail/q/r" }],
    ["no version", { version: null }],
    ["a bad version", { version: "now" }],
    ["a deletion that is to come", { deleted_version: "001700000000001-000000-b1" }],
    ["a user with a slash", { kind: "user", key: "a/b" }],
    ["a user without a password", { kind: "user", key: "ann", value: { created_at: 1, role: "admin", hash: "" } }],
    ["a user with a password", { kind: "user", key: "ann", value: { created_at: 1, role: "admin", hash: "hush" } }],
    ["a user of no role", { kind: "user", key: "ann", value: { created_at: 1, role: "root", hash: HASH } }],
    ["a token with its text", { kind: "token", key: "ci", value: { created_at: 1, role: "viewer", hash: "cyme_x" } }],
    ["bad ancestors", { ancestry: { b1: 1 } }],
    ["no value", { value: null }],
    ["a value without a time", { value: {} }],
    ["a bad value", { value: { created_at: 1, cwd: "here" } }],
  ])("is not taken of %s", (_, change) => {
    const json =
      change !== null && !Array.isArray(change) ? { ...factsOf(definitionToJson(app())), ...factsOf(change) } : change;
    expect(() => definitionFromJson(json)).toThrow(CymeError);
  });

  test("that is not taken shows no secret", () => {
    const value = { created_at: 1, broker: "amqp://me:hush@/x@y", env: { "A B": "hush" } };
    const json = { ...factsOf(definitionToJson(app())), value };
    let said = "";
    try {
      definitionFromJson(json);
    } catch (error) {
      said = JSON.stringify([String(error), error]);
    }
    expect(said).toContain("broker");
    expect(said).not.toContain("hush");
  });
});

test("a line is the same on the other side", () => {
  const { ancestry: _, value: _value, ...line } = queue();
  expect(lineFromJson(overTheBus(lineToJson(line)))).toEqual(line);
  expect(() => lineFromJson(["app"])).toThrow(CymeError);
});
