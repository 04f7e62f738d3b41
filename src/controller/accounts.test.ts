import { describe, expect, test } from "bun:test";
import { recordingLog } from "../../test/celery/recording-log.ts";
import { ManualClock } from "../kit/clock.ts";
import { Store } from "../store/store.ts";
import { Accounts } from "./accounts.ts";
import { Passwords } from "./passwords.ts";
import { NOWAIT } from "./test-support.ts";

const password = "correct horse";

function setup() {
  const clock = new ManualClock();
  const store = new Store(":memory:");
  const logged: string[] = [];
  const accounts = new Accounts({ store, clock, log: recordingLog(logged) }, new Passwords(clock));
  const add = (name: string, role: string) => accounts.putUser(name, { password, role }, { mustBeNew: true }, NOWAIT);
  const set = (name: string, params: object) => accounts.putUser(name, { ...params }, { mustBeNew: false }, NOWAIT);
  return { clock, store, accounts, add, set, logged, [Symbol.dispose]: () => store.close() };
}

const codeOf = (asked: Promise<unknown>) =>
  asked.then(
    () => "done",
    (error: { code?: string }) => error.code ?? String(error),
  );

test("that requests need a login, and that none does any more, is told by what makes it so", async () => {
  using at = setup();
  expect((await at.add("ann", "admin")).isFirst).toBe(true);
  expect((await at.add("bob", "viewer")).isFirst).toBe(false);
  expect((await at.set("ann", { password })).isFirst).toBe(false);
  expect(await at.accounts.removeUser("bob", NOWAIT)).toEqual({ wasLast: false });
  expect(await at.accounts.removeUser("ann", NOWAIT)).toEqual({ wasLast: true });
  expect((await at.accounts.addToken("ci", { role: "admin" }, NOWAIT)).isFirst).toBe(true);
  expect(await at.accounts.removeToken("ci", NOWAIT)).toEqual({ wasLast: true });
  const closed = "there is a first user or token: from now on every request needs a login";
  expect(at.logged.filter((line) => line.includes(closed))).toHaveLength(2);
  expect(at.logged.filter((line) => line.includes("the last user or token is gone"))).toHaveLength(2);
});

describe("a user", () => {
  test("is a viewer unless it is said otherwise", async () => {
    using at = setup();
    const { user, isNew } = await at.set("ann", { password });
    expect({ role: user.role, isNew }).toEqual({ role: "viewer", isNew: true });
  });

  test("keeps what a change does not give", async () => {
    using at = setup();
    const { user: before } = await at.add("ann", "operator");
    await at.add("boss", "admin");
    const { user: after, isNew } = await at.set("ann", { role: "admin" });
    expect({ ...after, isNew }).toEqual({ ...before, role: "admin", isNew: false });
    const { user: last } = await at.set("ann", { password: "another horse" });
    expect(last.role).toBe("admin");
    expect(last.hash).not.toBe(before.hash);
  });

  test("is not added twice", async () => {
    using at = setup();
    await at.add("ann", "admin");
    expect(await codeOf(at.add("ann", "viewer"))).toBe("conflict");
  });

  test.each([
    [{}],
    [{ password: "short" }],
    [{ password: "x".repeat(1025) }],
    [{ password: "with\0null" }],
    [{ password: 12_345_678 }],
    [{ password, role: "root" }],
  ])("is not made of %j", async (params) => {
    using at = setup();
    expect(await codeOf(at.set("ann", params))).toBe("invalid");
    expect(at.accounts.users()).toEqual([]);
  });

  test("that is not there cannot be deleted", async () => {
    using at = setup();
    expect(await codeOf(at.accounts.removeUser("ann", NOWAIT))).toBe("not-found");
  });
});

describe("the last admin", () => {
  test("stays while there are others", async () => {
    using at = setup();
    await at.add("ann", "admin");
    await at.add("vic", "viewer");
    expect(await codeOf(at.accounts.removeUser("ann", NOWAIT))).toBe("conflict");
    expect(await codeOf(at.set("ann", { role: "operator" }))).toBe("conflict");
    expect(await codeOf(at.set("ann", { password: "another horse" }))).toBe("done");
    expect(await codeOf(at.accounts.removeUser("vic", NOWAIT))).toBe("done");
  });

  test("stays an admin, alone too", async () => {
    using at = setup();
    await at.add("ann", "admin");
    expect(await codeOf(at.set("ann", { role: "viewer" }))).toBe("conflict");
    expect(at.accounts.user("ann").role).toBe("admin");
    await at.add("bob", "admin");
    expect(await codeOf(at.set("ann", { role: "viewer" }))).toBe("done");
  });

  test("may be a token, which must never expire", async () => {
    using at = setup();
    await at.add("ann", "admin");
    await at.accounts.addToken("ci", { role: "admin", expires: "1h" }, NOWAIT);
    expect(await codeOf(at.accounts.removeUser("ann", NOWAIT))).toBe("conflict");
    await at.accounts.addToken("cd", { role: "admin" }, NOWAIT);
    expect(await codeOf(at.accounts.removeUser("ann", NOWAIT))).toBe("done");
    expect(await codeOf(at.accounts.removeToken("cd", NOWAIT))).toBe("conflict");
  });

  test("may go with all others, which the log tells", async () => {
    using at = setup();
    await at.add("ann", "admin");
    expect(at.logged.join()).not.toContain("everybody is admin again");
    expect(await codeOf(at.accounts.removeUser("ann", NOWAIT))).toBe("done");
    expect(at.logged.join()).toContain("everybody is admin again");
  });

  test("is missed by nobody where there was none, but in the log", async () => {
    using at = setup();
    await at.add("vic", "viewer");
    expect(at.logged.join()).toContain("there is no admin");
    await at.add("wim", "viewer");
    expect(await codeOf(at.accounts.removeUser("vic", NOWAIT))).toBe("done");
  });
});

describe("a token", () => {
  test("is shown once, and of another text each time", async () => {
    using at = setup();
    const [a, b] = [await at.accounts.addToken("a", {}, NOWAIT), await at.accounts.addToken("b", {}, NOWAIT)];
    expect(a.text).toMatch(/^cyme_[A-Za-z0-9_-]{43}$/);
    expect(a.text).not.toBe(b.text);
    expect(await codeOf(at.accounts.addToken("a", {}, NOWAIT))).toBe("conflict");
  });

  test.each([
    ["90d", 90 * 86_400_000],
    ["12h", 43_200_000],
    ["30m", 1_800_000],
    ["45s", 45_000],
    [null, null],
  ])("expires in %p", async (expires, ms) => {
    using at = setup();
    const { token } = await at.accounts.addToken("ci", { expires }, NOWAIT);
    expect(token.expiresAtMs).toBe(ms === null ? null : at.clock.now() + ms);
  });

  test.each(["0d", "-1d", "1y", "d", "5000d", 90, "90"])("does not expire in %p", async (expires) => {
    using at = setup();
    expect(await codeOf(at.accounts.addToken("ci", { expires }, NOWAIT))).toBe("invalid");
  });
});
