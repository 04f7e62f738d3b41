import { expect, test } from "bun:test";
import { until } from "../../test/harness/wait.ts";
import { sessionUse } from "./session-use.ts";

/** A session of a shell which works by itself, in a child that has ended, and in one that goes on. */
const WORK = `i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done
sh -c 'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done'
sleep 1000 & wait`;

test("the use of a session is that of all its processes, and of children that have ended", async () => {
  const child = Bun.spawn(["sh", "-c", WORK], { detached: true, stdin: "ignore" });
  try {
    const used = await until(
      async () => {
        const use = (await sessionUse(new Set([child.pid]))).get(child.pid);
        return use && use.cpuMs >= 20 && use;
      },
      { what: "the shell to have worked" },
    );
    expect(used.residentBytes).toBeGreaterThan(100_000);
    expect(used.residentBytes).toBeLessThan(1_000_000_000);
    expect([...(await sessionUse(new Set([child.pid]))).keys()]).toEqual([child.pid]);
  } finally {
    process.kill(-child.pid, "SIGKILL");
    await child.exited;
  }
  // Its children are somebody else's to bury.
  const isGone = async () => (await sessionUse(new Set([child.pid]))).size === 0;
  await until(isGone, { what: "the session to be gone" });
  expect(await sessionUse(new Set())).toEqual(new Map());
});
