import { describe, expect, test } from "bun:test";
import { REMEMBERED_MS } from "../domain/version.ts";
import { Logins } from "./logins.ts";
import { Passwords } from "./passwords.ts";
import { TestCluster, type ClusterBranch } from "./test-cluster.ts";

/** What the caller has of time is long, by the clock that the test moves. */
const OPTIONS = { nowait: true, timeoutMs: 10_000 };
const password = "correct horse";
const NEW = { mustBeNew: true };
const ANY = { mustBeNew: false };

const names = ({ test: { store } }: ClusterBranch) => [
  ...store.users.all().map(({ name, role }) => `${name} ${role}`),
  ...store.tokens.all().map(({ name, role }) => `${name} ${role}`),
];

const loginsOf = ({ test: { store } }: ClusterBranch, { clock }: TestCluster) =>
  new Logins({ store, clock }, new Passwords(clock));

describe("users and tokens", () => {
  test("are known on every branch, and open the same there", async () => {
    await using cluster = new TestCluster();
    const [a, b] = [await cluster.add("a"), await cluster.add("b")];
    await cluster.calm();
    await a.life.accounts.putUser("ann", { password, role: "admin" }, NEW, OPTIONS);
    const { text } = await b.life.accounts.addToken("ci", { role: "operator" }, OPTIONS);
    await cluster.calm();
    expect([names(a), names(b)]).toEqual([names(a), ["ann admin", "ci operator"]]);
    const logins = loginsOf(b, cluster);
    expect(await logins.byPassword("ann", password, "")).toMatchObject({ name: "ann", role: "admin" });
    expect(loginsOf(a, cluster).byToken(text)).toMatchObject({ name: "ci", role: "operator" });
  });

  test("are known to one that comes, which is as closed from then on", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.add("a");
    await a.life.accounts.putUser("ann", { password, role: "admin" }, NEW, OPTIONS);
    const b = await cluster.add("b");
    await cluster.calm();
    expect(loginsOf(b, cluster).isNobodyKnown).toBe(false);
    expect(names(b)).toEqual(["ann admin"]);
  });

  test("end everywhere, their sessions too, with who was away when they were deleted", async () => {
    await using cluster = new TestCluster();
    const [a, b] = [await cluster.add("a"), await cluster.add("b")];
    await cluster.calm();
    await a.life.accounts.putUser("ann", { password, role: "admin" }, NEW, OPTIONS);
    await a.life.accounts.putUser("vic", { password }, NEW, OPTIONS);
    await a.life.accounts.addToken("ci", {}, OPTIONS);
    await cluster.calm();
    const logins = loginsOf(b, cluster);
    const { session } = await logins.logIn("vic", password, "");
    b.kill();
    await a.life.accounts.removeUser("vic", OPTIONS);
    await a.life.accounts.removeToken("ci", OPTIONS);
    expect(logins.bySession(session)).toBeDefined();
    b.start();
    await cluster.calm();
    expect(names(b)).toEqual(["ann admin"]);
    expect(logins.bySession(session)).toBeUndefined();
  });

  test("are as the later change says, a password of the earlier one opens nothing", async () => {
    await using cluster = new TestCluster();
    const [a, b] = [await cluster.add("a"), await cluster.add("b")];
    await a.life.accounts.putUser("ann", { password, role: "admin" }, NEW, OPTIONS);
    await cluster.calm();
    b.kill();
    await a.life.accounts.putUser("ann", { password: "another horse" }, ANY, OPTIONS);
    b.start();
    await cluster.calm();
    const logins = loginsOf(b, cluster);
    expect(await logins.byPassword("ann", "another horse", "")).toMatchObject({ role: "admin" });
    expect(await logins.byPassword("ann", password, "").catch((error: Error) => error.message)).toContain("wrong");
  });

  test("that only one has who was away for too long are dropped with the rest of what it had", async () => {
    await using cluster = new TestCluster();
    const [a, b] = [await cluster.add("a"), await cluster.add("b")];
    await a.life.accounts.putUser("ann", { password, role: "admin" }, NEW, OPTIONS);
    await a.life.accounts.putUser("old", { password }, NEW, OPTIONS);
    await cluster.calm();
    b.kill();
    await a.life.accounts.removeUser("old", OPTIONS);
    // The other lives through it, alone.
    for (let parts = 0; parts < 8; parts++) {
      cluster.jump(REMEMBERED_MS / 4);
      await cluster.calm();
    }
    b.start();
    await cluster.calm();
    expect(names(b)).toEqual(["ann admin"]);
  });

  test("that were changed in two places at once are told of, without a secret", async () => {
    await using cluster = new TestCluster();
    const [a, b] = [await cluster.add("a"), await cluster.add("b")];
    await a.life.accounts.putUser("ann", { password, role: "admin" }, NEW, OPTIONS);
    await cluster.calm();
    cluster.network.partition([a.life.bus], [b.life.bus]);
    await a.life.accounts.putUser("ann", { password: "first horse" }, ANY, OPTIONS);
    await b.life.accounts.putUser("ann", { password: "second horse" }, ANY, OPTIONS);
    const hashes = [a, b].map(({ test: { store } }) => store.users.get("ann")?.hash ?? "");
    cluster.network.partition();
    await cluster.calm();
    const told = JSON.stringify([...a.lost, ...b.lost]);
    expect(told).toContain("password");
    for (const hash of hashes) expect(told).not.toContain(hash);
  });
});
