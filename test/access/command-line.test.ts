import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BINARY, run, startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";

/* Users and tokens as people make and use them: by the command line, with and without a daemon, on a terminal and in scripts. */

let home: string;
let vhost: Vhost;
/** That of a branch with the user `ann`, who was added before it started. */
let dir: string;
let branch: Branch;

const PASSWORD = "correct horse";
const env = () => ({ ...process.env, CYME_BROKER: vhost.url, XDG_CONFIG_HOME: join(home, "none") });
const inScript = (input: string, ...args: string[]) =>
  run(["sh", "-c", 'printf "%s\\n" "$0" | "$@"', input, BINARY, ...args], env());

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "cyme-access-"));
  vhost = await freshVhost();
  dir = join(home, "first");
  const made = await inScript(PASSWORD, "createsuperuser", "ann", "-L", "-D", dir, "-F", "json");
  expect({ code: made.code, made: JSON.parse(made.stdout) }).toMatchObject({
    code: 0,
    made: { name: "ann", role: "admin" },
  });
  branch = await startBranch({ broker: vhost.url, dir, env: { XDG_CONFIG_HOME: join(home, "none") } });
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
  await rm(home, { recursive: true, force: true });
}, 60_000);

const asAnn = () => branch.url.replace("://", `://ann:${encodeURIComponent(PASSWORD)}@`);

/** A token of that role. */
async function tokenOf(role: string, name: string): Promise<string> {
  const made = await branch.cli("-u", asAnn(), "-F", "json", "tokens.add", name, "--role", role);
  return (JSON.parse(made.stdout) as { token: string }).token;
}

describe("a user who was added before the branch started", () => {
  test("is wanted from then on, also on loopback", async () => {
    const { code, stderr } = await branch.cli("apps");
    expect(code).toBe(5);
    expect(stderr).toContain("CYME_TOKEN");
    expect((await branch.api("GET", "/ping/")).status).toBe(200);
  });

  test("is known by name and password in the URL", async () => {
    expect(await branch.cli("-u", asAnn(), "apps")).toMatchObject({ code: 0, stderr: "" });
  });

  test("is no matter on the machine itself, where the directory says who may", async () => {
    expect(await branch.cli("-L", "-D", dir, "users")).toMatchObject({ code: 0 });
  });

  test("lets the branch listen beyond the machine", async () => {
    const other = join(home, "other");
    const open = [BINARY, "branch", "0.0.0.0:0", "-D", other];
    const refused = await run(open, env());
    expect({ code: refused.code, said: refused.stderr.includes("cyme createsuperuser -L -D") }).toEqual({
      code: 2,
      said: true,
    });
    expect((await inScript(PASSWORD, "createsuperuser", "bob", "-L", "-D", other)).code).toBe(0);
    await using started = background([...open, "-f", join(home, "open.log")]);
    const log = () => Bun.file(join(home, "open.log")).text();
    await until(async () => (await log().catch(() => "")).includes("branch is ready"), { what: "the branch" });
    expect(started.child.exitCode).toBeNull();
  });
});

/** A program that is ended with the test. */
function background(argv: string[]) {
  const child = Bun.spawn(argv, { env: env(), stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  return {
    child,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

describe("a token", () => {
  test("does what its role may, and no more", async () => {
    const [viewer, admin] = [await tokenOf("viewer", "v1"), await tokenOf("admin", "a1")];
    const as = (token: string, ...args: string[]) => branch.cli("--token", token, ...args);
    expect(await as(admin, "apps.add", "shop", "--broker", "amqp://me:hush@127.0.0.1:1//")).toMatchObject({ code: 0 });
    const seen = await as(viewer, "-F", "json", "apps.get", "shop");
    expect(seen.code).toBe(0);
    expect(JSON.parse(seen.stdout)).toMatchObject({ broker: { userid: "me", password: null } });
    const refused = await as(viewer, "apps.delete", "shop");
    expect(refused.code).toBe(5);
    expect(refused.stderr).toContain("This takes the role admin: yours is viewer");
    expect((await as(viewer, "tokens")).code).toBe(5);
  });

  test("is read from the file of the client, which nobody else may read", async () => {
    const folder = join(home, "config");
    const file = join(folder, "cyme", "config.json");
    await mkdir(join(folder, "cyme"), { recursive: true });
    await Bun.write(file, JSON.stringify({ url: branch.url, token: await tokenOf("viewer", "v2") }));
    await chmod(file, 0o644);
    const client = { ...process.env, XDG_CONFIG_HOME: folder };
    const refused = await run([BINARY, "apps"], client);
    expect({ code: refused.code, said: refused.stderr.includes(`chmod 600 ${file}`) }).toEqual({ code: 2, said: true });
    await chmod(file, 0o600);
    expect(await run([BINARY, "apps"], client)).toMatchObject({ code: 0, stderr: "" });
  });

  test("opens nothing once it is deleted", async () => {
    const token = await tokenOf("viewer", "v3");
    expect((await branch.cli("--token", token, "branches")).code).toBe(0);
    expect((await branch.cli("-u", asAnn(), "tokens.delete", "v3")).code).toBe(0);
    expect((await branch.cli("--token", token, "branches")).code).toBe(5);
  });
});

describe("the audit", () => {
  test("says who did what and from where, refused or not, and no secret", async () => {
    const viewer = await tokenOf("viewer", "v4");
    await branch.cli("-u", asAnn(), "apps.add", "audited", "--broker", "amqp://me:canary@h//", "--env", "K=canary");
    await branch.cli("--token", viewer, "apps.delete", "audited");
    const { stdout } = await branch.cli("-u", asAnn(), "-F", "json", "audit", "--limit", "2");
    const [refused, done] = JSON.parse(stdout) as Record<string, unknown>[];
    expect(done).toMatchObject({
      who: "ann",
      role: "admin",
      by: "password",
      from: "127.0.0.1",
      branch: branch.id,
      method: "POST",
      path: "/audited",
      params: { broker: "amqp://h:5672//", env: { K: null } },
      status: 201,
    });
    expect(refused).toMatchObject({ who: "v4", role: "viewer", method: "DELETE", path: "/audited", status: 403 });
    expect(stdout).not.toContain("canary");
  });
});

describe("a terminal", () => {
  /** A command on one, and what is seen there. */
  function onTerminal(...args: string[]) {
    let seen = "";
    const decoder = new TextDecoder();
    const child = Bun.spawn([BINARY, ...args], {
      env: env(),
      terminal: { cols: 120, rows: 24, data: (_terminal, bytes) => void (seen += decoder.decode(bytes)) },
    });
    const answer = async (question: string, typed: string) => {
      await until(() => seen.includes(question), { what: `"${question}" in ${JSON.stringify(seen)}` });
      child.terminal?.write(typed);
    };
    return { child, answer, seen: () => seen };
  }

  test("asks for the password without showing it", async () => {
    const { child, answer, seen } = onTerminal("createsuperuser", "-L", "-D", dir);
    await answer("User name [", "tess\r");
    await answer("New password of tess: ", `${PASSWORD}\r`);
    await answer("Once more: ", `${PASSWORD}\r`);
    expect(await child.exited).toBe(0);
    expect(seen()).toContain("admin");
    expect(seen()).not.toContain("horse");
  });

  test("is as it was after Ctrl-C, and nothing was done", async () => {
    const { child, answer } = onTerminal("users.add", "vic", "-L", "-D", dir);
    await answer("New password of vic: ", "hush\u0003");
    expect(await child.exited).toBe(130);
    expect((await branch.api("GET", "/api/users/vic/", { headers: { authorization: basic() } })).status).toBe(404);
  });

  const basic = () => `Basic ${btoa(`ann:${PASSWORD}`)}`;
});
