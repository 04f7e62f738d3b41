import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listenAsSystemd } from "../../test/harness/systemd.ts";
import { until } from "../../test/harness/wait.ts";
import { Notifier } from "./notify.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "cyme-notify-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe.each([
  ["a path", () => join(folder, "notify.sock")],
  ["an abstract name", () => `@cyme-test-${crypto.randomUUID()}`],
])("systemd's socket at %s", (_, addressOf) => {
  test("is told what the daemon does", async () => {
    const address = addressOf();
    await using systemd = await listenAsSystemd(address);
    const notifier = Notifier.from({ NOTIFY_SOCKET: address });
    notifier.ready();
    notifier.alive();
    notifier.status("3 instances\nrun");
    notifier.stopping();
    await until(() => systemd.told.length === 4, { what: "four messages" });
    expect(systemd.told.map(({ text }) => text)).toEqual([
      "READY=1",
      "WATCHDOG=1",
      "STATUS=3 instances run",
      "STOPPING=1",
    ]);
  });

  test("is told of a reload with the time by the clock of the machine, and of its end", async () => {
    const address = addressOf();
    await using systemd = await listenAsSystemd(address);
    const notifier = Notifier.from({ NOTIFY_SOCKET: address });
    notifier.ready();
    let done = 0;
    notifier.reload(() => done++);
    const { text, monotonicS } = await until(() => systemd.told.length === 3 && systemd.told[1], { what: "a reload" });
    expect([done, systemd.told[2]?.text]).toEqual([1, "READY=1"]);
    const [, microseconds] = /^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(text) ?? [];
    const agoS = monotonicS - Number(microseconds) / 1_000_000;
    expect(agoS).toBeGreaterThanOrEqual(0);
    expect(agoS).toBeLessThan(60);
  });
});

test("a reload while the daemon starts is done, and does not tell systemd that it is ready", async () => {
  const address = `@cyme-test-${crypto.randomUUID()}`;
  await using systemd = await listenAsSystemd(address);
  const notifier = Notifier.from({ NOTIFY_SOCKET: address });
  let done = 0;
  notifier.reload(() => done++);
  notifier.stopping();
  await until(() => systemd.told.length > 0, { what: "a message" });
  expect([done, systemd.told.map(({ text }) => text)]).toEqual([1, ["STOPPING=1"]]);
});

test("variables of systemd are not passed on", () => {
  const env = { NOTIFY_SOCKET: "/run/x", WATCHDOG_USEC: "2000000", WATCHDOG_PID: String(process.pid), PATH: "/bin" };
  Notifier.from(env);
  expect(env as object).toEqual({ PATH: "/bin" });
});

test.each([
  [{ WATCHDOG_USEC: "2000000" }, 2000],
  [{ WATCHDOG_USEC: "2000000", WATCHDOG_PID: String(process.pid) }, 2000],
  [{ WATCHDOG_USEC: "2000000", WATCHDOG_PID: "1" }, undefined],
  [{}, undefined],
  [{ WATCHDOG_USEC: "0" }, undefined],
  [{ WATCHDOG_USEC: "soon" }, undefined],
])("by %j systemd wants to hear of us every %p ms", (env, watchdogMs) => {
  expect(Notifier.from({ NOTIFY_SOCKET: "/run/x", ...env }).watchdogMs).toBe(watchdogMs);
});

test.each([undefined, "", "relative", `/${"x".repeat(107)}`, "/nobody/listens"])(
  "where the socket is %p nothing is told, nor does anything fail",
  (socket) => {
    const notifier = Notifier.from({ NOTIFY_SOCKET: socket });
    for (const tell of ["ready", "alive", "stopping"] as const) expect(() => notifier[tell]()).not.toThrow();
    expect(() => notifier.reload(() => {})).not.toThrow();
  },
);
