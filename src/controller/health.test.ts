import { describe, expect, spyOn, test } from "bun:test";
import { unavailable } from "../domain/errors.ts";
import { TestBranch } from "../supervisor/test-support.ts";
import type { Component } from "./health.ts";
import { controllerOf } from "./test-support.ts";

/** The health of a branch of whose parts those have failed. */
function healthOf(branch: TestBranch, failed: Readonly<Record<string, Component>> = {}) {
  const loop = { lagMs: 3, held: null };
  return controllerOf(branch, undefined, undefined, { state: (part) => failed[part], loop }).health.report();
}

const FAILED = { state: "failed", sinceMs: 5, why: "it does not answer" };

describe("the health of a branch", () => {
  test("is ok where nothing has failed", async () => {
    await using branch = new TestBranch();
    expect(healthOf(branch)).toMatchObject({ state: "ok", supervisor: { state: "ok" }, loop: { lagMs: 3 } });
  });

  test.each([
    ["supervisor", "supervisor"],
    ["http", "http"],
    ["socket", "http"],
  ] as const)("has failed where what was asked of the %s has", async (part, shown) => {
    await using branch = new TestBranch();
    const report = healthOf(branch, { [part]: FAILED });
    expect([report.state, report[shown]]).toEqual(["failed", FAILED]);
  });

  test("is degraded where results do not come in, or a broker's connection does nothing", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    await branch.clock.advance(1000);
    expect(healthOf(branch, { results: FAILED })).toMatchObject({ state: "degraded", results: FAILED });
    const [label = ""] = Object.keys(healthOf(branch).brokers);
    const report = healthOf(branch, { [`broker ${label}`]: FAILED });
    expect(report).toMatchObject({ state: "degraded", brokers: { [label]: FAILED } });
  });

  test("can be told also where the store cannot be read", async () => {
    await using branch = new TestBranch();
    const why = "The branch's database is gone";
    const refuse = () => {
      throw unavailable(why);
    };
    const spies = [spyOn(branch.store, "check"), spyOn(branch.store.apps, "all")];
    for (const spy of spies) spy.mockImplementation(refuse);
    const report = healthOf(branch);
    for (const spy of spies) spy.mockRestore();
    expect(report).toMatchObject({ state: "failed", store: { state: "failed", why } });
  });
});
