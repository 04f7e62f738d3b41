import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Notifier } from "./notify.ts";

/** Binds a datagram socket, says so, and writes each datagram that comes on a line of its own. */
const RECEIVER = `
import json, socket, sys, time
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1].replace("@", "\\0", 1))
print("bound", flush=True)
while True:
    text = receiver.recv(4096).decode()
    print(json.dumps([text, time.monotonic()]), flush=True)
`;

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "cyme-notify-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + Buffer.from(chunk).toString()).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  return undefined;
}

async function receive(address: string) {
  const child = Bun.spawn(["python3", "-c", RECEIVER, address], { stdout: "pipe", stderr: "inherit" });
  const lines = linesOf(child.stdout);
  expect(await lines.next()).toMatchObject({ value: "bound" });
  return {
    async next(): Promise<[text: string, monotonicS: number]> {
      return JSON.parse((await lines.next()).value ?? "[]") as [string, number];
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

describe.each([
  ["a path", () => join(folder, "notify.sock")],
  ["an abstract name", () => `@cyme-test-${crypto.randomUUID()}`],
])("systemd's socket at %s", (_, addressOf) => {
  test("is told what the daemon does", async () => {
    const address = addressOf();
    await using receiver = await receive(address);
    const notifier = Notifier.from({ NOTIFY_SOCKET: address });
    notifier.ready();
    notifier.alive();
    notifier.status("3 instances\nrun");
    notifier.stopping();
    const told = [];
    for (let n = 0; n < 4; n++) told.push((await receiver.next())[0]);
    expect(told).toEqual(["READY=1", "WATCHDOG=1", "STATUS=3 instances run", "STOPPING=1"]);
  });

  test("is told of a reload with the time by the clock of the machine", async () => {
    const address = addressOf();
    await using receiver = await receive(address);
    Notifier.from({ NOTIFY_SOCKET: address }).reloading();
    const [text, monotonicS] = await receiver.next();
    const [, microseconds] = /^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(text) ?? [];
    const agoS = monotonicS - Number(microseconds) / 1_000_000;
    expect(agoS).toBeGreaterThanOrEqual(0);
    expect(agoS).toBeLessThan(60);
  });
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
    for (const tell of ["ready", "reloading", "alive", "stopping"] as const)
      expect(() => notifier[tell]()).not.toThrow();
  },
);
