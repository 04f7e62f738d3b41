import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../test/harness/wait.ts";

/* In processes of their own, since their event loops are held up, and some end of it. */

const EVERY_MS = 50;
const GIVEN_UP_LOOKS = 20;

let logFile: string;
beforeEach(() => (logFile = join(mkdtempSync(join(tmpdir(), "cyme-loop-")), "branch.log")));
afterEach(() => rmSync(join(logFile, ".."), { recursive: true, force: true }));

/** Starts a program that watches over its event loop, and then does `work`, in which `log` and `watch` are known. */
function start(work: string, to: string | null = logFile, everyMs = EVERY_MS) {
  const program = `
    import { LogFile, standardError } from "${join(import.meta.dir, "../kit/log-file.ts")}";
    import { createLog } from "${join(import.meta.dir, "../kit/log.ts")}";
    import { LoopWatch } from "${join(import.meta.dir, "loop-watch.ts")}";
    const logFile = ${JSON.stringify(to)} ?? undefined;
    const log = createLog({ level: "INFO", to: logFile === undefined ? standardError : new LogFile(logFile) });
    const watch = new LoopWatch({ log, logFile, everyMs: ${everyMs}, givenUpLooks: ${GIVEN_UP_LOOKS} });
    watch.start();
    const hold = (ms) => Bun.sleepSync(ms);
    const free = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    // The thread is there.
    await free(500);
    log.info("begin");
    ${work}`;
  return Bun.spawn([process.execPath, "-e", program], { stdout: "ignore", stderr: "pipe" });
}

const logged = () => readFileSync(logFile, "utf8").replaceAll(/^\S+ /gm, "");
/** But for the moments for which a busy machine holds a loop up. */
const loggedBesides = () => logged().replaceAll(/^WARNING the event loop was held up ms=\d{2,3}\n/gm, "");

describe("an event loop that is held up", () => {
  test("for long ends the process with status 1 and a line that says so", async () => {
    const child = start("hold(60_000); log.info('never')");
    expect(await child.exited).toBe(1);
    expect(loggedBesides()).toBe(
      "INFO begin\nCRITICAL the event loop is held up: the branch ends, its workers stay held_s=1\n",
    );
  }, 20_000);

  test("for long is told of on standard error where the log is that", async () => {
    const child = start("hold(60_000)", null);
    expect(await child.exited).toBe(1);
    expect(await child.stderr.text()).toContain("CRITICAL the event loop is held up");
  }, 20_000);

  test("for a moment is told of once it turns again, with how long, and goes on", async () => {
    const child = start("hold(600); await free(200); log.info(JSON.stringify(watch.lag)); watch.stop();");
    expect(await child.exited).toBe(0);
    const [, held, lag = ""] = logged().split("\n");
    expect(held).toMatch(/^WARNING the event loop was held up ms=\d{3,}$/);
    expect(lag).toMatch(/"held":\{"atMs":\d{13},"forMs":\d{3,}\}/);
  }, 20_000);
});

test("an event loop that turns is not told of, and the watch keeps no process alive", async () => {
  const child = start("await free(500); watch.stop()", logFile, 2_000);
  expect(await child.exited).toBe(0);
  expect(logged()).toBe("INFO begin\n");
}, 20_000);

test("a process that was paused for longer is not given up", async () => {
  const child = start("await free(3000); log.info('end'); watch.stop()");
  const isSaid = (text: string) => () =>
    Bun.file(logFile)
      .exists()
      .then((is) => is && logged().includes(text));
  await until(isSaid("begin"), { what: "the watch to begin" });
  child.kill("SIGSTOP");
  const stoppedMs = performance.now();
  await until(() => performance.now() - stoppedMs > 2 * EVERY_MS * GIVEN_UP_LOOKS, { what: "a pause" });
  child.kill("SIGCONT");
  expect(await child.exited).toBe(0);
  expect(loggedBesides()).toMatch(/^INFO begin\nINFO this process did not run for a while: [^\n]+ ms=\d+\nINFO end\n$/);
}, 20_000);
