import { expect, test } from "bun:test";
import { Audit } from "../controller/audit.ts";
import type { Controller } from "../controller/controller.ts";
import { Logins } from "../controller/logins.ts";
import { Passwords } from "../controller/passwords.ts";
import { ManualClock } from "../kit/clock.ts";
import { silentLog } from "../kit/log.ts";
import { Store } from "../store/store.ts";
import { Api } from "./api.ts";

const RIGHT = "correct horse";
/** Cheap. */
const HASH = await Bun.password.hash(RIGHT, { algorithm: "argon2id", memoryCost: 8, timeCost: 1 });

/** A branch that knows `ann`, as far as who logs in goes. */
function setup() {
  const clock = new ManualClock();
  const store = new Store(":memory:");
  store.users.put({ name: "ann", role: "viewer", hash: HASH, createdAtMs: 1 });
  const parts: Partial<Record<keyof Controller, unknown>> = {
    logins: new Logins({ store, clock }, new Passwords(clock)),
    audit: new Audit({ store, clock, log: silentLog }),
    elsewhere: { isAlone: true },
    hearing: { isOver: true },
  };
  const api = new Api({
    controller: parts as unknown as Controller,
    branchId: "b1",
    brokerOf: () => {
      throw new Error("no broker here");
    },
    clock,
    log: silentLog,
    maxBody: 1024 * 1024,
    guard: { allowedHosts: [], corsOrigin: undefined },
    isOpen: false,
  });
  const ask = (method: string, init: RequestInit) =>
    api.handle(new Request("http://127.0.0.1:8000/api/session/", { method, ...init }), false, "192.0.2.1");
  const logIn = (name: string, password: string) => ask("POST", { body: JSON.stringify({ name, password }) });
  const audited = () => store.audit.list(10, Number.MAX_SAFE_INTEGER);
  return { ask, logIn, audited, [Symbol.dispose]: () => store.close() };
}

test("the audit names who logged in and out, and whose name was tried", async () => {
  using at = setup();
  await at.logIn("ann", "wrong horse");
  const { headers } = await at.logIn("ann", RIGHT);
  const cookie = (headers.get("set-cookie") ?? "").replace(/;.*/, "");
  await at.ask("DELETE", { headers: { cookie } });
  await at.ask("DELETE", { headers: { cookie } });
  expect(at.audited().map(({ method, who, role, by, status }) => [method, who, role, by, status])).toEqual([
    ["DELETE", null, null, null, 200],
    ["DELETE", "ann", "viewer", "session", 200],
    ["POST", "ann", "viewer", "password", 200],
    ["POST", "ann", null, null, 401],
  ]);
});

test("a name that was tried is kept as long as a name may be", async () => {
  using at = setup();
  await at.logIn("x".repeat(10_000), RIGHT);
  expect(at.audited()[0]?.who).toHaveLength(128);
});

test("of what somebody sends whom nobody knows yet no more is read than a log-in needs", async () => {
  using at = setup();
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 4096;
      controller.enqueue(new Uint8Array(4096).fill(32));
      if (sent > 1024 * 1024) controller.close();
    },
  });
  const response = await at.ask("POST", { body });
  expect([response.status, await response.json()]).toMatchObject([413, { max_body: 16_384 }]);
  expect(sent).toBeLessThan(65_536);
});
