import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { BINARY, run, startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { SHELLS } from "./shells.ts";
import type { Terminal } from "./terminal.ts";

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

  shown("the instances of the app, and those of no other", async () => {
    for (const line of ["cyme -a shop instances.get ", "cyme instances get -a shop ", "cyme -ashop consumers add "]) {
      const { words } = await shell.tab(line);
      expect(words).toContain("north");
      expect(words).toContain("south");
      expect(words).not.toContain("letters");
    }
    expect((await shell.tab("cyme --app=shop instances.log n")).line).toEndWith("instances.log north");
  });

  shown("the instances of all apps where none is named", async () => {
    expect((await shell.tab("cyme instances.get ")).words).toEqual(
      expect.arrayContaining(["letters", "north", "south"]),
    );
  });

  shown("apps, branches, queues and what an instance consumes from", async () => {
    expect((await shell.tab("cyme -a ")).words).toEqual(expect.arrayContaining(["post", "shop"]));
    expect((await shell.tab('cyme -a "sh')).line).toEndWith("-a shop");
    expect((await shell.tab("cyme --app=sh")).line).toEndWith("--app=shop");
    expect((await shell.tab(`cyme instances.move north ${branch.id.slice(0, 2)}`)).line).toEndWith(branch.id);
    expect((await shell.tab("cyme instances.add new --branch b")).line).toEndWith(`--branch ${branch.id}`);
    expect((await shell.tab("cyme -a shop tasks.send ")).words).toEqual(
      expect.arrayContaining(["celery", "mail", "pictures"]),
    );
    expect((await shell.tab("cyme consumers.delete north ")).line).toEndWith("north mail");
    expect((await shell.tab("cyme -a shop instances.set north --queues mail,")).line).toEndWith("mail,pictures");
  });

  shown("what fits before the cursor, wherever it is", async () => {
    expect((await shell.tab("cyme -a sho", " instances.get north")).line).toMatch(/-a shop +instances.get north$/);
    expect((await shell.tab("cyme --app=sho", " instances")).line).toMatch(/--app=shop +instances$/);
  });

  shown("commands, and the words of those that have two", async () => {
    expect((await shell.tab("cyme instances.auto")).line).toEndWith("cyme instances.autoscale");
    expect((await shell.tab("cyme -F json instances auto")).line).toEndWith("instances autoscale");
    expect((await shell.tab("cyme tasks ")).words).toEqual(expect.arrayContaining(["result", "send", "state", "wait"]));
    expect((await shell.tab("cyme -a shop consumers ")).words).toEqual(
      expect.arrayContaining(["add", "delete", "north", "south"]),
    );
    expect((await shell.tab("cyme help instances.auto")).line).toEndWith("help instances.autoscale");
  });

  shown("the options of the command, wherever it stands, and their values", async () => {
    expect((await shell.tab("cyme tasks.send --meth")).line).toMatch(/--method=?$/);
    expect((await shell.tab("cyme apps --meth")).line).toEndWith("--meth");
    expect((await shell.tab("cyme-branch --restart-")).line).toMatch(/--restart-max-rate=?$/);
    expect((await shell.tab("cyme branch --restart-")).line).toMatch(/--restart-max-rate=?$/);
    expect((await shell.tab("cyme -F j")).line).toEndWith("-F json");
    expect((await shell.tab("cyme apps --format=j")).line).toEndWith("--format=json");
    expect((await shell.tab("cyme tasks.send mail http://h -X PU")).line).toEndWith("-X PUT");
    expect((await shell.tab("cyme users.add ann --role ")).words).toEqual(
      expect.arrayContaining(["admin", "operator", "viewer"]),
    );
    expect((await shell.tab("cyme completion z")).line).toEndWith("completion zsh");
  });

  shown("files and folders", async () => {
    expect((await shell.tab("cyme --ca certificate.")).line).toEndWith("--ca certificate.pem");
    expect((await shell.tab("cyme branch -D cert")).line).toMatch(/-D certificates\/?$/);
  });

  shown("nothing and no noise where no branch answers", async () => {
    for (const url of ["http://127.0.0.1:1", "nonsense", `${branch.url}/elsewhere`]) {
      expect(await shell.tab(`cyme -u ${url} -a `)).toMatchObject({
        line: expect.stringMatching(/-a$/),
        words: [],
      });
    }
    expect((await shell.tab(`cyme --url=${branch.url} -a sh`)).line).toEndWith("-a shop");
  });

  shown("of names only those that can be some, and runs none of them", async () => {
    const options = `-u http://127.0.0.1:${impostor.port}`;
    expect((await shell.tab(`cyme ${options} -a `)).line).toEndWith("-a good");
    expect(await readdir(shell.home)).not.toContain("ran");
  });

  shown("one of ten thousand", async () => {
    const options = `-u http://127.0.0.1:${impostor.port} -a many`;
    const { words } = await shell.tab(`cyme ${options} instances.get i0999`);
    expect(words.filter((word) => MANY.includes(word))).toHaveLength(10);
    expect((await shell.tab(`cyme ${options} instances.get i0765`)).words).toContain("i07654");
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
