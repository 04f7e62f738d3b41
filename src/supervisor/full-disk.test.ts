import { expect, spyOn, test } from "bun:test";
import { CymeError } from "../domain/errors.ts";
import { restartOf, type Instance } from "../domain/instance.ts";
import { TestBranch } from "./test-support.ts";

const SECOND_MS = 1000;
/** Enough to tell spinning from trying again; then the disk has room, so that the test ends even so. */
const MANY = 100;

test("a worker that dies while nothing can be written is looked at again now and then, and started once there is room", async () => {
  await using branch = new TestBranch();
  await branch.add("web");
  await branch.clock.advance(SECOND_MS);
  let tries = 0;
  const write = spyOn(branch.store, "write");
  write.mockImplementation(() => {
    if (++tries === MANY) write.mockRestore();
    throw new CymeError("unavailable", "The branch's database cannot be written: is the disk full?");
  });
  await branch.die("web");
  await branch.clock.advance(5 * SECOND_MS);
  expect(tries).toBeGreaterThan(1);
  expect(tries).toBeLessThan(10);
  write.mockRestore();
  await branch.clock.advance(5 * SECOND_MS);
  expect(await branch.status("web")).toMatchObject({ state: "running", restarts: 1 });
});

test("a worker that dies while there is no room for another process is tried again until there is, which is nobody's fault", async () => {
  await using branch = new TestBranch();
  await branch.add("web");
  await branch.clock.advance(SECOND_MS);
  branch.processes.next = { noRoom: "Cannot start celery: EAGAIN" };
  await branch.die("web");
  await branch.clock.advance(MANY * SECOND_MS);
  expect(await branch.status("web")).toMatchObject({ state: "backoff" });
  branch.processes.next = {};
  await branch.clock.advance(5 * SECOND_MS);
  expect(await branch.status("web")).toMatchObject({ state: "running", restarts: 1 });
});

test.each<[string, (instance: Instance) => Partial<Instance>]>([
  ["to restart", (instance) => restartOf(instance)],
  ["to start again after it was stopped", () => ({ isEnabled: true })],
])("a worker that a person asks %s waits for room as well, and stays enabled", async (_what, wished) => {
  await using branch = new TestBranch();
  await branch.add("web");
  await branch.clock.advance(SECOND_MS);
  const wish = wished(branch.instance("web"));
  if (wish.isEnabled) await branch.wish("web", { isEnabled: false });
  branch.processes.next = { noRoom: "Cannot start celery: EAGAIN" };
  await branch.wish("web", wish);
  await branch.clock.advance(MANY * SECOND_MS);
  expect(await branch.status("web")).toMatchObject({ state: "backoff", failure: null });
  expect(branch.history("web").filter((did) => did === "waiting")).toHaveLength(1);
  branch.processes.next = {};
  await branch.clock.advance(5 * SECOND_MS);
  expect(await branch.status("web")).toMatchObject({ state: "running" });
  expect(branch.store.workers.deathsSince("web", 0)).toBe(0);
});

test("an instance for which there is no room when it is added is refused", async () => {
  await using branch = new TestBranch();
  branch.processes.next = { noRoom: "Cannot start celery: EAGAIN" };
  await branch.add("web");
  expect(branch.instance("web")).toMatchObject({ isEnabled: false, disabledReason: "Cannot start celery: EAGAIN" });
  expect((await branch.status("web")).failure?.why).toBe("Cannot start celery: EAGAIN");
});

test("a death that cannot be told of is not forgotten: the worker is buried together with its history", async () => {
  await using branch = new TestBranch();
  await branch.add("web");
  await branch.clock.advance(SECOND_MS);
  const { pid } = branch.store.workers.get("web");
  const add = spyOn(branch.store.history, "add").mockImplementation(() => {
    throw new CymeError("unavailable", "The branch's database cannot be written: is the disk full?");
  });
  await branch.die("web");
  expect(branch.store.workers.get("web").pid).toBe(pid);
  add.mockRestore();
  await branch.clock.advance(5 * SECOND_MS);
  const died = branch.store.history.of("web").filter(({ did }) => did === "died");
  expect(died.map(({ evidence }) => evidence["pid"])).toEqual([pid]);
  expect(await branch.status("web")).toMatchObject({ state: "running", restarts: 1 });
});
