import { afterAll, afterEach, describe, expect, spyOn, test } from "bun:test";
import { ManualClock } from "../kit/clock.ts";
import { silentLog } from "../kit/log.ts";
import { Store } from "../store/store.ts";
import { Accounts } from "./accounts.ts";
import { Logins } from "./logins.ts";
import { Passwords } from "./passwords.ts";
import { NOWAIT } from "./test-support.ts";

const verify = spyOn(Bun.password, "verify");
afterEach(() => void verify.mockClear());
afterAll(() => verify.mockRestore());

/** What a hash costs: the variant, and its memory, rounds and threads. */
const costOf = (hash: string) => hash.split("$").slice(1, 4);

async function setup() {
  const clock = new ManualClock();
  const store = new Store(":memory:");
  const passwords = new Passwords(clock);
  const accounts = new Accounts({ store, clock, log: silentLog }, passwords);
  await accounts.putUser("ann", { password: "right horse" }, { mustBeNew: true }, NOWAIT);
  return { logins: new Logins({ store, clock }, passwords), store, [Symbol.dispose]: () => store.close() };
}

const refused = (asked: Promise<unknown>) =>
  asked.then(
    () => false,
    () => true,
  );

describe("a wrong name and a wrong password take as long as each other:", () => {
  test("each is compared once, with a hash that costs the same", async () => {
    using at = await setup();
    expect(await refused(at.logins.byPassword("ann", "wrong horse", "192.0.2.1"))).toBe(true);
    expect(await refused(at.logins.byPassword("bob", "wrong horse", "192.0.2.1"))).toBe(true);
    expect(verify).toHaveBeenCalledTimes(2);
    const [known = "", unknown = ""] = verify.mock.calls.map(([, hash]) => String(hash));
    expect(known).toBe(at.store.users.get("ann")?.hash ?? "");
    expect(costOf(unknown)).toEqual(costOf(known));
    expect(unknown).not.toBe(known);
  });

  test("at a log-in too", async () => {
    using at = await setup();
    for (const name of ["ann", "bob"])
      expect(await refused(at.logins.logIn(name, "wrong horse", "192.0.2.1"))).toBe(true);
    expect(verify).toHaveBeenCalledTimes(2);
  });
});

test("nobody is let in by the hash that stands for nobody's, whatever it is compared with", async () => {
  const passwords = new Passwords(new ManualClock());
  verify.mockResolvedValueOnce(true);
  expect(await passwords.isRight("anything", undefined, () => {})).toBe(false);
  expect(verify).toHaveBeenCalledTimes(1);
});
