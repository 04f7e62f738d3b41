import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { BINARY, startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { Screen } from "./screen.ts";

/* `cyme status --watch` on a real terminal, with a real branch. */

let vhost: Vhost;
let branch: Branch;

beforeAll(async () => {
  vhost = await freshVhost();
  branch = await startBranch({ broker: vhost.url });
  await branch.api("PUT", "/shop/");
  await branch.api("PUT", "/shop/instances/web/", { json: { is_enabled: false } });
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
}, 60_000);

const watch = (more: { columns?: number; rows?: number; env?: Record<string, string>; args?: string[] } = {}) => {
  const { args = ["-u", branch.url], env = {}, ...size } = more;
  return new Screen([BINARY, ...args, "status", "--watch"], {
    env: { PATH: process.env["PATH"], TERM: "xterm", HOME: branch.dir, ...env },
    cwd: branch.dir,
    ...size,
  });
};

describe("status --watch", () => {
  test("shows changes, that the branch is away, and that it is back; Ctrl-C gives the terminal back with 0", async () => {
    await using screen = watch();
    await screen.shows(/^Branch b\d+, version .*\n[^]*^web +shop +disabled/m);
    await branch.api("PUT", "/shop/instances/mail/", { json: { is_enabled: false } });
    await branch.api("PUT", "/shop/queues/orders/");
    await screen.shows(/^Instances: 2 disabled\n[^]*^mail +shop +disabled[^]*^orders +shop +0 +0/m);
    await branch.stop();
    await screen.shows(/^No answer for \d+ s, this is how it was: Cannot reach a branch/);
    await screen.shows(/^web +shop +disabled/m);
    await branch.restart();
    await screen.shows(/^cyme status · \d\d:\d\d:\d\d · q ends\nBranch b\d+, version/);
    screen.type("\u0003");
    expect(await screen.ended()).toBe(0);
    expect(screen.lines.join("").trim()).toBe("");
    expect(screen.written).toEndWith("\u001B[?7h\u001B[?25h\u001B[?1049l");
  }, 60_000);

  test("keeps to the size of the terminal, with another one too, and to NO_COLOR; q ends it", async () => {
    await using screen = watch({ env: { NO_COLOR: "1" } });
    await screen.shows("Instances: ");
    // oxlint-disable-next-line no-control-regex -- The sequences of colours.
    expect(screen.written).not.toMatch(/\u001B\[[\d;]*m/);
    screen.resize(30, 8);
    const fits = () => screen.lines.length <= 8 && screen.lines.every((line) => Bun.stringWidth(line) <= 30);
    const isDrawn = () => /^(cyme status|No answer) .*\nBranch b\d+, .*…$/m.test(screen.text);
    await screen.until(() => isDrawn() && fits(), "30 columns and 8 rows");
    screen.type("q");
    expect(await screen.ended()).toBe(0);
  });

  test.each(["SIGTERM", "SIGHUP", "SIGQUIT"] as const)("gives the terminal back with %s too", async (signal) => {
    await using screen = watch();
    await screen.shows("Instances: ");
    expect(screen.isAsBefore).toBe(false);
    screen.kill(signal);
    expect(await screen.ended()).toBe(0);
    expect(screen.written).toEndWith("\u001B[?1049l");
    expect(screen.isAsBefore).toBe(true);
  });

  test("works with -L, whether or not the daemon runs", async () => {
    const args = ["-L", "-D", branch.dir];
    await using live = watch({ args });
    await live.shows(/^web +shop +disabled/m);
    await branch.stop();
    try {
      await using alone = watch({ args });
      await alone.shows("Its daemon does not run");
      alone.type("q");
      expect(await alone.ended()).toBe(0);
    } finally {
      await branch.restart();
    }
    await live.shows(/^cyme status · .*\nBranch/);
    live.type("q");
    expect(await live.ended()).toBe(0);
  }, 60_000);

  test("says at once where there is no branch", async () => {
    await using screen = watch({ args: ["-u", "http://127.0.0.1:1"] });
    expect(await screen.ended()).toBe(4);
    expect(screen.text).toContain("error: Cannot reach a branch at http://127.0.0.1:1: connection refused");
    expect(screen.written).not.toContain("\u001B[?1049h");
  });
});
