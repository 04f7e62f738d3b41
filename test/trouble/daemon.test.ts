import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { BINARY, startBranch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { listenAsSystemd } from "../harness/systemd.ts";
import { until } from "../harness/wait.ts";
import { must, pidOf } from "../lifecycle/work.ts";

/* The daemon among others: what signals, systemd, and who reads its output do to it. */

let vhost: Vhost;
let home: string;
beforeAll(async () => {
  vhost = await freshVhost();
  home = await mkdtemp(join(tmpdir(), "cyme-daemon-"));
}, 30_000);
afterAll(async () => {
  await rm(home, { recursive: true, force: true });
  await vhost.drop();
});

const read = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : "");

describe("SIGHUP", () => {
  test("has the log file opened anew, which is said in the new one", async () => {
    const logFile = join(home, "hup.log");
    await using branch = await startBranch({ broker: vhost.url, args: ["-f", logFile] });
    await until(() => read(logFile).includes("branch is ready"), { what: "the branch to be ready" });
    renameSync(logFile, `${logFile}.old`);
    process.kill(branch.pid, "SIGHUP");
    await until(() => read(logFile).includes("SIGHUP: read again"), { what: "a new log" });
    expect(read(logFile)).toContain('reread="[\\"log file\\"]"');
    expect(read(`${logFile}.old`)).toContain("branch is ready");
    expect(await branch.stop()).toBe(0);
  }, 30_000);

  test("has the certificate read again: new connections are shown the new one, unless it cannot be used", async () => {
    const [cert, key, logFile] = ["cert.pem", "key.pem", "tls.log"].map((name) => join(home, name));
    const make = (name: string, to = [cert, key]) => {
      const files = ["-keyout", to[1] ?? "", "-out", to[0] ?? "", "-days", "2", "-subj", `/CN=${name}`];
      const made = Bun.spawnSync(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", ...files]);
      if (made.exitCode !== 0) throw new Error(made.stderr.toString());
    };
    make("first");
    const args = ["-f", logFile ?? "", "--tls-cert", cert ?? "", "--tls-key", key ?? "", "-D", join(home, "tls")];
    const child = Bun.spawn([BINARY, "branch", "127.0.0.1:0", ...args], {
      env: { ...process.env, CYME_BROKER: vhost.url },
      stdout: "ignore",
      stderr: "pipe",
    });
    try {
      const port = await until(() => /url=https:\/\/127\.0\.0\.1:(\d+)/.exec(read(logFile ?? ""))?.[1], {
        what: "the branch",
      });
      const log = () => read(logFile ?? "");
      expect(await shownAt(Number(port))).toBe("first");
      make("second");
      child.kill("SIGHUP");
      await until(async () => (await shownAt(Number(port))) === "second", { what: "the new certificate" });
      expect(log()).toContain('reread="[\\"log file\\",\\"certificate\\"]"');
      // A key of another certificate.
      make("third", [cert ?? "", join(home, "other.pem")]);
      child.kill("SIGHUP");
      await until(() => log().includes("ERROR what was to be read again cannot be used"), { what: "a complaint" });
      expect(await shownAt(Number(port))).toBe("second");
    } finally {
      child.kill("SIGTERM");
    }
    expect(await child.exited).toBe(0);
  }, 60_000);
});

/** The common name in the certificate that a server shows. */
function shownAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      resolve(String(subject.CN));
    });
    socket.on("error", reject);
  });
}

test("a second signal ends the daemon at once, with status 130", async () => {
  await using branch = await startBranch({ broker: vhost.url });
  process.kill(branch.pid, "SIGINT");
  expect(await branch.stop("SIGTERM")).toBe(130);
}, 30_000);

test("systemd is told when the branch can be used, that it is alive, when it reads again, and when it stops", async () => {
  const address = join(home, "notify.sock");
  await using systemd = await listenAsSystemd(address);
  const env = { NOTIFY_SOCKET: address, WATCHDOG_USEC: "400000" };
  await using branch = await startBranch({ broker: vhost.url, env });
  const texts = () => systemd.told.map(({ text }) => text);
  const alive = () => texts().filter((text) => text === "WATCHDOG=1").length;
  await until(() => texts().includes("READY=1") && texts().includes("STATUS=ok"), { what: "READY and STATUS" });
  await until(() => alive() > 5, { what: "signs of life" });
  await must(branch, 201, "PUT", "/shop/", { stop_timeout: 1 });
  await must(branch, 201, "PUT", "/shop/instances/web/", { pool: "solo" });
  const environment = readFileSync(`/proc/${await pidOf(branch, "web")}/environ`, "utf8");
  expect(environment).not.toMatch(/NOTIFY_SOCKET|WATCHDOG/);
  process.kill(branch.pid, "SIGHUP");
  await until(() => texts().some((text) => /^RELOADING=1\nMONOTONIC_USEC=\d+$/.test(text)), { what: "RELOADING" });
  await until(() => texts().filter((text) => text === "READY=1").length === 2, { what: "READY again" });
  expect(await branch.stop()).toBe(0);
  await until(() => texts().includes("STOPPING=1"), { what: "STOPPING" });
}, 60_000);

test("a log file that becomes large is set aside, and five of those are kept", async () => {
  const folder = join(home, "logs");
  await using branch = await startBranch({
    broker: vhost.url,
    args: ["--log-max-size", "4k", "-f", join(await mkdtemp(`${folder}-`), "branch.log")],
  });
  const { logfile } = await must<{ logfile: string }>(branch, 200, "GET", `/branches/${branch.id}/`);
  const names = () => readdirSync(join(logfile, "..")).toSorted();
  const all = ["branch.log", ...[1, 2, 3, 4, 5].map((number) => `branch.log.${number}`)];
  const isFull = async () => {
    await branch.api("PUT", "/shop/");
    return names().length >= all.length;
  };
  await until(isFull, { what: "five files set aside", everyMs: 1 });
  // Some more, of which the oldest go.
  for (let n = 0; n < 100; n++) await branch.api("PUT", "/shop/");
  expect(names()).toEqual(all);
  for (const name of all) expect(statSync(join(logfile, "..", name)).size).toBeLessThanOrEqual(4096);
}, 30_000);

test("with --detach what the runtime itself says is in the log file too, also after that was set aside", async () => {
  const dir = join(home, "detached");
  const env = { ...process.env, CYME_BROKER: vhost.url };
  const started = Bun.spawn([BINARY, "branch", "127.0.0.1:0", "-D", dir, "--detach"], { env, stderr: "pipe" });
  expect([await started.exited, await started.stderr.text()]).toEqual([0, expect.stringContaining("background")]);
  const pid = Number(readFileSync(join(dir, "branch.pid"), "utf8"));
  const errorsGoTo = () => statSync(`/proc/${pid}/fd/2`).ino;
  const log = join(dir, "branch.log");
  try {
    expect(errorsGoTo()).toBe(statSync(log).ino);
    renameSync(log, `${log}.old`);
    process.kill(pid, "SIGHUP");
    await until(() => existsSync(log) && errorsGoTo() === statSync(log).ino, { what: "errors to go to the new log" });
  } finally {
    process.kill(pid, "SIGTERM");
  }
  await until(() => !existsSync(join(dir, "branch.pid")), { what: "the end" });
}, 30_000);

test("who reads its standard error may go away: the daemon goes on", async () => {
  const dir = join(home, "unread");
  const child = Bun.spawn([BINARY, "branch", "127.0.0.1:0", "-D", dir, "-l", "debug"], {
    env: { ...process.env, CYME_BROKER: vhost.url },
    stdout: "ignore",
    stderr: "pipe",
  });
  const reader = child.stderr.getReader();
  await reader.read();
  await reader.cancel();
  const ask = async (method: string, path: string) =>
    (await fetch(`http://localhost${path}`, { unix: join(dir, "branch.sock"), method })).status;
  await until(async () => (await ask("GET", "/ping/")) === 200, { what: "an answer" });
  // Each is a line of the log.
  for (let n = 0; n < 20; n++) expect(await ask("PUT", `/app${n}/`)).toBe(201);
  expect(child.exitCode).toBeNull();
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
}, 30_000);
