import { describe, expect, test } from "bun:test";
import { Claims } from "../cluster/claims.ts";
import { Cluster } from "../cluster/cluster.ts";
import { Owners } from "../cluster/owners.ts";
import type { Bus, BusOptions, Json } from "../bus/bus.ts";
import type { ForwardedAnswer } from "../domain/forward.ts";
import { ManualClock } from "../kit/clock.ts";
import { silentLog } from "../kit/log.ts";
import { Store } from "../store/store.ts";
import { Elsewhere } from "./elsewhere.ts";

const ANSWER: ForwardedAnswer = { status: 200, headers: {}, body: { text: '["web"]' } };
const OPTIONS = { nowait: false, timeoutMs: 5_000 };

describe("what others ask of a branch", () => {
  test("is answered up to a number at the same time, and refused above it", async () => {
    const { elsewhere, asked } = setup({});
    const ended = Promise.withResolvers<Json>();
    elsewhere.serve(() => ended.promise);
    const answers = Array.from({ length: 2_000 }, () => asked("request"));
    expect(await asked("request").catch((error: unknown) => error)).toMatchObject({
      code: "unavailable",
      facts: { branch: "a", stored: false },
    });
    expect(await asked("tasks.ask")).toBe(false);
    ended.resolve("done");
    await Promise.all(answers);
    expect(await asked("request")).toBe("done");
  });
});

describe("a list of all branches", () => {
  test("takes one whose answer cannot be read for silent", async () => {
    const wrong: Json[] = ["no answer", { ...ANSWER, body: { text: "[" } }, { ...ANSWER, body: { text: '{"web":1}' } }];
    for (const answer of wrong) {
      const { elsewhere } = setup({ b: answer, c: ANSWER });
      const silent = new Set<string>();
      expect(await elsewhere.gather("/shop/instances/", { ...OPTIONS, silent })).toEqual([["web"]]);
      expect([...silent]).toEqual(["b"]);
    }
  });
});

/** Branch a on a bus on which the others answer what is given. */
function setup(others: Readonly<Record<string, Json>>) {
  const clock = new ManualClock();
  const store = new Store(":memory:");
  const opened: { handle?: BusOptions["handle"] } = {};
  const openBus = ({ handle }: Pick<BusOptions, "handle">): Bus => {
    opened.handle = handle;
    return busOf(others);
  };
  const cluster = new Cluster({ store, clock, log: silentLog, branchId: "a", openBus });
  for (const id of Object.keys(others)) cluster.remember(id, null);
  const owners = new Owners({ store, clock, log: silentLog, cluster, random: () => 0 });
  const claims = new Claims({ store, clock, cluster, owners, random: () => 0 });
  const elsewhere = new Elsewhere({ cluster, claims, store, clock }, () => false);
  const asked = async (method: string) => opened.handle?.(method, { uuid: "x" }, "b", new AbortController().signal);
  return { elsewhere, asked };
}

function busOf(others: Readonly<Record<string, Json>>): Bus {
  const unused = () => {
    throw new Error("nobody was expected to ask for this");
  };
  const about = { incarnation: "1", startedAtMs: 0, version: "1", facts: null, heardMs: 0 };
  return {
    state: { is: "up", sinceMs: 0 },
    turns: 0,
    onState: () => () => {},
    start: unused,
    stop: unused,
    members: () => ["a", ...Object.keys(others)].map((id) => ({ id, ...about })),
    onMember: () => () => {},
    announce: unused,
    call: unused,
    cast: unused,
    gather: async () => ({ answers: new Map(Object.entries(others)), errors: new Map(), silent: [] }),
    withLock: unused,
  };
}
