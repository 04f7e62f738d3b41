import { expect, test } from "bun:test";
import { blocksOf, oddBlocks, stepsOf } from "./markdown.ts";
import { toDocumented, toReal, type Places } from "./places.ts";
import { runDocument } from "./run-document.ts";
import type { Sandbox } from "./sandbox.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { compare } from "./shape.ts";
import { startShell } from "./shell.ts";
import { standInInstall } from "./stand-in-install.ts";

/* The runner of the documents, on documents that are wrong. */

const PLACES: Places = {
  root: "/tmp/x",
  ports: { 8000: 14001 },
  broker: "amqp://guest:guest@127.0.0.1:15001/t-1",
  hostname: "box",
};

/** A shell and a folder, without Cyme and a broker. */
async function openShell(): Promise<Sandbox> {
  const root = await mkdtemp(join(tmpdir(), "cyme-docs-"));
  const shell = startShell({ scratch: root, cwd: root, env: { PATH: process.env["PATH"] ?? "" } });
  const close = async () => {
    await shell[Symbol.asyncDispose]();
    await rm(root, { recursive: true, force: true });
  };
  return { places: { ...PLACES, root }, shell, [Symbol.asyncDispose]: close };
}

const fence = (language: string, text: string, above = "") => `${above}\n\`\`\`${language}\n${text}\n\`\`\`\n`;
const outcome = (...blocks: string[]) => runDocument(blocks.join("\n"), openShell);
const failures = async (...blocks: string[]) => (await outcome(...blocks)).failures.join("\n");

test("a right document has no failures, and its shell is one and the same from block to block", async () => {
  const first = fence("sh", "mkdir -p a/b # a folder\ncd a\nword='two  blanks'");
  const second = fence(
    "console",
    '$ echo "$word"\ntwo blanks\n$ pwd | sed "s,.*/,,"\na\n$ echo one \\\n    two\none two',
  );
  expect(await outcome(first, second)).toEqual({ ran: 2, leftOut: [], failures: [] });
});

test("what a command prints and is not documented is a failure that shows both", async () => {
  const said = await failures(fence("console", "$ printf 'a\\nb\\nc\\n'\na\nx\nc"));
  expect(said).toContain("line 3: $ printf");
  expect(said).toContain("  a\n- x\n+ b\n  c");
  expect(await failures(fence("console", "$ printf 'a\\nb\\n'\na"))).toContain("+ b");
  expect(await failures(fence("console", "$ true\na"))).toContain("- a");
});

test("a command that fails without a word of it is a failure, in a block of commands alone too", async () => {
  expect(await failures(fence("console", "$ echo a; false\na"))).toContain("status 1");
  expect(await failures(fence("sh", "true\nls /nothing-there\ntrue"))).toContain("failed: ls /nothing-there");
  expect(await failures(fence("console", "$ echo error: no; false\nerror: no"))).toBe("");
});

test.each([
  ["sh", "no-such-program && true", "no-such-program"],
  ["sh", "false && true\ntrue", "status 1"],
  ["sh", "export X=$(false)", "failed: false"],
  ["sh", "false | true", "status 1"],
  ["sh", "for n in 1 2; do\n  ls /nothing-there\n  true\ndone", "failed: ls /nothing-there"],
  ["console", "$ no-such-program --at-all\n…", "status 127"],
  ["console", "$ no-such-program; false\nerror: no\n…", "- error: no"],
  ["console", "$ echo error: no; no-such-program\nerror: no\n…", "status 127"],
  ["console", "$ echo a; false\n…", "status 1"],
  ["console", "$ false | true", "status 1"],
  ["console", "$ export X=$(false)", "failed: false"],
])("in a block of %s, %j fails", async (language, text, said) => {
  expect(await failures(fence(language, text))).toContain(said);
});

test.each([
  ["sh", "if false; then exit 3; fi\nfalse || true\nwhile false; do true; done"],
  ["sh", "cat >a <<'END'\nfalse\n\nEND\n# a word\necho 'a\nb' \\\n  c | grep -q 'b c'"],
  ["sh", "yes | head -1"],
  ["console", "$ false; echo $?\n1"],
  ["console", "$ sh -c 'echo error: no; exit 3'\nerror: …"],
])("in a block of %s, %j does not", async (language, text) => {
  expect(await failures(fence(language, text))).toBe("");
});

test("what a command ended with is there for the next one", async () => {
  const shown = "$ sh -c 'echo error: no; exit 3'\nerror: no\n$ echo $?\n3\n$ true\n$ echo $?\n0";
  expect(await failures(fence("console", shown))).toBe("");
});

test("a block that nobody would look at is found", () => {
  expect(oddBlocks(fence("bash", "ls"))).toEqual(['line 2: nobody knows what to do with "bash"']);
  expect(oddBlocks(fence("", "ls"))).toEqual(['line 2: nobody knows what to do with ""']);
  expect(oddBlocks(fence("text", "$ ls"))).toEqual(["line 2: a command in a block that is not run"]);
  expect(oddBlocks(fence("sh", "ls") + fence("json", "{}"))).toEqual([]);
});

test.each(["~~~sh\nls\n~~~", "````sh\nls\n````", "> ```sh\n> ls\n> ```", "\t```sh\n\tls\n\t```"])(
  "%j is no fence that a document may have",
  (text) => {
    expect(() => blocksOf(text)).toThrow("The fence of line 1");
  },
);

test("a command that is not there, and one that ends the shell, are failures", async () => {
  expect(await failures(fence("console", "$ cyme-frobnicate"))).toContain("command not found");
  expect(await failures(fence("sh", "exit 3"), fence("console", "$ echo a\na"))).toContain("The shell ended");
});

test("a block that is not to be run has its reason, which is told", async () => {
  const left = fence("sh", "exit 3", "<!-- not run: it would end the shell -->");
  expect(await outcome(left)).toEqual({ ran: 0, leftOut: ["line 2: it would end the shell"], failures: [] });
  expect(await failures(fence("sh", "exit 3", "<!-- not run: -->"))).toContain("The shell ended");
  expect(await failures(fence("sh", "exit 3", "<!-- not run: too far above -->\n"))).toContain("The shell ended");
});

test("commands that the reader is not shown run before", async () => {
  expect(await failures(fence("console", "$ echo $n\n5", "<!-- first:\nn=2\nn=$((n + 3))\n-->"))).toBe("");
  expect(await failures(fence("console", "$ true", "<!-- first: false -->"))).toContain("failed: false");
});

test("nothing is killed by a number that was not shown before", async () => {
  expect(await failures(fence("console", "$ kill -9 99999999"))).toContain("no process that was shown before");
  const shown = fence("console", "$ sleep 60 & echo pid $!\npid 12345\n$ kill -9 12345");
  expect(await failures(shown)).toBe("");
});

test("ids, times, numbers of processes and columns are compared by shape, everything else by letter", () => {
  const documented =
    "pid: 12827 web@machine1-d789a740  2026-11-21T19:55:19.134Z\n0f5e8b0e-3a4e-4f0e-9b57-5d7f3c1f2a10 max 3";
  const real = "pid:   99 web@machine1-00000000 2027-01-01T00:00:00.000Z\nce88762a-15a0-45b3-94fa-9e0ad3a5a372 max 3\n";
  const { difference, learned } = compare(documented, real);
  expect(difference).toBe("");
  expect(learned.get("12827")).toBe("99");
  expect(learned.get("0f5e8b0e-3a4e-4f0e-9b57-5d7f3c1f2a10")).toBe("ce88762a-15a0-45b3-94fa-9e0ad3a5a372");
  expect(compare(documented, real.replace("max 3", "max 4")).difference).toContain("- 0f5e8b0e");
  expect(compare("pid: 12827", "pid: none").difference).not.toBe("");
  expect(compare("sent 2026-11-21", "sent today").difference).not.toBe("");
});

test("… stands for anything in its line, or for any lines, and not for what is documented", () => {
  expect(compare("a … d\n…\nz", "a b c d\n1\n2\nz\n").difference).toBe("");
  expect(compare("a … d", "a b c\n").difference).not.toBe("");
  expect(compare("…\nz", "a\nz\nb\n").difference).not.toBe("");
  expect(compare("a\n…", "b\nc\n").difference).not.toBe("");
  expect(compare('{"token":"cyme_abc…"}', '{"token":"cyme_xyz"}').learned.get("cyme_abc…")).toBe("cyme_xyz");
});

test("paths, ports and the broker of a document are those of its sandbox, there and back", () => {
  const real = toReal("cyme branch :8000 -D /srv/a -b amqp://guest:guest@127.0.0.1:5672//", PLACES, new Map());
  expect(real).toBe("cyme branch :14001 -D /tmp/x/srv/a -b amqp://guest:guest@127.0.0.1:15001/t-1");
  expect(toDocumented("box-0123abcd a box 14001 /tmp/x/srv/a port: 15001 virtual_host: t-1", PLACES)).toBe(
    "machine1-0123abcd a box 8000 /srv/a port: 5672 virtual_host: /",
  );
  expect(toReal("cat a/srv/b $HOME/srv /usr/bin", PLACES, new Map())).toBe("cat a/srv/b $HOME/srv /usr/bin");
  expect(toReal("kill 12 112", PLACES, new Map([["12", "7"]]))).toBe("kill 7 112");
});

test("a block that is not closed, and a console block that begins without a command, are said", () => {
  expect(() => blocksOf("a\n```sh\nls")).toThrow("line 2 is not closed");
  const [block] = blocksOf("```console\nls\n```");
  expect(() => block && stepsOf(block)).toThrow('Line 2: a console block begins with a line "$ command"');
});

test.each([
  ["systemctl", ["enable", "--now", "cyme-branch"], 0],
  ["systemctl", ["enabel", "cyme-branch"], 1],
  ["systemctl", ["start", "cyme"], 1],
  ["ssh", ["root@machine1", "set -e; cyme status"], 0],
  ["ssh", ["root@machine1", "if cyme status"], 2],
  ["scp", [import.meta.path, "root@machine1:"], 0],
  ["scp", ["/nothing-there", "root@machine1:"], 1],
] as const)("the stand-in of %s for %p ends with %d", (name, args, status) => {
  expect(Bun.spawnSync([join(import.meta.dir, "stand-ins", name), ...args]).exitCode).toBe(status);
});

test.each([
  [[], 0],
  [["--from", "cyme-0.1.0-linux-x64.tar.gz", "--sha256", "00"], 0],
  [["--uninstall", "--purge"], 0],
  [["--uninstal"], 2],
  [["--from"], 2],
  [["uninstall"], 2],
  [["--prefix", "/nowhere", "--uninstal"], 2],
] as const)("the stand-in of install.sh for %p ends with %d", (args, status) => {
  const text = standInInstall(resolve(import.meta.dir, "../../install.sh"));
  expect(Bun.spawnSync(["sh", "-c", text, "install.sh", ...args]).exitCode).toBe(status);
});
