import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { App } from "../domain/app.ts";
import type { Broker } from "../domain/broker.ts";
import type { Instance } from "../domain/instance.ts";
import type { Queue } from "../domain/queue.ts";

/** A folder that is gone at the end, by `using`. */
export function scratchFolder(): { readonly path: string; file(name: string): string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "cyme-test-"));
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

const launch = {
  broker: null,
  arguments: null,
  extraConfig: null,
  command: null,
  cwd: null,
  env: null,
  stopTimeoutS: null,
};

export const brokerOf = (virtualHost: string): Broker => ({
  scheme: "amqp",
  hostname: "127.0.0.1",
  port: 5672,
  userid: "me",
  password: "hush",
  virtualHost,
});

export const appOf = (name: string, fields: Partial<App> = {}): App => ({
  ...launch,
  name,
  isDeleted: false,
  createdAtMs: 1,
  ...fields,
});

export const queueOf = (app: string, name: string, fields: Partial<Queue> = {}): Queue => ({
  app,
  name,
  exchange: name,
  exchangeType: "direct",
  routingKey: name,
  options: null,
  createdAtMs: 1,
  ...fields,
});

export const instanceOf = (app: string, name: string, fields: Partial<Instance> = {}): Instance => ({
  ...launch,
  name,
  app,
  pool: "prefork",
  maxConcurrency: 1,
  minConcurrency: 1,
  isEnabled: true,
  disabledReason: null,
  limitedAtMs: null,
  restartMaxRate: null,
  user: null,
  maxMemory: null,
  maxAgeS: null,
  isHeld: false,
  isDeleted: false,
  restartSeq: 0,
  isRolling: false,
  hasStandin: false,
  restartFor: "people",
  queues: [],
  createdAtMs: 1,
  ...fields,
});
