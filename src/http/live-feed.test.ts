import { describe, expect, spyOn, test } from "bun:test";
import { Events } from "../../test/harness/events.ts";
import type { Who } from "../domain/access.ts";
import type { BranchDetail } from "../controller/branches.ts";
import { controllerOf } from "../controller/test-support.ts";
import { words } from "../domain/test-support.ts";
import { silentLog } from "../kit/log.ts";
import { TestBranch } from "../supervisor/test-support.ts";
import { Feed, type Reader } from "./live-feed.ts";
import { masked } from "./mask.ts";

const DETAIL = {
  id: "b1",
  url: null,
  port: null,
  startedAtMs: null,
  pid: 1,
  instances: 0,
  loadAverage: [],
  diskUse: null,
} as unknown as BranchDetail;

const OWNER: Who = { name: null, role: "admin", by: "socket", from: null };

/** What readers of one branch are told, by the clock of the test. */
function feeding(pid: number | null = 1) {
  const branch = new TestBranch();
  const { live, health, depths, samples, taskList } = controllerOf(branch);
  const branches = { own: () => ({ ...DETAIL, pid }) } as never;
  const feed = new Feed({
    controller: { live, branches, health, depths, samples, taskList },
    brokerOf: ({ broker }) => broker ?? branch.broker.broker,
    clock: branch.clock,
    log: silentLog,
  });
  const leaving = new AbortController();
  const open = async (reader: Partial<Reader> = {}) => {
    const all = { mask: undefined, mayRead: async () => true, isShut: () => false, who: OWNER, until: leaving.signal };
    const events = new Events(feed.open({ ...all, ...reader }));
    await branch.clock.advance(0);
    return events;
  };
  const dispose = async () => {
    leaving.abort();
    await branch[Symbol.asyncDispose]();
  };
  return { branch, feed, live, open, leaving, [Symbol.asyncDispose]: dispose };
}

describe("the feed", () => {
  test("tells who may not see passwords of everything else, at first and later", async () => {
    await using at = feeding();
    await at.branch.add("web", { env: { KEY: "secret" } });
    const [viewer, admin] = [await at.open({ mask: masked }), await at.open()];
    for (const state of ["running", "disabled"]) {
      expect(admin.last("instance")).toMatchObject({ state, env: { KEY: "secret" }, broker: { password: "hush" } });
      expect(viewer.last("instance")).toMatchObject({ state, env: { KEY: null }, broker: { password: null } });
      expect(viewer.last("app")).toMatchObject({ broker: { userid: "me", password: null } });
      await at.branch.wish("web", { isEnabled: false });
      await at.branch.clock.advance(2_000);
    }
    expect(viewer.text).not.toContain("hush");
    expect(viewer.text).not.toContain("secret");
  });

  test("looks once a second however many read, and not at all while nobody does", async () => {
    await using at = feeding();
    const looks = spyOn(at.live, "others");
    await at.branch.clock.advance(10_000);
    expect(looks).not.toHaveBeenCalled();
    const one = await at.open();
    await at.branch.clock.advance(2_500);
    const looksOf = async () => {
      looks.mockClear();
      await at.branch.clock.advance(30_000);
      return looks.mock.calls.length;
    };
    const alone = await looksOf();
    const more = await Promise.all(Array.from({ length: 10 }, () => at.open()));
    expect(await looksOf()).toBe(alone);
    for (const events of [one, ...more]) await events[Symbol.asyncDispose]();
    expect(await looksOf()).toBe(0);
  });

  test("says every 15 seconds that it is alive", async () => {
    await using at = feeding();
    const events = await at.open();
    await at.branch.clock.advance(45_000);
    expect(events.text.match(/^: alive$/gm)).toHaveLength(3);
  });

  test("ends for who may not read any more, and only then", async () => {
    await using at = feeding();
    let may = true;
    const [revoked, other] = [await at.open({ mayRead: async () => may }), await at.open()];
    await at.branch.clock.advance(16_000);
    expect(revoked.isOver).toBe(false);
    may = false;
    await at.branch.clock.advance(16_000);
    expect([revoked.isOver, other.isOver]).toEqual([true, false]);
  });

  test("tells nothing more to whom it is shut, from the next look on", async () => {
    await using at = feeding();
    let isShut = false;
    const [open, other] = [await at.open({ isShut: () => isShut }), await at.open()];
    await at.branch.clock.advance(5_000);
    expect(open.isOver).toBe(false);
    isShut = true;
    await at.branch.add("web", { env: { KEY: "secret" } });
    await at.branch.clock.advance(1_000);
    expect([open.isOver, other.isOver]).toEqual([true, false]);
    expect(other.text).toContain("secret");
    expect(open.text).not.toContain("secret");
  });

  test("ends when the server does", async () => {
    await using at = feeding();
    const events = await at.open();
    at.leaving.abort();
    await at.branch.clock.advance(0);
    expect(events.isOver).toBe(true);
    const late = await at.open();
    expect(late.isOver).toBe(true);
    const next = await at.open({ until: new AbortController().signal });
    await at.branch.clock.advance(16_000);
    expect(next.text).toContain(": alive");
    await next[Symbol.asyncDispose]();
  });

  test("has 200 readers at most", async () => {
    await using at = feeding();
    for (let i = 0; i < 200; i++) await at.open();
    const reader = {
      mask: undefined,
      mayRead: async () => true,
      isShut: () => false,
      who: OWNER,
      until: at.leaving.signal,
    };
    expect(words(() => at.feed.open(reader))).toContain("200 readers");
  });

  test("has 20 readers of one name at most, whose places are free again once they leave", async () => {
    await using at = feeding();
    const who: Who = { name: "ann", role: "viewer", by: "session", from: null };
    const [first] = await Promise.all(Array.from({ length: 20 }, () => at.open({ who })));
    const reader = { mask: undefined, mayRead: async () => true, isShut: () => false, who, until: at.leaving.signal };
    expect(words(() => at.feed.open(reader))).toContain('"ann" has 20 readers');
    await first?.[Symbol.asyncDispose]();
    expect(() => at.feed.open(reader)).not.toThrow();
  });

  test("is refused where no daemon runs, since nothing would ever change", async () => {
    await using at = feeding(null);
    const reader = {
      mask: undefined,
      mayRead: async () => true,
      isShut: () => false,
      who: OWNER,
      until: at.leaving.signal,
    };
    expect(words(() => at.feed.open(reader))).toContain("No daemon runs here");
  });

  test("tells who comes again of what is there now alone", async () => {
    await using at = feeding();
    at.branch.declare("orders", "mails");
    const first = await at.open();
    expect(first.all.filter(({ event }) => event === "queue")).toHaveLength(2);
    await first[Symbol.asyncDispose]();
    at.branch.store.queues.remove("shop", "mails");
    const second = await at.open();
    expect(second.last("queue", { name: "orders" })).toBeDefined();
    expect(second.last("queue", { name: "mails" })).toBeUndefined();
    expect(second.last("queue-gone")).toBeUndefined();
  });
});

describe("queues in the feed", () => {
  test("have the counts of their broker, every five seconds, and none while it is away", async () => {
    await using at = feeding();
    at.branch.declare("orders");
    at.branch.broker.counts.set("orders", { messages: 3, consumers: 2 });
    const events = await at.open();
    await at.branch.clock.advance(1_000);
    expect(events.last("queue")).toMatchObject({ app: "shop", name: "orders", messages: 3, consumers: 2 });
    at.branch.broker.counts.set("orders", { messages: 4, consumers: 2 });
    await at.branch.clock.advance(6_000);
    expect(events.last("queue")).toMatchObject({ messages: 4 });
    at.branch.broker.goAway();
    await at.branch.clock.advance(6_000);
    expect(events.last("queue")).toMatchObject({ messages: null, consumers: null });
  });

  test("of which the broker says nothing are unknown, and the others are counted", async () => {
    await using at = feeding();
    at.branch.declare("own", "strange");
    at.branch.broker.refuses.set("strange", "RESOURCE_LOCKED");
    const events = await at.open();
    await at.branch.clock.advance(1_000);
    expect(events.last("queue", { name: "strange" })).toMatchObject({ messages: null, consumers: null });
    expect(events.last("queue", { name: "own" })).toMatchObject({ messages: 0, consumers: 0 });
    expect(at.branch.broker.did.filter((did) => did.startsWith("declare queue own"))).toEqual([]);
  });
});
