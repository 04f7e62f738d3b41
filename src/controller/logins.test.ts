import { describe, expect, test } from "bun:test";
import { silentLog } from "../kit/log.ts";
import { ManualClock } from "../kit/clock.ts";
import { Store } from "../store/store.ts";
import { Accounts } from "./accounts.ts";
import { Logins } from "./logins.ts";
import { Passwords } from "./passwords.ts";
import { NOWAIT } from "./test-support.ts";

const HERE = "192.0.2.1";
const THERE = "192.0.2.2";
const RIGHT = "correct horse";
const HOUR_MS = 3_600_000;
/** Cheap, as it is compared often here. */
const HASH = await Bun.password.hash(RIGHT, { algorithm: "argon2id", memoryCost: 8, timeCost: 1 });

/** A branch with a user `ann` and a token. */
async function setup() {
  const clock = new ManualClock();
  const store = new Store(":memory:");
  const passwords = new Passwords(clock);
  const accounts = new Accounts({ store, clock, log: silentLog }, passwords);
  const logins = new Logins({ store, clock }, passwords);
  store.users.put({ name: "ann", role: "admin", hash: HASH, createdAtMs: 1 });
  const { text } = await accounts.addToken("ci", { expires: "1h" }, NOWAIT);
  return { clock, store, passwords, accounts, logins, text, [Symbol.dispose]: () => store.close() };
}

const refusalOf = (asked: Promise<unknown>) =>
  asked.then(
    () => "let in",
    (error: Error) => error.message,
  );

describe("a password", () => {
  test("opens what its user may", async () => {
    using at = await setup();
    expect(await at.logins.byPassword("ann", RIGHT, HERE)).toEqual({ name: "ann", role: "admin", by: "password" });
  });

  test.each([
    ["ann", "wrong horse"],
    ["bob", RIGHT],
    ["", RIGHT],
    ["ann", ""],
    ["ann", "x".repeat(2000)],
    ["a".repeat(500), RIGHT],
  ])("is refused in the same words whatever was wrong: %p %p", async (name, password) => {
    using at = await setup();
    expect(await refusalOf(at.logins.byPassword(name, password, HERE))).toBe("The name or the password is wrong");
  });

  test("is refused during the wait although it is right, and only there", async () => {
    using at = await setup();
    for (let n = 0; n < 5; n++) await refusalOf(at.logins.byPassword("ann", `wrong ${n}`, HERE));
    expect(await refusalOf(at.logins.byPassword("ann", RIGHT, HERE))).toBe(
      "Too many wrong passwords: try again in 1 s",
    );
    expect(await refusalOf(at.logins.byPassword("ann", RIGHT, THERE))).toBe("let in");
    await at.clock.advance(1000);
    expect(await refusalOf(at.logins.byPassword("ann", RIGHT, HERE))).toBe("let in");
  });

  test("that was right a moment ago is let in also where others at the address guess, who may do so once a second", async () => {
    using at = await setup();
    await at.logins.byPassword("ann", RIGHT, HERE);
    for (let n = 0; n < 5; n++) await refusalOf(at.logins.byPassword("ann", `wrong ${n}`, HERE));
    const ask = (password: string) => refusalOf(at.logins.byPassword("ann", password, HERE));
    const heldUp = "Too many wrong passwords: try again in 4 s";
    for (let n = 5; n < 7; n++) {
      await at.clock.advance(60_000);
      await ask(`wrong ${n}`);
    }
    expect([await ask(RIGHT), await ask(RIGHT)]).toEqual(["let in", "let in"]);
    expect([await ask("a guess"), await ask(RIGHT)]).toEqual([heldUp, heldUp]);
    await at.clock.advance(1000);
    expect(await ask(RIGHT)).toBe("let in");
  });

  test("is compared once in five minutes", async () => {
    using at = await setup();
    const { hash } = at.accounts.user("ann");
    expect(at.passwords.isKnown(RIGHT, hash)).toBe(false);
    await at.logins.byPassword("ann", RIGHT, HERE);
    expect(at.passwords.isKnown(RIGHT, hash)).toBe(true);
    expect(at.passwords.isKnown("wrong", hash)).toBe(false);
    await at.clock.advance(5 * 60_000);
    expect(at.passwords.isKnown(RIGHT, hash)).toBe(false);
  });

  test("that was changed is worth nothing any more, although it was known", async () => {
    using at = await setup();
    await at.logins.byPassword("ann", RIGHT, HERE);
    await at.accounts.putUser("ann", { password: "another horse" }, { mustBeNew: false }, NOWAIT);
    expect(await refusalOf(at.logins.byPassword("ann", RIGHT, HERE))).toContain("wrong");
  });

  test("is not compared while too many are", async () => {
    using at = await setup();
    const all = Array.from({ length: 40 }, (_, n) => at.logins.byPassword("ann", `wrong ${n}`, `198.51.100.${n}`));
    const said = await Promise.all(all.map(refusalOf));
    expect(new Set(said)).toEqual(
      new Set(["The name or the password is wrong", "Too many log-ins at once: try again"]),
    );
  });
});

describe("a token", () => {
  test("opens what it may, until it expires, which is told", async () => {
    using at = await setup();
    expect(at.logins.byToken(at.text)).toEqual({ name: "ci", role: "viewer", by: "token" });
    await at.clock.advance(HOUR_MS);
    expect(() => at.logins.byToken(at.text)).toThrow('The token "ci" has expired at ');
    expect(at.logins.isNobodyKnown).toBe(false);
  });

  test("that is none, or gone, opens nothing", async () => {
    using at = await setup();
    expect(() => at.logins.byToken(`${at.text}x`)).toThrow("none of this cluster");
    expect(() => at.logins.byToken(at.store.tokens.get("ci")?.hash ?? "")).toThrow("none of this cluster");
    await at.accounts.removeToken("ci", NOWAIT);
    expect(() => at.logins.byToken(at.text)).toThrow("none of this cluster");
  });

  test("is nowhere in the database", async () => {
    using at = await setup();
    expect(JSON.stringify([at.store.tokens.all(), at.store.users.all()])).not.toContain(at.text.slice(5));
  });
});

describe("a session", () => {
  const logIn = ({ logins }: Awaited<ReturnType<typeof setup>>) => logins.logIn("ann", RIGHT, HERE);

  test("is another one each time", async () => {
    using at = await setup();
    const [first, second] = [await logIn(at), await logIn(at)];
    expect(first.session).not.toBe(second.session);
    expect(at.logins.bySession(first.session)).toEqual({ name: "ann", role: "admin", by: "session" });
    expect(at.logins.bySession(second.session)).toBeDefined();
  });

  test("ends twelve hours after its last use", async () => {
    using at = await setup();
    const { session } = await logIn(at);
    await at.clock.advance(11 * HOUR_MS);
    expect(at.logins.bySession(session)).toBeDefined();
    await at.clock.advance(12 * HOUR_MS);
    expect(at.logins.bySession(session)).toBeDefined();
    await at.clock.advance(12 * HOUR_MS + 1);
    expect(at.logins.bySession(session)).toBeUndefined();
  });

  test("ends after seven days, however much it is used", async () => {
    using at = await setup();
    const { session } = await logIn(at);
    for (let hours = 0; hours < 168; hours += 6) {
      expect(at.logins.bySession(session)).toBeDefined();
      await at.clock.advance(6 * HOUR_MS);
    }
    await at.clock.advance(1);
    expect(at.logins.bySession(session)).toBeUndefined();
  });

  test("ends when it is logged out, and only that one", async () => {
    using at = await setup();
    const [first, second] = [await logIn(at), await logIn(at)];
    at.logins.logOut(first.session);
    expect(at.logins.bySession(first.session)).toBeUndefined();
    expect(at.logins.bySession(second.session)).toBeDefined();
  });

  test.each<[string, (accounts: Accounts) => Promise<unknown>]>([
    ["changed", (accounts) => accounts.putUser("ann", { password: "another horse" }, { mustBeNew: false }, NOWAIT)],
    [
      "deleted",
      async (accounts) => {
        await accounts.putUser("bob", { password: RIGHT, role: "admin" }, { mustBeNew: true }, NOWAIT);
        await accounts.removeUser("ann", NOWAIT);
      },
    ],
  ])("ends when its user is %s", async (_, change) => {
    using at = await setup();
    const { session } = await logIn(at);
    await change(at.accounts);
    expect(at.logins.bySession(session)).toBeUndefined();
  });

  test("is one of fifty of its user: the oldest ends for one more", async () => {
    using at = await setup();
    const first = await logIn(at);
    for (let n = 0; n < 50; n++) {
      await at.clock.advance(10);
      await logIn(at);
    }
    expect(at.logins.bySession(first.session)).toBeUndefined();
  });
});
