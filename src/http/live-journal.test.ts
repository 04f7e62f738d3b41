import { describe, expect, test } from "bun:test";
import { LiveItem, NO_ITEMS, renewed, type LiveItems } from "./live-items.ts";
import { Journal } from "./live-journal.ts";

const item = (name: string, state = "running") => new LiveItem("instance", { name }, { name, state });
const items = (...all: LiveItem[]): LiveItems => renewed(NO_ITEMS, all);
const many = (count: number) => items(...Array.from({ length: count }, (_, i) => item(`w${i}`)));

describe("renewed()", () => {
  test("gives the map from before where nothing changed", () => {
    const before = items(item("web"), item("mail"));
    expect(renewed(before, [item("web"), item("mail")])).toBe(before);
  });

  test("keeps each item that did not change", () => {
    const before = items(item("web"), item("mail"));
    const after = renewed(before, [item("web"), item("mail", "stopped")]);
    const [web, mail] = [...after.values()];
    expect(web).toBe([...before.values()][0]);
    expect(mail?.value).toEqual({ name: "mail", state: "stopped" });
    expect(renewed(before, [item("web")]).size).toBe(1);
  });
});

describe("an item", () => {
  test("is masked for who may not see all, and named when it is gone", () => {
    const web = new LiveItem("queue", { app: "shop", name: "q" }, { app: "shop", password: "hush" });
    const mask = () => ({ password: null });
    expect(web.told(undefined)).toBe('event: queue\ndata: {"app":"shop","password":"hush"}\n\n');
    expect(web.told(mask)).toBe('event: queue\ndata: {"password":null}\n\n');
    expect(web.toldGone()).toBe('event: queue-gone\ndata: {"app":"shop","name":"q"}\n\n');
  });
});

describe("a journal", () => {
  test("tells who comes everything, and then what changed", () => {
    const journal = new Journal();
    journal.update(items(item("web"), item("mail")));
    const first = journal.since(undefined);
    expect(first).toMatchObject({ isWhole: true, isAll: true });
    expect(first.changes.map(([, names]) => names["name"])).toEqual(["web", "mail"]);
    expect(journal.since(first.position)).toMatchObject({ isWhole: false, isAll: true, changes: [] });
    journal.update(items(item("web", "stopped")));
    expect(journal.since(first.position).changes).toEqual([
      ["instance", { name: "web" }, { name: "web", state: "stopped" }],
      ["instance", { name: "mail" }, null],
    ]);
  });

  test("does not tell who comes of what is gone", () => {
    const journal = new Journal();
    journal.update(items(item("web")));
    journal.update(NO_ITEMS);
    expect(journal.since(undefined).changes).toEqual([]);
  });

  test("tells much in parts, and what changes meanwhile in the last", () => {
    const journal = new Journal();
    journal.update(many(1_500));
    const first = journal.since(undefined);
    expect(first).toMatchObject({ isWhole: true, isAll: false });
    expect(first.changes).toHaveLength(1_000);
    journal.update(items(...[...many(1_500).values()].slice(1)));
    const second = journal.since(first.position);
    expect(second).toMatchObject({ isWhole: false, isAll: true });
    expect(second.changes).toHaveLength(501);
    expect(second.changes.at(-1)).toEqual(["instance", { name: "w0" }, null]);
  });

  test("tells what is long in parts too", () => {
    const journal = new Journal();
    journal.update(items(item("a", "x".repeat(1_500_000)), item("b", "x".repeat(1_500_000)), item("c")));
    const first = journal.since(undefined);
    expect([first.changes.length, first.isAll]).toEqual([2, false]);
    expect(journal.since(first.position)).toMatchObject({ changes: [["instance", { name: "c" }, {}]], isAll: true });
  });

  test("tells everything anew to who asks another one, or knows what is forgotten", () => {
    const journal = new Journal();
    journal.update(items(item("web")));
    const { position } = journal.since(undefined);
    expect(new Journal().since(position).isWhole).toBe(true);
    expect(journal.since("nonsense").isWhole).toBe(true);
    journal.update(many(2_001));
    journal.update(items(item("web")));
    expect(journal.since(position)).toMatchObject({ isWhole: true });
    expect(journal.since(position).changes).toHaveLength(1);
  });
});
