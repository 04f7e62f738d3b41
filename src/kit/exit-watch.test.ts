import { expect, test } from "bun:test";
import { until } from "../../test/harness/wait.ts";
import { ExitWatch } from "./exit-watch.ts";

/** A process that is no child of ours: who started it has ended. */
function stranger(): number {
  const { stdout } = Bun.spawnSync(["sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"]);
  return Number(stdout.toString());
}

test("tells once of each process that ends, and of no other", async () => {
  const watch = new ExitWatch();
  const pids = [stranger(), stranger(), stranger()];
  const ended: number[] = [];
  const cancels = pids.map((pid) => watch.add(pid, () => ended.push(pid)));
  const [first = 0, second = 0, third = 0] = pids;
  process.kill(second, "SIGKILL");
  await until(() => ended.length > 0, { what: "the end to be told" });
  process.kill(first, "SIGKILL");
  await until(() => ended.length > 1, { what: "the next end to be told" });
  expect(ended).toEqual([second, first]);
  for (const cancel of cancels) cancel?.();
  process.kill(third, "SIGKILL");
});

test("tells nothing of one that is no longer watched", async () => {
  const watch = new ExitWatch();
  const [kept, dropped] = [stranger(), stranger()];
  const ended: number[] = [];
  watch.add(dropped, () => ended.push(dropped))?.();
  watch.add(kept, () => ended.push(kept));
  process.kill(dropped, "SIGKILL");
  process.kill(kept, "SIGKILL");
  await until(() => ended.length > 0, { what: "the end to be told" });
  expect(ended).toEqual([kept]);
});

test("tells of a zombie that nobody has waited for", async () => {
  const watch = new ExitWatch();
  const parent = Bun.spawn(["sh", "-c", "sleep 1000 & echo $!; exec sleep 1000"], { stdout: "pipe" });
  const { value } = await parent.stdout.getReader().read();
  const pid = Number(new TextDecoder().decode(value));
  let isTold = false;
  watch.add(pid, () => (isTold = true));
  process.kill(pid, "SIGKILL");
  await until(() => isTold, { what: "the end to be told" });
  expect(await Bun.file(`/proc/${pid}/stat`).text()).toContain(") Z ");
  parent.kill("SIGKILL");
});

test("says that a process which is gone cannot be watched", () => {
  const { pid } = Bun.spawnSync(["true"]);
  expect(new ExitWatch().add(pid, () => {})).toBeUndefined();
});
