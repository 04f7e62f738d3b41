import { afterAll, describe, expect, test } from "bun:test";
import type { BusOptions, Json } from "../../src/bus/bus.ts";
import { conflict, CymeError } from "../../src/domain/errors.ts";
import type { AMQPChannel } from "../../src/kit/amqp.ts";
import {
  dropVhosts,
  idsOf,
  inboxOf,
  openAmqp,
  openMemory,
  openOwnAmqp,
  type Branch,
  type World,
} from "./bus-worlds.ts";

const KINDS = [
  ["memory", openMemory],
  ["AMQP", openAmqp],
] as const;

afterAll(dropVhosts);

const SHORT_MS = 400;
const LONG_MS = 30_000;

/** The error that `work` was rejected with. (`expect().rejects` would stop everything else until the promise is settled.) */
async function problemOf(work: Promise<unknown>): Promise<CymeError> {
  const outcome: unknown = await work.catch((error: unknown) => error);
  if (!(outcome instanceof CymeError)) throw new Error(`A CymeError was wanted, got ${String(outcome)}`);
  return outcome;
}

/** Something that handlers wait for until the test opens it. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: () => resolve() };
}

const knows = (branch: Branch, ...ids: string[]) => idsOf(branch).join() === ids.join();
const memberOf = (branch: Branch, id: string) => branch.bus.members().find((member) => member.id === id);
const changesOf = ({ changes }: Branch) => changes.map(([change, { id }]) => `${change} ${id}`);
const isUp = ({ bus }: Branch) => bus.state.is === "up";

/** Two branches that know each other; `handle` is what the second, b, does. */
async function pair(world: World, handle: BusOptions["handle"], controllers = 2): Promise<{ a: Branch; b: Branch }> {
  const [a, b] = [world.start("a"), world.start("b", { handle, controllers })];
  await world.eventually(() => isUp(a) && isUp(b) && knows(a, "a", "b"), "a to know b");
  return { a, b };
}

describe.each(KINDS)("the %s bus: calls", (_, open) => {
  test("has the other branch do it, and brings what it answers", async () => {
    await using world = await open();
    const [a] = await world.cluster("a", "b");
    const args = { name: "wéb", list: [1, 2.5, null, true], deep: { "": "", __proto__: 1 } };
    const answer = await world.settled(a.bus.call("b", "add", args, LONG_MS));
    expect(answer).toEqual({ by: "b", method: "add", args, from: "a" });
  });

  test("reaches this branch itself too", async () => {
    await using world = await open();
    const [a] = await world.cluster("a");
    expect(await world.settled(a.bus.call("a", "add", [], LONG_MS))).toMatchObject({ by: "a", from: "a" });
  });

  test("an error keeps its code, message and facts; one that nobody is meant to read stays in the log", async () => {
    await using world = await open();
    const { a, b } = await pair(world, async (method) => {
      if (method === "refuse") throw conflict("web is there already", { instance: "web", on: ["b"] });
      throw new Error("a secret");
    });
    const refused = await world.settled(problemOf(a.bus.call("b", "refuse", null, LONG_MS)));
    expect(refused).toMatchObject({
      code: "conflict",
      message: "web is there already",
      facts: { instance: "web", on: ["b"] },
    });
    const broken = await world.settled(problemOf(a.bus.call("b", "break", null, LONG_MS)));
    expect(broken).toMatchObject({ code: "internal", facts: { branch: "b" } });
    expect(broken.message).not.toContain("secret");
    expect(b.lines.join("")).toContain(`id=${broken.facts["id"]}`);
  });

  test("an error that cannot be told as it is keeps its code", async () => {
    await using world = await open();
    const { a } = await pair(world, async (method) => {
      throw method === "large"
        ? conflict("x".repeat(17 * 1024 * 1024))
        : conflict("no", { whole: BigInt(1), part: method });
    });
    for (const method of ["large", "odd"]) {
      const error = await world.settled(problemOf(a.bus.call("b", method, null, LONG_MS)));
      expect([error.code, error.message.length < 10_000, error.facts]).toEqual(["conflict", true, {}]);
    }
  });

  test("no answer in time is a timeout that names the branch, which is told to end", async () => {
    await using world = await open();
    const ended = gate();
    const { a } = await pair(world, async (_method, _args, _from, signal) => {
      signal.addEventListener("abort", ended.open, { once: true });
      await new Promise(() => {});
      return null;
    });
    const late = await world.settled(problemOf(a.bus.call("b", "hang", null, SHORT_MS)));
    expect(late).toMatchObject({ code: "timeout", facts: { branch: "b" } });
    await world.settled(ended.opened);
    expect(idsOf(a)).toEqual(["a", "b"]);
  });

  test.each([false, true])(
    "a call that is given up ends at once, and the other branch is told: write %p",
    async (isWrite) => {
      await using world = await open();
      const [begun, ended] = [gate(), gate()];
      const { a, b } = await pair(world, async (_method, _args, _from, signal) => {
        signal.addEventListener("abort", ended.open, { once: true });
        begun.open();
        return new Promise(() => {});
      });
      const leaving = new AbortController();
      const options = { isWrite, signal: leaving.signal };
      const call = problemOf(a.bus.call("b", "hang", null, LONG_MS * 100, options));
      await world.settled(begun.opened);
      leaving.abort();
      expect(await world.settled(call)).toMatchObject({ code: "unavailable", facts: { branch: "b", begun: true } });
      await world.settled(ended.opened);
      const late = problemOf(a.bus.call("b", "late", null, LONG_MS, options));
      expect(await world.settled(late)).toMatchObject({ code: "unavailable", facts: { branch: "b", begun: false } });
      expect(b.begun).toEqual(["hang"]);
    },
  );

  test("a call that is given up before it was begun is not begun", async () => {
    await using world = await open();
    const [a, b] = await world.cluster("a", "b");
    world.freeze(b);
    const leaving = new AbortController();
    const call = problemOf(a.bus.call("b", "left", null, LONG_MS * 100, { isWrite: true, signal: leaving.signal }));
    leaving.abort();
    expect(await world.settled(call)).toMatchObject({ code: "unavailable", facts: { branch: "b", begun: false } });
    world.thaw(b);
    await world.eventually(() => knows(a, "a", "b") && knows(b, "a", "b"), "both to be together");
    expect(await world.settled(a.bus.call("b", "new", null, LONG_MS))).toMatchObject({ by: "b" });
    expect(b.begun).toEqual(["new"]);
  });

  test("what was begun for a branch that has gone is told to end", async () => {
    await using world = await open();
    const [begun, ended] = [gate(), gate()];
    const { a } = await pair(world, async (_method, _args, _from, signal) => {
      signal.addEventListener("abort", ended.open, { once: true });
      begun.open();
      return new Promise(() => {});
    });
    void problemOf(a.bus.call("b", "hang", null, LONG_MS * 1_000));
    await world.settled(begun.opened);
    world.kill(a);
    await world.settled(ended.opened);
  });

  test("a branch that nobody knows is unavailable, with nothing sent", async () => {
    await using world = await open();
    const [a] = await world.cluster("a");
    const works = [a.bus.call("x", "add", null, LONG_MS), a.bus.cast("x", "add", null)];
    for (const problem of works.map(problemOf)) {
      expect(await world.settled(problem)).toMatchObject({ code: "unavailable", facts: { branch: "x", begun: false } });
    }
  });

  test("a branch that was killed is unavailable at once, and gone from then on", async () => {
    await using world = await open();
    const [a, b] = await world.cluster("a", "b");
    world.kill(b);
    const error = await world.settled(
      // The broker may need a moment to see it, and what is on its way then may have begun.
      (async () => {
        for (;;) {
          const problem = await problemOf(a.bus.call("b", "add", null, SHORT_MS));
          if (problem.code === "unavailable" && problem.facts["begun"] === false) return problem;
        }
      })(),
    );
    expect(error.facts).toMatchObject({ branch: "b" });
    expect(changesOf(a)).toEqual(["joined b", "left b"]);
  });

  test("without the bus nothing is sent", async () => {
    await using world = await open();
    const [a] = await world.cluster("a", "b");
    world.cut(a);
    await world.eventually(() => a.bus.state.is === "away", "a to be away");
    const works = [
      a.bus.call("b", "add", null, LONG_MS),
      a.bus.cast("b", "add", null),
      a.bus.cast(null, "add", null),
      a.bus.withLock("one", LONG_MS, async () => null),
    ];
    for (const problem of works.map(problemOf))
      expect(await world.settled(problem)).toMatchObject({ code: "unavailable" });
  });

  test("one on its way when the connection is lost is unavailable at once, and may have been done", async () => {
    await using world = await open();
    const begun = gate();
    const { a } = await pair(world, () => {
      begun.open();
      return new Promise(() => {});
    });
    const call = problemOf(a.bus.call("b", "hang", null, LONG_MS * 100));
    await world.settled(begun.opened);
    world.cut(a);
    expect(await world.settled(call)).toMatchObject({ code: "unavailable", facts: { branch: "b", begun: true } });
  });

  test("one on its way when the other branch is seen to be gone is unavailable, and may have been done", async () => {
    await using world = await open();
    const begun = gate();
    const { a, b } = await pair(world, () => {
      begun.open();
      return new Promise(() => {});
    });
    const call = problemOf(a.bus.call("b", "hang", null, LONG_MS * 100));
    await world.settled(begun.opened);
    world.kill(b);
    expect(await world.settled(call)).toMatchObject({ code: "unavailable", facts: { branch: "b", begun: true } });
  });

  test("a write is done as any call, on this branch itself too", async () => {
    await using world = await open();
    const [a] = await world.cluster("a", "b");
    for (const to of ["a", "b"]) {
      const answer = a.bus.call(to, "add", [1], LONG_MS, { isWrite: true });
      expect(await world.settled(answer)).toEqual({ by: to, method: "add", args: [1], from: "a" });
    }
  });

  test("a write that was given up before it was begun is not begun later, though its time is not over", async () => {
    await using world = await open();
    const [a, b] = await world.cluster("a", "b");
    world.freeze(b);
    const write = problemOf(a.bus.call("b", "write", null, LONG_MS * 100, { isWrite: true }));
    const late = await world.settled(problemOf(a.bus.call("b", "write", null, SHORT_MS, { isWrite: true })));
    expect(late).toMatchObject({ code: "timeout", facts: { branch: "b", begun: false } });
    expect(await world.settled(write)).toMatchObject({ code: "unavailable", facts: { branch: "b", begun: false } });
    world.thaw(b);
    await world.eventually(() => b.lines.filter((line) => line.includes("came too late")).length === 2, "both found");
    await world.eventually(() => knows(a, "a", "b"), "b to be back");
    expect(await world.settled(a.bus.call("b", "new", null, LONG_MS, { isWrite: true }))).toMatchObject({ by: "b" });
    expect(b.begun).toEqual(["new"]);
  });

  test("of a write that was begun and not answered nobody knows", async () => {
    await using world = await open();
    const { a, b } = await pair(world, () => new Promise(() => {}));
    const late = await world.settled(problemOf(a.bus.call("b", "hang", null, SHORT_MS, { isWrite: true })));
    expect(late).toMatchObject({ code: "timeout", facts: { branch: "b", begun: true } });
    const write = problemOf(a.bus.call("b", "hang", null, LONG_MS * 100, { isWrite: true }));
    await world.eventually(() => b.begun.length === 2, "it to be begun");
    world.kill(b);
    expect(await world.settled(write)).toMatchObject({ code: "unavailable", facts: { branch: "b", begun: true } });
  });

  test("a write whose caller has gone is not begun", async () => {
    await using world = await open();
    const [a, b] = await world.cluster("a", "b");
    world.freeze(b);
    void problemOf(a.bus.call("b", "write", null, LONG_MS * 100, { isWrite: true }));
    // It is on its way when this one is.
    void problemOf(a.bus.call("b", "last", null, LONG_MS * 100));
    await world.eventually(() => knows(a, "a"), "b to be gone");
    world.kill(a);
    world.thaw(b);
    await world.eventually(() => b.lines.some((line) => line.includes("came too late")), "it to be found");
    expect(b.begun).toEqual(["last"]);
  });

  test("a branch that stops ends what it is doing first, and answers", async () => {
    await using world = await open();
    const begun = gate();
    const { a, b } = await pair(world, async () => {
      begun.open();
      await closing.opened;
      return "done";
    });
    const closing = gate();
    const call = a.bus.call("b", "work", null, LONG_MS);
    await world.settled(begun.opened);
    const stopped = b.bus.stop(world.clock.now() + LONG_MS);
    closing.open();
    expect(await world.settled(call)).toBe("done");
    await world.settled(stopped);
    await world.eventually(() => knows(a, "a"), "b to have left");
  });

  test("a thousand at the same time each get their own answer", async () => {
    await using world = await open();
    const [a] = await world.cluster("a", "b", "c");
    const calls = Array.from({ length: 1_000 }, (_unused, index) =>
      a.bus.call(index % 2 === 0 ? "b" : "c", "add", index, LONG_MS),
    );
    const answers = (await world.settled(Promise.all(calls))) as { by: string; args: Json }[];
    expect(answers.map(({ args }) => args)).toEqual(Array.from({ length: 1_000 }, (_unused, index) => index));
    expect(new Set(answers.map(({ by }) => by))).toEqual(new Set(["b", "c"]));
  });

  test("large messages pass both ways, too large ones are refused on either side", async () => {
    await using world = await open();
    const { a } = await pair(world, async (method, args) => (method === "echo" ? args : "x".repeat(17 * 1024 * 1024)));
    const large = "é".repeat(5 * 1024 * 1024);
    expect((await world.settled(a.bus.call("b", "echo", large, LONG_MS))) === large).toBe(true);
    const works = [
      a.bus.call("b", "echo", large + large, LONG_MS),
      a.bus.call("b", "more", null, LONG_MS),
      a.bus.cast("b", "echo", large + large),
    ];
    for (const problem of works.map(problemOf))
      expect(await world.settled(problem)).toMatchObject({ code: "too-large" });
    expect(idsOf(a)).toEqual(["a", "b"]);
  });

  test("slow work does not hold up other work, however much of it there is", async () => {
    await using world = await open();
    const slow = gate();
    const { a, b } = await pair(world, async (method) => {
      if (method === "slow") await slow.opened;
      return method;
    });
    // More than all controllers have places for.
    const waiting = Array.from({ length: 150 }, () => a.bus.call("b", "slow", null, LONG_MS * 10));
    await world.eventually(() => b.begun.length === 150, "all slow work to have begun");
    expect(await world.settled(a.bus.call("b", "fast", null, LONG_MS))).toBe("fast");
    slow.open();
    await world.settled(Promise.all(waiting));
  });
});

describe.each(KINDS)("the %s bus: casts and gathers", (_, open) => {
  test("a cast is heard by the one, or by everybody else", async () => {
    await using world = await open();
    const [a, b, c] = await world.cluster("a", "b", "c");
    await world.settled(a.bus.cast("b", "to b", null));
    await world.settled(a.bus.cast(null, "to all", null));
    await world.eventually(
      () => b.begun.toSorted().join() === "to all,to b" && c.begun.join() === "to all",
      "them to hear it",
    );
    expect(a.begun).toEqual([]);
  });

  test("a gather names who answered, who failed and who was silent, and takes no longer than it must", async () => {
    await using world = await open();
    const [a, b, c, d] = await world.cluster("a", "b", "c", "d");
    const e = world.start("e", { handle: () => Promise.reject(conflict("not now")) });
    await world.eventually(() => knows(a, "a", "b", "c", "d", "e") && isUp(e), "a to know e");
    expect(await world.settled(a.bus.gather(["a", "b", "e"], "list", 1, LONG_MS * 100))).toEqual({
      answers: new Map<string, Json>([a, b].map(({ id }) => [id, { by: id, method: "list", args: 1, from: "a" }])),
      errors: new Map([["e", conflict("not now")]]),
      silent: [],
    });
    world.freeze(c);
    world.kill(d);
    const heard = await world.settled(a.bus.gather(["b", "c", "d", "x"], "list", null, SHORT_MS));
    expect([[...heard.answers.keys()], [...heard.errors.keys()], heard.silent]).toEqual([["b"], [], ["c", "d", "x"]]);
    expect(idsOf(a)).toContain("c");
  });

  test("without the bus all are silent", async () => {
    await using world = await open();
    const [a] = await world.cluster("a", "b");
    world.cut(a);
    await world.eventually(() => a.bus.state.is === "away", "a to be away");
    const { answers, errors, silent } = await world.settled(a.bus.gather(["a", "b"], "list", null, LONG_MS));
    expect([answers.size, errors.size, silent]).toEqual([0, 0, ["a", "b"]]);
  });
});

describe.each(KINDS)("the %s bus: presence", (_, open) => {
  test("branches see each other, and what each says of itself", async () => {
    await using world = await open();
    const branches = await world.cluster("b", "a", "c");
    for (const branch of branches) {
      expect(branch.bus.members()).toEqual(
        ["a", "b", "c"].map((id) => ({
          id,
          incarnation: expect.any(String),
          startedAtMs: expect.any(Number),
          version: "1.2.3",
          facts: { url: `http://${id}` },
          heardMs: expect.any(Number),
        })),
      );
      expect(new Set(changesOf(branch))).toEqual(
        new Set(["a", "b", "c"].filter((id) => id !== branch.id).map((id) => `joined ${id}`)),
      );
    }
  });

  test("a branch that stops is gone, and does not come back", async () => {
    await using world = await open();
    const [a, b, c] = await world.cluster("a", "b", "c");
    await world.settled(b.bus.stop(world.clock.now() + LONG_MS));
    await world.eventually(() => knows(a, "a", "c") && knows(c, "a", "c"), "b to be gone");
    expect(changesOf(a).filter((change) => change.endsWith("b"))).toEqual(["joined b", "left b"]);
    expect(await problemOf(b.bus.call("a", "add", null, LONG_MS))).toMatchObject({ code: "unavailable" });
  });

  test("a branch that was killed is gone when its heartbeats are missed", async () => {
    await using world = await open();
    const [a, b] = await world.cluster("a", "b");
    world.kill(b);
    await world.eventually(() => knows(a, "a"), "b to be gone");
  });

  test("facts that changed are told", async () => {
    await using world = await open();
    let load = 1;
    const a = world.start("a");
    const b = world.start("b", { facts: () => ({ load }) });
    await world.eventually(() => isUp(a) && isUp(b) && knows(a, "a", "b"), "a to know b");
    load = 2;
    b.bus.announce();
    await world.eventually(() => changesOf(a).includes("changed b"), "a to hear it");
    expect(memberOf(a, "b")?.facts).toEqual({ load: 2 });
    expect(memberOf(b, "b")?.facts).toEqual({ load: 2 });
  });

  test("a frozen branch is silent at first, then gone, and comes back; what it got meanwhile is not done", async () => {
    await using world = await open();
    const [a, b] = await world.cluster("a", "b");
    world.freeze(b);
    const late = await world.settled(problemOf(a.bus.call("b", "old", null, SHORT_MS)));
    expect(late).toMatchObject({ code: "timeout", facts: { branch: "b" } });
    expect(idsOf(a)).toEqual(["a", "b"]);
    await world.eventually(() => knows(a, "a"), "b to be gone");
    const { incarnation } = b.bus.members().find(({ id }) => id === "b") ?? {};
    world.thaw(b);
    await world.eventually(() => knows(a, "a", "b") && knows(b, "a", "b"), "b to be back");
    expect(memberOf(a, "b")?.incarnation).toBe(incarnation ?? "");
    expect(await world.settled(a.bus.call("b", "new", null, LONG_MS))).toMatchObject({ by: "b" });
    expect(b.begun).toEqual(["new"]);
  });

  test("a branch that loses its connection keeps the others for a while, then is alone, and finds them again", async () => {
    await using world = await open();
    const [a, b] = await world.cluster("a", "b");
    world.cut(a);
    await world.eventually(() => a.bus.state.is === "away", "a to be away");
    expect(idsOf(a)).toEqual(["a", "b"]);
    await world.eventually(() => knows(a, "a") && knows(b, "b"), "both to be alone");
    world.mend(a);
    await world.eventually(() => isUp(a) && knows(a, "a", "b") && knows(b, "a", "b"), "both to be together");
    expect(await world.settled(a.bus.call("b", "add", null, LONG_MS))).toMatchObject({ by: "b" });
    expect(await world.settled(b.bus.call("a", "add", null, LONG_MS))).toMatchObject({ by: "a" });
  });
});

describe.each(KINDS)("the %s bus: one id, one branch", (_, open) => {
  test("another branch of an id that is taken is refused, and does nothing", async () => {
    await using world = await open();
    const [a, b] = await world.cluster("a", "b");
    const other = world.start("b", { key: "another store's" });
    await world.eventually(() => other.refusals.length > 0, "it to be refused");
    const [why] = other.refusals;
    expect(why).toMatchObject({ code: "conflict", facts: { branch: "b", pid: process.pid } });
    expect(why?.message).toMatch(/another branch of that id runs on .+, process \d+, since .+ --id/);
    for (let call = 0; call < 10; call++) await world.settled(a.bus.call("b", "add", call, LONG_MS));
    expect([b.begun.length, other.begun.length, other.bus.state.is]).toEqual([10, 0, "away"]);
    expect([b.refusals, changesOf(a)]).toEqual([[], ["joined b"]]);
  });

  test("of two that come at the same time exactly one stays", async () => {
    await using world = await open();
    const [a] = await world.cluster("a");
    const both = [world.start("b", { key: "one" }), world.start("b", { key: "two" })];
    const refused = () => both.filter(({ refusals }) => refusals.length > 0);
    await world.eventually(() => refused().length === 1 && knows(a, "a", "b"), "one to be refused");
    const winner = both.find((branch) => !refused().includes(branch));
    await world.eventually(() => winner?.bus.state.is === "up", "the other to serve");
    for (let call = 0; call < 10; call++) await world.settled(a.bus.call("b", "add", call, LONG_MS));
    expect([winner?.begun.length, refused().map(({ begun }) => begun.length)]).toEqual([10, [0]]);
  });

  test("of two that did not hear each other the later is refused when they meet", async () => {
    await using world = await open();
    const [a, first] = await world.cluster("a", "b");
    world.freeze(first);
    const second = world.start("b", { key: "another store's" });
    await world.eventually(() => isUp(second) && knows(second, "a", "b"), "the second to serve");
    world.thaw(first);
    await world.eventually(() => second.refusals.length > 0, "the second to be refused");
    await world.eventually(() => isUp(first) && knows(a, "a", "b"), "the first to be there");
    expect(await world.settled(a.bus.call("b", "add", null, LONG_MS))).toMatchObject({ by: "b" });
    expect([first.begun, second.begun, first.refusals]).toEqual([["add"], [], []]);
  });

  test("the same branch takes its id over at once, though the broker still holds its old connection", async () => {
    await using world = await open();
    const [a, old] = await world.cluster("a", "b");
    world.freeze(old);
    // A clock of milliseconds must tell them apart.
    await world.eventually(() => world.clock.now() > (memberOf(a, "b")?.startedAtMs ?? 0), "time to pass");
    const renewed = world.start("b");
    await world.eventually(
      () => memberOf(a, "b")?.incarnation === memberOf(renewed, "b")?.incarnation,
      "it to be seen",
    );
    expect(await world.settled(a.bus.call("b", "add", null, LONG_MS))).toMatchObject({ by: "b" });
    expect([old.begun, renewed.begun, renewed.refusals]).toEqual([[], ["add"], []]);
    expect(changesOf(a)).toEqual(["joined b", "left b", "joined b"]);
    world.thaw(old);
    await world.eventually(() => old.refusals.length > 0, "the old one to hear of it");
    expect(old.refusals[0]).toMatchObject({ code: "conflict" });
    expect(old.refusals[0]?.message).toContain("the same branch runs on");
    expect(renewed.refusals).toEqual([]);
  });
});

describe.each(KINDS)("the %s bus: a copy of a branch", (_, open) => {
  test("that is started beside it is refused, and the branch goes on", async () => {
    await using world = await open();
    const [a, b] = await world.cluster("a", "b");
    await world.eventually(() => world.clock.now() > (memberOf(a, "b")?.startedAtMs ?? 0), "time to pass");
    const copy = world.start("b");
    await world.eventually(() => copy.refusals.length > 0, "it to be refused");
    expect(copy.refusals[0]).toMatchObject({ code: "conflict", facts: { branch: "b", pid: process.pid } });
    expect(copy.refusals[0]?.message).toMatch(/the same branch runs on .+ if one is a copy of the other/);
    for (let call = 0; call < 10; call++) await world.settled(a.bus.call("b", "add", call, LONG_MS));
    expect([b.begun.length, copy.begun.length, copy.bus.state.is]).toEqual([10, 0, "away"]);
    expect([b.refusals, changesOf(a)]).toEqual([[], ["joined b"]]);
  });

  test("is refused under another id too, unless the branch has ended", async () => {
    await using world = await open();
    const [a, b] = await world.cluster("a", "b");
    await world.eventually(() => world.clock.now() > (memberOf(a, "b")?.startedAtMs ?? 0), "time to pass");
    const copy = world.start("c", { key: "key of b" });
    await world.eventually(() => copy.refusals.length > 0, "it to be refused");
    expect(copy.refusals[0]).toMatchObject({ code: "conflict", facts: { branch: "c" } });
    expect(copy.refusals[0]?.message).toContain("the same branch runs as b on");
    expect([b.refusals, idsOf(a), copy.bus.state.is]).toEqual([[], ["a", "b"], "away"]);
    world.kill(b);
    const renamed = world.start("c", { key: "key of b" });
    await world.eventually(() => isUp(renamed) && knows(a, "a", "c"), "it to serve");
    expect(renamed.refusals).toEqual([]);
  });
});

describe.each(KINDS)("the %s bus: locks", (_, open) => {
  test("fifty of five branches want one lock, and have it one after another", async () => {
    await using world = await open();
    const branches = await world.cluster("a", "b", "c", "d", "e");
    let holders = 0;
    let most = 0;
    const hold = async () => {
      most = Math.max(most, ++holders);
      await Promise.resolve();
      await new Promise<void>((resolve) => setImmediate(resolve));
      holders--;
      return 1;
    };
    const works = Array.from({ length: 10 }, () => branches.map(({ bus }) => bus.withLock("one", LONG_MS * 10, hold)));
    const done = await world.settled(Promise.all(works.flat()));
    expect([done.length, most]).toEqual([50, 1]);
  }, 60_000);

  test("locks of different names do not wait for each other; what the work gives or throws is passed on", async () => {
    await using world = await open();
    const [a, b] = await world.cluster("a", "b");
    const held = gate();
    const first = a.bus.withLock("one", LONG_MS, async () => {
      await held.opened;
      return "one";
    });
    const failed = b.bus.withLock("two", LONG_MS, () => Promise.reject(conflict("no")));
    expect(await world.settled(problemOf(failed))).toMatchObject({ code: "conflict", message: "no" });
    held.open();
    expect(await world.settled(first)).toBe("one");
    expect(await world.settled(b.bus.withLock("one", LONG_MS, async () => "again"))).toBe("again");
    expect(await world.settled(a.bus.withLock("two", LONG_MS, async () => "too"))).toBe("too");
  });

  test("a lock that is not had in time is a timeout, here and on another branch", async () => {
    await using world = await open();
    const [a, b] = await world.cluster("a", "b");
    const [held, had] = [gate(), gate()];
    const holder = a.bus.withLock("one", LONG_MS, () => {
      had.open();
      return held.opened;
    });
    await world.settled(had.opened);
    for (const { bus } of [a, b]) {
      const late = await world.settled(problemOf(bus.withLock("one", SHORT_MS, async () => null)));
      expect(late).toMatchObject({ code: "timeout", facts: { lock: "one" } });
    }
    held.open();
    await world.settled(holder);
    expect(await world.settled(b.bus.withLock("one", LONG_MS, async () => "free"))).toBe("free");
  });

  test("the lock of a branch that was killed is free", async () => {
    await using world = await open();
    const [a, b] = await world.cluster("a", "b");
    const had = gate();
    void a.bus.withLock("one", LONG_MS, () => {
      had.open();
      return new Promise(() => {});
    });
    await world.settled(had.opened);
    world.kill(a);
    expect(await world.settled(b.bus.withLock("one", LONG_MS, async () => "free"))).toBe("free");
  });

  test("who loses the connection is told that the lock is lost, and can have it again later", async () => {
    await using world = await open();
    const [a] = await world.cluster("a", "b");
    const [had, told] = [gate(), gate()];
    const holder = a.bus.withLock("one", LONG_MS, async (lost) => {
      lost.addEventListener("abort", told.open, { once: true });
      had.open();
      await told.opened;
      return lost.aborted;
    });
    await world.settled(had.opened);
    world.cut(a);
    expect(await world.settled(holder)).toBe(true);
    world.mend(a);
    await world.eventually(() => isUp(a), "a to be back");
    expect(await world.settled(a.bus.withLock("one", LONG_MS, async (lost) => lost.aborted))).toBe(false);
  });
});

describe.each(KINDS)("the %s bus: messages of others", (_, open) => {
  const request = (more: Record<string, Json>) =>
    JSON.stringify({
      v: 1,
      kind: "call",
      id: "1",
      from: "x",
      incarnation: "x",
      method: "add",
      args: null,
      sentMs: 0,
      forMs: 1e15,
      ...more,
    });

  test("fields that are not known are ignored, here and in what is answered", async () => {
    await using world = await open();
    const [b] = await world.cluster("b");
    const outsider = await world.outsider();
    await world.inject(inboxOf(b), request({ replyTo: outsider.address, later: { more: 1 } }));
    await world.eventually(() => outsider.messages.length > 0, "the answer");
    expect(outsider.messages).toMatchObject([{ v: 1, kind: "answer", id: "1", result: { by: "b", from: "x" } }]);
  });

  test("a request that comes twice, as after a lost connection, is done once", async () => {
    await using world = await open();
    const [b] = await world.cluster("b");
    const outsider = await world.outsider();
    const twice = request({ id: "same", replyTo: outsider.address });
    await world.inject(inboxOf(b), twice);
    await world.inject(inboxOf(b), twice);
    await world.inject(inboxOf(b), request({ id: "last", replyTo: outsider.address, method: "last" }));
    await world.eventually(() => outsider.messages.length === 2, "both answers");
    expect([b.begun.toSorted(), outsider.messages.map(({ id }) => id).toSorted()]).toEqual([
      ["add", "last"],
      ["last", "same"],
    ]);
  });

  test("a call of another version is answered with a conflict that names both", async () => {
    await using world = await open();
    const [b] = await world.cluster("b");
    const outsider = await world.outsider();
    const call = { v: 2, kind: "call", id: "7", replyTo: outsider.address, whatever: true };
    await world.inject(inboxOf(b), JSON.stringify(call));
    await world.eventually(() => outsider.messages.length > 0, "the answer");
    expect(outsider.messages).toMatchObject([
      { v: 1, kind: "failure", id: "7", code: "conflict", facts: { branch: "b", version: 1, wanted: 2 } },
    ]);
    expect(String(outsider.messages[0]?.["message"])).toContain("speaks version 1");
    expect(b.begun).toEqual([]);
  });

  test("an answer of another version is a conflict that names both", async () => {
    await using world = await open();
    const [a] = await world.cluster("a");
    const outsider = await world.outsider();
    const presence = {
      v: 1,
      kind: "presence",
      hello: false,
      branch: "x",
      incarnation: "i",
      startedAtMs: 1,
      version: "9",
      keyHash: "k",
      isServing: true,
      host: "h",
      pid: 1,
      everyMs: 60_000,
      sentMs: 1,
      factsHash: "f",
      facts: { of: "x" },
      inbox: outsider.address,
      ear: outsider.address,
    };
    await world.inject(undefined, JSON.stringify(presence));
    await world.eventually(() => knows(a, "a", "x"), "a to know x");
    const call = problemOf(a.bus.call("x", "add", null, LONG_MS * 10));
    await world.eventually(() => outsider.messages.some(({ kind }) => kind === "call"), "the call to come");
    const { id, replyTo } = outsider.messages.find(({ kind }) => kind === "call") ?? {};
    await world.inject(String(replyTo), JSON.stringify({ v: 2, kind: "answer", id: id ?? null, other: 1 }));
    expect(await world.settled(call)).toMatchObject({
      code: "conflict",
      facts: { branch: "x", version: 2, wanted: 1 },
    });
  });

  test("what cannot be read is dropped, logged, and harms nobody", async () => {
    await using world = await open();
    const [a, b] = await world.cluster("a", "b");
    const long = "x".repeat(1_000);
    const hostile: (string | Uint8Array)[] = [
      "",
      "{",
      "null",
      "[]",
      '"text"',
      "{}",
      '{"v":1}',
      '{"v":"1","kind":"call"}',
      '{"v":1,"kind":"__proto__"}',
      '{"v":2}',
      '{"v":2,"kind":"call","id":"1","replyTo":7}',
      '{"v":1,"kind":"presence","branch":"b"}',
      '{"v":1,"kind":"goodbye","branch":"b","incarnation":"not it"}',
      '{"v":1,"kind":"ask","replyTo":"nowhere"}',
      '{"v":1,"kind":"answer","id":"unknown"}',
      '{"v":1,"kind":"failure","id":"unknown","code":"__proto__","message":"","facts":{}}',
      "[".repeat(100_000),
      Uint8Array.from([0xff, 0xfe, 0x00]),
      request({ replyTo: long }),
      request({ replyTo: "nowhere" }),
      request({ replyTo: "nowhere", sentMs: "soon" }),
      request({ replyTo: "nowhere", forMs: -1 }),
    ];
    for (const body of hostile) {
      await world.inject(undefined, body);
      await world.inject(inboxOf(b), body);
    }
    const answer = await world.settled(a.bus.call("b", "sane", null, LONG_MS));
    expect(answer).toMatchObject({ by: "b" });
    // Presence, answers and calls come in different queues: only what was logged shows that both have been read.
    await world.eventually(
      () => b.lines.filter((line) => line.includes("cannot be read")).length >= 20,
      "all to have been read",
    );
    expect(b.begun.toSorted()).toEqual(["add", "sane"]);
    expect([idsOf(a), idsOf(b)]).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
    expect(changesOf(a)).toEqual(["joined b"]);
  });
});

describe.each([
  ["memory", openMemory],
  ["AMQP", openOwnAmqp],
] as const)("the %s bus: a broker that goes and comes back", (_, open) => {
  test("everybody is away, calls on their way are told so, and all find themselves again", async () => {
    await using world = await open();
    const [a, b, c] = await world.cluster("a", "b", "c");
    const all = [a, b, c];
    await world.stopBroker();
    await world.eventually(() => all.every(({ bus }) => bus.state.is === "away"), "all to be away");
    expect(a.bus.state.reason).toMatch(/.+/);
    await world.eventually(() => all.every((branch) => knows(branch, branch.id)), "each to be alone");
    await world.startBroker();
    await world.eventually(() => all.every((branch) => isUp(branch) && knows(branch, "a", "b", "c")), "all to be back");
    const { answers, silent } = await world.settled(a.bus.gather(["a", "b", "c"], "list", null, LONG_MS));
    expect([[...answers.keys()], silent]).toEqual([["a", "b", "c"], []]);
    await world.settled(b.bus.cast(null, "told", null));
    await world.eventually(() => a.begun.includes("told") && c.begun.includes("told"), "a cast to be heard");
    expect(await world.settled(c.bus.withLock("one", LONG_MS, async () => "had"))).toBe("had");
    expect(all.flatMap(({ refusals }) => refusals)).toEqual([]);
  }, 120_000);
});

describe("the AMQP bus", () => {
  test.each<[string, (branch: Branch, channel: AMQPChannel) => Promise<unknown>]>([
    ["the exchange", (_branch, channel) => channel.exchangeDelete("cyme.bus")],
    ["the inbox", (branch, channel) => channel.queueDelete(inboxOf(branch))],
  ])("declares %s again when somebody deletes it", async (_, remove) => {
    await using world = await openAmqp();
    const [a, b] = await world.cluster("a", "b");
    await world.onBroker((channel) => remove(b, channel));
    await world.eventually(async () => {
      await a.bus.cast(null, "told", null);
      await a.bus.call("b", "asked", null, SHORT_MS);
      return b.begun.includes("told") && knows(a, "a", "b") && knows(b, "a", "b");
    }, "casts and calls to come again");
  });
});
