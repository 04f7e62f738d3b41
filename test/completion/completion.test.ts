import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { BINARY, run, startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { SHELLS } from "./shells.ts";
import type { Seen, Terminal } from "./terminal.ts";

/* Real shells with a person at the keyboard, and what install.sh has put into them, against a real branch. */

const INSTALL = resolve(import.meta.dir, "../../install.sh");

let vhost: Vhost;
let branch: Branch;
let prefix: string;
let impostor: Bun.Server<undefined>;

beforeAll(async () => {
  prefix = await mkdtemp(join(tmpdir(), "cyme-prefix-"));
  const digest = new Bun.CryptoHasher("sha256").update(await Bun.file(BINARY).bytes()).digest("hex");
  const argv = ["sh", INSTALL, "--prefix", prefix, "--from", BINARY, "--sha256", digest];
  expect(await run(argv, process.env)).toMatchObject({ code: 0 });
  vhost = await freshVhost();
  branch = await startBranch({ broker: vhost.url });
  for (const path of ["/shop/", "/post/", "/shop/queues/mail/", "/shop/queues/pictures/"]) await put(path);
  // Disabled: no worker has to start.
  for (const path of ["/shop/instances/north/", "/shop/instances/south/", "/post/instances/letters/"]) {
    await put(path, { is_enabled: false, queues: path.includes("north") ? ["mail"] : [] });
  }
  impostor = startImpostor();
}, 60_000);

afterAll(async () => {
  await impostor.stop(true);
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
  await rm(prefix, { recursive: true, force: true });
}, 60_000);

async function put(path: string, json: object = {}): Promise<void> {
  const { status, body } = await branch.api("PUT", path, { json });
  if (status !== 201) throw new Error(`PUT ${path}: ${status} ${JSON.stringify(body)}`);
}

/** Something that answers as a branch would, with what no branch has: names that a shell might run, and very many. */
const NASTY = ["$(touch ran)", "`touch ran`", "; touch ran", "|touch ran", "a b", "'", '"', "&touch ran", "good"];
const MANY = Array.from({ length: 10_000 }, (_, index) => `i${String(index).padStart(5, "0")}`);

function startImpostor() {
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    development: false,
    reusePort: false,
    fetch: (request) => Response.json(new URL(request.url).pathname === "/many/instances/" ? MANY : NASTY),
  });
}

describe.each(SHELLS.map((shell) => [shell.name, shell] as const))("%s", (_, { lacks, start }) => {
  let shell: Terminal;

  beforeAll(async () => {
    if (lacks !== undefined) return;
    shell = await start(prefix, { CYME_URL: branch.url });
    await writeFile(join(shell.home, "certificate.pem"), "");
    await mkdir(join(shell.home, "certificates"));
  }, 30_000);

  afterAll(async () => shell?.[Symbol.asyncDispose]());

  // What setup.sh could not install; it said so.
  const shown = test.skipIf(lacks !== undefined);

  /** Presses the key again where a busy machine took longer than completion waits, as a person would. */
  const pressed = (check: (seen: Seen) => void, line: string, behind?: string) =>
    until(
      async () => {
        const seen = await shell.tab(line, behind);
        check(seen);
        return seen;
      },
      { what: `what is offered for ${line}`, timeoutMs: 20_000 },
    );
  /** The line becomes another one. */
  const completes = (line: string, end: string | RegExp, behind?: string) =>
    pressed((seen) => expect(seen.line).toMatch(typeof end === "string" ? new RegExp(`${end}$`) : end), line, behind);
  /** There is a choice of these at least; gives all that there is. */
  const offers = async (line: string, ...words: string[]) =>
    (await pressed((seen) => expect(seen.words).toEqual(expect.arrayContaining(words)), line)).words;

  shown("the instances of the app, and those of no other", async () => {
    for (const line of ["cyme -a shop instances.get ", "cyme instances get -a shop ", "cyme -na shop consumers add "]) {
      expect(await offers(line, "north", "south")).not.toContain("letters");
    }
    await completes("cyme --app=shop instances.log n", "instances.log north");
  });

  shown("the instances of all apps where none is named", async () => {
    await offers("cyme instances.get ", "letters", "north", "south");
  });

  shown("apps, branches, queues and what an instance consumes from", async () => {
    await offers("cyme -a ", "post", "shop");
    await completes("cyme --app=sh", "--app=shop");
    await completes('cyme -a "sh', "-a shop");
    await completes("cyme -nash", "-nashop");
    await completes(`cyme instances.move north ${branch.id.slice(0, 2)}`, `north ${branch.id}`);
    await completes("cyme instances.add new --branch b", `--branch ${branch.id}`);
    await offers("cyme -a shop tasks.send ", "celery", "mail", "pictures");
    await completes("cyme consumers.delete north ", "north mail");
    await completes("cyme -a shop instances.set north --queues mail,", "mail,pictures");
    await completes(`cyme --url=${branch.url} -a sh`, "-a shop");
  });

  shown("names for a program that is typed with its path, of which nothing runs before Enter", async () => {
    const path = join(shell.home, "cyme");
    await writeFile(path, "#!/bin/sh\ntouch ran\necho nothing\n", { mode: 0o755 });
    await completes("./cyme -a sho", "-a shop");
    await completes(`${path} -a sho`, "-a shop");
    expect(existsSync(join(shell.home, "ran"))).toBe(false);
    await rm(path);
  });

  shown("what fits before the cursor, wherever it is", async () => {
    await completes("cyme -a sho", /-a shop +instances.get north$/, " instances.get north");
    await completes("cyme --app=sho", /--app=shop +instances$/, " instances");
  });

  shown("commands, and the words of those that have two", async () => {
    await completes("cyme instances.auto", "cyme instances.autoscale");
    await completes("cyme -F json instances auto", "instances autoscale");
    await offers("cyme tasks ", "result", "send", "state", "wait");
    await offers("cyme -a shop consumers ", "add", "delete", "north", "south");
    await completes("cyme help instances.auto", "help instances.autoscale");
  });

  shown("the options of the command, wherever it stands, and their values", async () => {
    await completes("cyme tasks.send --meth", /--method=?$/);
    await completes("cyme apps --meth", "apps --meth");
    await completes("cyme-branch --restart-", /--restart-max-rate=?$/);
    await completes("cyme branch --restart-", /--restart-max-rate=?$/);
    await completes("cyme -F j", "-F json");
    await completes("cyme apps --format=j", "--format=json");
    await completes("cyme tasks.send mail http://h -X PU", "-X PUT");
    await offers("cyme users.add ann --role ", "admin", "operator", "viewer");
    await completes("cyme completion z", "completion zsh");
  });

  shown("files and folders", async () => {
    await completes("cyme --ca certificate.", "--ca certificate.pem");
    await completes("cyme branch -D cert", /-D certificates\/?$/);
  });

  shown("nothing and no noise where no branch answers", async () => {
    for (const url of ["http://127.0.0.1:1", "nonsense", `${branch.url}/elsewhere`]) {
      const line = `cyme -u ${url} -a`;
      expect(await shell.tab(`${line} `)).toEqual({ line, words: [] });
    }
  });

  shown("of names only those that can be some, and runs none of them", async () => {
    await completes(`cyme -u http://127.0.0.1:${impostor.port} -a `, "-a good");
    expect(await readdir(shell.home)).not.toContain("ran");
  });

  shown("one of ten thousand", async () => {
    const line = `cyme -u http://127.0.0.1:${impostor.port} -a many instances.get`;
    const words = await offers(`${line} i0999`, "i09990", "i09999");
    expect(words.filter((word) => MANY.includes(word))).toHaveLength(10);
  });
});

describe("a branch that is mute", () => {
  test("is waited for about a second, in silence", async () => {
    using mute = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const child = Bun.spawn([BINARY, "__complete"], {
      stdin: new TextEncoder().encode(`-u\0http://127.0.0.1:${mute.port}\0-a\0\0`),
      stdout: "pipe",
      stderr: "pipe",
    });
    const said = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    expect({ said: await said, code: await child.exited }).toEqual({ said: ["", ""], code: 0 });
  });
});
