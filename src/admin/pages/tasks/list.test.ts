import { describe, expect, test } from "bun:test";
import type { Task } from "../../api/types.ts";
import { merged } from "./list.ts";

const ALL = { app: "", state: "", text: "" };

const task = (uuid: string, fields: Partial<Task> = {}): Task => ({
  uuid,
  app: "shop",
  queue: "t2",
  name: "cyme.tasks.webhook",
  method: "GET",
  url: `http://m/${uuid}`,
  state: "PENDING",
  sent_at: `2026-01-01T00:00:0${uuid}Z`,
  touched_at: `2026-01-01T00:00:0${uuid}Z`,
  branch: "b",
  ...fields,
});

const ids = (tasks: readonly Task[]) => tasks.map(({ uuid }) => uuid);

describe("merged()", () => {
  test("shows what was fetched and what was told since, the last heard of first", () => {
    expect(ids(merged([task("2"), task("1")], [task("3")], ALL))).toEqual(["3", "2", "1"]);
  });

  test("shows one that is in both once, as it was last heard of", () => {
    const later = task("1", { state: "SUCCESS", touched_at: "2026-01-01T00:00:09Z" });
    expect(merged([task("1")], [later], ALL)).toEqual([later]);
    expect(merged([later], [task("1")], ALL)).toEqual([later]);
  });

  test("leaves out what the filter does not want, also where its state changed since it was fetched", () => {
    const later = task("1", { state: "SUCCESS", touched_at: "2026-01-01T00:00:09Z" });
    expect(merged([task("1")], [later], { ...ALL, state: "PENDING" })).toEqual([]);
    expect(ids(merged([task("1"), task("2", { app: "other" })], [], { ...ALL, app: "other" }))).toEqual(["2"]);
  });

  test("finds words of URL, name and queue in any case", () => {
    const tasks = [task("1"), task("2", { url: null, method: null, name: "shop.tasks.Add" })];
    expect(ids(merged(tasks, [], { ...ALL, text: "tasks.add" }))).toEqual(["2"]);
    expect(ids(merged(tasks, [], { ...ALL, text: "http://M/1" }))).toEqual(["1"]);
  });
});
