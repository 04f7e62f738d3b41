import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BINARY, startBranch, type Branch, type Ran } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { Screen } from "./screen.ts";

/* `cyme shell` on a real terminal, and as the reader of a script, with a real branch. */

let vhost: Vhost;
let branch: Branch;
let home: string;

beforeAll(async () => {
  vhost = await freshVhost();
  home = await mkdtemp(join(tmpdir(), "cyme-shell-"));
  branch = await startBranch({ broker: vhost.url });
  await branch.api("PUT", "/shop/");
  await branch.api("PUT", "/shop/instances/web/", { json: { is_enabled: false } });
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
  await vhost.drop();
}, 60_000);

const environment = (more: Record<string, string> = {}) => ({
  PATH: process.env["PATH"] ?? "",
  TMPDIR: process.env["TMPDIR"] ?? "/tmp",
  HOME: home,
  TERM: "xterm",
  NO_COLOR: "1",
  CYME_URL: branch.url,
  ...more,
});

const open = (...args: string[]) => new Screen([BINARY, ...args, "shell"], { env: environment(), cwd: home, rows: 60 });

const childrenOf = async (pid: number) =>
  (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).trim().split(" ");

/** Runs the shell on a script that is its standard input. */
async function script(text: string, { args = [] as string[], env = {}, cwd = home } = {}): Promise<Ran> {
  const child = Bun.spawn([BINARY, ...args, "shell"], {
    env: environment(env),
    cwd,
    stdin: new Blob([text]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, stdout, stderr };
}

describe("the shell on a terminal", () => {
  test("has the cluster at hand, waits for what is asked, completes names, and keeps what was typed", async () => {
    await using screen = open("-a", "shop");
    await screen.shows(/^cyme shop>$/m);
    screen.type("apps\r");
    await screen.shows("[ 'shop' ]");
    screen.type('const web = instances.get("w\t');
    await screen.shows('instances.get("web');
    screen.type('")\r');
    await screen.shows("<Instance: web>");
    screen.type("web.isEna\t");
    await screen.shows("web.isEnabled");
    screen.type("\r");
    await screen.shows(/^false$/m);
    screen.type('client.get("nope")\r');
    await screen.shows('error: Cannot find app "nope" (not-found)');
    screen.type("function twice(n: number) {\rreturn 2 * n }\r");
    screen.type("twice(21)\r");
    await screen.shows(/42$/m);
    screen.type("\u0004");
    expect(await screen.ended()).toBe(0);
    const path = join(home, ".local/state/cyme-shell/history");
    expect(await readFile(path, "utf8")).toContain("twice(21)");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await using again = open();
    await again.shows("cyme>");
    again.type("\u001B[A\u001B[A\r");
    again.type("\u0004");
    await again.ended();
  });

  test("forgets what is typed with Ctrl-C, or ends what is waited for, and goes on", async () => {
    await using screen = open();
    await screen.shows("cyme>");
    screen.type("throw 1 +\u0003");
    screen.type("[1, 2].length\r");
    await screen.shows(/^2$/m);
    screen.type("await new Promise(() => {})\r");
    await screen.until(() => screen.lines.at(-1) === "", "the line to be evaluated");
    screen.type("\u0003");
    await screen.shows("interrupted");
    screen.type("'still ' + 'here'\r");
    await screen.shows("'still here'");
  });

  test.each(["while (true) {}", "for (;;) await 1"])(
    "ends with Ctrl-C where nothing is waited for: %s",
    async (code) => {
      await using screen = open();
      await screen.shows("cyme>");
      screen.type(`${code}\r`);
      await screen.until(() => screen.lines.at(-1) === "", "the line to be evaluated");
      screen.type("\u0003");
      expect(await screen.ended()).toBe(130);
      expect(screen.text).toContain("The shell has ended");
    },
  );

  test.each([
    ["SIGTERM", "while (true) {}\r"],
    ["SIGHUP", ""],
    ["SIGQUIT", ""],
  ] as const)("ends with %s, and gives the terminal back, though it does %j", async (signal, keys) => {
    await using screen = open();
    await screen.shows("cyme>");
    expect(screen.isAsBefore).toBe(false);
    screen.type(keys);
    await screen.until(() => keys === "" || screen.lines.at(-1) === "", "the line to be evaluated");
    screen.kill(signal);
    expect(await screen.ended()).toBe(143);
    expect(screen.isAsBefore).toBe(true);
  });

  test("gives the terminal back though the process that evaluates is killed", async () => {
    await using screen = open();
    await screen.shows("cyme>");
    process.kill(Number((await childrenOf(screen.pid))[0]), "SIGKILL");
    expect(await screen.ended()).toBe(137);
    expect(screen.isAsBefore).toBe(true);
  });

  test("shows no secret in its arguments, and leaves nothing behind when it is killed", async () => {
    await using screen = new Screen([BINARY, "shell"], { env: environment({ CYME_TOKEN: "cyme_s3cret" }), cwd: home });
    await screen.shows("cyme>");
    const children = await childrenOf(screen.pid);
    expect(children).toHaveLength(1);
    for (const file of ["cmdline", "environ"]) {
      expect(await readFile(`/proc/${children[0]}/${file}`, "utf8")).not.toContain("s3cret");
    }
    screen.kill("SIGKILL");
    await until(
      () =>
        stat(`/proc/${children[0]}`).then(
          () => false,
          () => true,
        ),
      { what: "the shell to end too" },
    );
  });
});

describe("a script as standard input", () => {
  test("runs, and prints what it gives last", async () => {
    expect(await script('const web = await client.instance("web");\nconsole.log(web.name);\nweb')).toEqual({
      code: 0,
      stdout: "web\n<Instance: web>\n",
      stderr: "",
    });
    const json = await script("client.app('shop').instances", { args: ["-F", "json"] });
    expect(JSON.parse(json.stdout)).toMatchObject([{ name: "web", state: "disabled" }]);
  });

  test.each([
    ['client.get("nope"); console.log("later")', 3, 'error: Cannot find app "nope" (not-found)\n'],
    ["throw new TypeError('no')", 1, "error: TypeError: no\n"],
    ["x y", 1, 'error: SyntaxError: Expected ";" but found "y"\n'],
    ["if (true) {", 1, "error: SyntaxError: Unexpected end of file\n"],
    ["void Promise.reject(new Error('lost'))", 1, "error: lost\n"],
    ["setTimeout(() => { throw new Error('late') }, 1); void 0", 1, "error: late\n"],
    [
      "setTimeout(() => client.get('nope'), 1); await new Promise(() => {})",
      3,
      'error: Cannot find app "nope" (not-found)\n',
    ],
  ])("ends at its first error: %s", async (text, code, stderr) => {
    const ran = await script(text.replace(/^client.get/, "await client.get"));
    expect(ran).toEqual({ code, stdout: "", stderr });
  });

  test("loads modules, and what lies in the working directory", async () => {
    await writeFile(join(home, "sizes.ts"), "export const sizes: number[] = [1, 2];");
    await writeFile(join(home, "apps.json"), '{"names": ["shop"]}');
    const text = `
      import { readFileSync } from "node:fs";
      import { sizes } from "./sizes.ts";
      const { sep } = await import("node:path");
      console.log(JSON.stringify([readFileSync("apps.json", "utf8").length, sizes, sep, require("./apps.json").names]));
    `;
    expect(await script(text)).toEqual({ code: 0, stdout: '[19,[1,2],"/",["shop"]]\n', stderr: "" });
  });

  test("is told in JSON what is wrong, and cannot run with -L", async () => {
    const ran = await script('client.get("nope")', { args: ["-F", "json"] });
    expect(JSON.parse(ran.stderr)).toEqual({ nok: 'Cannot find app "nope"', error: "not-found", app: "nope" });
    expect(await script("1", { args: ["-L"] })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("with shell"),
    });
  });

  test("is not configured by what lies in the folder, nor by what is told to Bun", async () => {
    const cwd = join(home, "hostile");
    await mkdir(cwd);
    await writeFile(join(cwd, "evil.ts"), 'console.log("evil"); process.exit(9);');
    await writeFile(join(cwd, "bunfig.toml"), 'preload = ["./evil.ts"]\n[run]\npreload = ["./evil.ts"]\n');
    await writeFile(join(cwd, ".env"), "HOSTILE=1\nCYME_URL=http://127.0.0.1:1\n");
    await writeFile(join(cwd, "tsconfig.json"), '{"compilerOptions":{"paths":{"*":["./evil.ts"]}}}');
    await writeFile(join(cwd, "package.json"), '{"name":"evil","type":"module","imports":{"#x":"./evil.ts"}}');
    const env = { BUN_OPTIONS: `--preload=${cwd}/evil.ts`, NODE_OPTIONS: `--require=${cwd}/evil.ts` };
    const ran = await script("console.log(JSON.stringify([process.env.HOSTILE ?? null, process.cwd(), await apps]))", {
      cwd,
    });
    expect(ran).toMatchObject({ code: 0, stdout: `${JSON.stringify([null, cwd, ["shop"]])}\n` });
    const told = await script("1", { cwd, env });
    expect(told.stdout).not.toContain("evil");
  });
});
