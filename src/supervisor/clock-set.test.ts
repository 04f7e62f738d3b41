import { describe, expect, test } from "bun:test";
import { TestBranch } from "./test-support.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

describe.each([
  ["ahead", 2 * HOUR_MS],
  ["back", -2 * HOUR_MS],
])("a clock that is set %s", (_, ms) => {
  test("has no worker restarted that is well", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    await branch.clock.advance(10 * SECOND_MS);
    branch.clock.set(ms);
    await branch.clock.advance(5 * MINUTE_MS);
    expect(await branch.status("web")).toMatchObject({ state: "running", restarts: 0 });
    expect(branch.processes.did).toEqual(["start web"]);
  });

  test("does not put off for long what is to be started soon", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    await branch.clock.advance(SECOND_MS);
    branch.processes.next = { noRoom: "EAGAIN" };
    await branch.die("web");
    await branch.clock.advance(SECOND_MS);
    branch.processes.next = {};
    branch.clock.set(ms);
    await branch.clock.advance(MINUTE_MS);
    expect(await branch.status("web")).toMatchObject({ state: "running", restarts: 1 });
  });

  test("gives a worker that dies after it no fewer lives than before", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    await branch.clock.advance(SECOND_MS);
    await branch.die("web");
    await branch.clock.advance(2 * MINUTE_MS);
    branch.clock.set(ms);
    await branch.die("web");
    await branch.clock.advance(10 * SECOND_MS);
    expect(await branch.status("web")).toMatchObject({ state: "running", restarts: 2 });
  });
});
