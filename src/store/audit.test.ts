import { expect, test } from "bun:test";
import type { AuditEntry } from "../domain/audit.ts";
import { CROWD_LENGTH, AUDIT_LENGTH } from "./audit.ts";
import { Store } from "./store.ts";

const entry = (atMs: number, by: AuditEntry["by"]): AuditEntry => ({
  atMs,
  who: by && "ann",
  role: by && "admin",
  by,
  from: "127.0.0.1",
  method: "POST",
  path: "/shop",
  params: { broker: null },
  status: by ? 200 : 401,
});

test("an entry is read as it was written, newest first, and from any time on", () => {
  const { audit } = new Store(":memory:");
  for (const atMs of [1, 2, 3]) audit.add(entry(atMs, "token"));
  expect(audit.list(2, Number.MAX_SAFE_INTEGER)).toEqual([entry(3, "token"), entry(2, "token")]);
  expect(audit.list(5, 3)).toEqual([entry(2, "token"), entry(1, "token")]);
});

test("who reads on before the last entry misses none of its millisecond", () => {
  const { audit } = new Store(":memory:");
  for (const atMs of [1, 2, 2, 2, 3]) audit.add(entry(atMs, "token"));
  expect(audit.list(2, Number.MAX_SAFE_INTEGER).map(({ atMs }) => atMs)).toEqual([3, 2, 2, 2]);
  expect(audit.list(2, 2).map(({ atMs }) => atMs)).toEqual([1]);
});

test("what was refused and log-ins drive out nothing that was done, whoever asked", () => {
  const store = new Store(":memory:");
  const { audit } = store;
  const kinds = [{ status: 403 }, { status: 401 }, { path: "/api/session" }];
  store.write(() => {
    audit.add(entry(1, "session"));
    for (let n = 0; n < CROWD_LENGTH / 2; n++) {
      for (const kind of kinds) audit.add({ ...entry(10 + n, "token"), role: "viewer", ...kind });
    }
  });
  const kept = audit.list(100_000, Number.MAX_SAFE_INTEGER);
  expect(kept.length).toBeWithin(CROWD_LENGTH, CROWD_LENGTH + 102);
  expect(kept.at(-1)).toEqual(entry(1, "session"));
});

test("so many are kept, and who floods it without being anybody drives out nobody else", () => {
  const store = new Store(":memory:");
  const { audit } = store;
  store.write(() => {
    audit.add(entry(1, "session"));
    for (let n = 0; n < AUDIT_LENGTH + 500; n++) audit.add(entry(10 + n, null));
  });
  const kept = audit.list(100_000, Number.MAX_SAFE_INTEGER);
  expect(kept.length).toBeWithin(CROWD_LENGTH, CROWD_LENGTH + 102);
  expect(kept.at(-1)).toEqual(entry(1, "session"));
  store.write(() => {
    for (let n = 0; n < AUDIT_LENGTH; n++) audit.add(entry(20_000 + n, "token"));
  });
  expect(audit.list(100_000, Number.MAX_SAFE_INTEGER).length).toBeWithin(AUDIT_LENGTH, AUDIT_LENGTH + 201);
});

test("a session is of a user that is there, and ends with it", () => {
  const { users, sessions } = new Store(":memory:");
  const session = { hash: "h", user: "ann", createdAtMs: 1, usedAtMs: 1 };
  expect(() => sessions.add(session)).toThrow();
  users.put({ name: "ann", role: "viewer", hash: "x", createdAtMs: 1 });
  sessions.add(session);
  expect(sessions.get("h")).toEqual(session);
  users.remove("ann");
  expect(sessions.get("h")).toBeUndefined();
});
