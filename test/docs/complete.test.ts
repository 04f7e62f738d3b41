import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Glob } from "bun";
import { CLIENT_OPTIONS, COMMON_OPTIONS } from "../../src/cli/option.ts";
import { COMMANDS, commandNamed } from "../../src/cli/table.ts";
import { OUTCOMES } from "../../src/domain/errors.ts";
import { routes } from "../../src/http/routes.ts";
import { difference } from "../harness/described.ts";
import { API, pathOf, withTable } from "./api-table.ts";
import { blocksOf } from "./markdown.ts";

const ROOT = resolve(import.meta.dir, "../..");
const read = (name: string) => readFileSync(resolve(ROOT, name), "utf8");

const titles = (markdown: string) => [...markdown.matchAll(/^### (.+)$/gm)].map(([, title = ""]) => title);

test("docs/commands.md has a section on each command, and on no other", () => {
  // `### users.add, users.set` is about two.
  const described = titles(read("docs/commands.md")).flatMap((title) => title.split(", "));
  expect(described.toSorted()).toEqual(COMMANDS.map(({ name }) => name).toSorted());
});

test("docs/commands.md shows a call of each command", () => {
  const typed = blocksOf(read("docs/commands.md"))
    .map(({ text }) => text)
    .join("\n");
  const isTyped = (name: string) =>
    new RegExp(`^\\$ .*cyme .*(?<![\\w.-])${name.replaceAll(".", "\\.")}( |$)`, "m").test(typed);
  expect(COMMANDS.map(({ name }) => name).filter((name) => !isTyped(name))).toEqual([]);
});

/** Options in the first cells of the table below a heading. */
function optionsBelow(markdown: string, heading: string): string[] {
  const section = markdown.split(`\n## ${heading}\n`)[1]?.split("\n## ", 1)[0] ?? "";
  const cells = section.split("\n").flatMap((line) => (line.startsWith("| `") ? [line.split(" | ", 1)[0] ?? ""] : []));
  return cells.flatMap((cell) => [...cell.matchAll(/--([a-z-]+)/g)].map(([, name = ""]) => name));
}

test("docs/running.md lists the options of branch", () => {
  const options = commandNamed("branch")?.options ?? [];
  const wanted = options.map(({ name }) => name).filter((name) => name !== "without-http");
  expect(optionsBelow(read("docs/running.md"), "Options").toSorted()).toEqual(wanted.toSorted());
});

test("docs/commands.md lists the options of all commands", () => {
  const wanted = [...CLIENT_OPTIONS, ...COMMON_OPTIONS].map(({ name }) => name);
  const ofThemselves = ["help", "version"];
  const listed = optionsBelow(read("docs/commands.md"), "Options of all commands");
  expect(listed.toSorted()).toEqual(wanted.filter((name) => !ofThemselves.includes(name)).toSorted());
});

test("docs/api.md has the table of routes by which requests are answered", () => {
  expect(read("docs/api.md")).toBe(withTable(readFileSync(API, "utf8")));
});

/**
 * The routes that a title is about: `GET, POST /<app>/…/`, more of them after ` · `; there a path that begins with `…/` goes on
 * from the first one, and one without a slash in front stands for its last part.
 */
function routesOf(title: string): string[] {
  const [first = "", ...more] = title.replaceAll("&lt;", "<").replaceAll("&gt;", ">").split(" · ");
  const split = (text: string) => /^((?:[A-Z]+(?:, )?)+) (.*)$/.exec(text)?.slice(1) ?? ["", text];
  let [methods = "", base = ""] = split(first);
  const all = methods.split(", ").map((method) => `${method} ${base}`);
  for (const part of more) {
    const [other = "", path = ""] = split(part);
    methods = other === "" ? methods : other;
    const full = path.startsWith("…/")
      ? `${base}${path.slice(2)}`
      : path.startsWith("/")
        ? path
        : base.replace(/[^/]+\/$/, path);
    all.push(...methods.split(", ").map((method) => `${method} ${full}`));
  }
  return all;
}

/** Names in paths differ, as `<user>` of one and `<name>` of the other; POST goes without saying where there is PUT. */
const unnamed = (described: readonly string[]) => [
  ...new Set(
    described
      .map((route) => route.replaceAll(/<[a-z]+>/g, "<>"))
      .filter((route, _, all) => !(route.startsWith("POST") && all.includes(route.replace("POST", "PUT")))),
  ),
];

test("docs/api.md has a section on each route, and on no other", () => {
  const described = titles(read("docs/api.md")).filter((title) => /^(GET|PUT|POST|DELETE)\b/.test(title));
  const answered = routes.flatMap(({ methods, pattern }) => methods.map((method) => `${method} ${pathOf(pattern)}`));
  expect(unnamed(described.flatMap(routesOf)).toSorted()).toEqual(unnamed(answered).toSorted());
});

/** What Celery and RabbitMQ say, and what are no words. */
const FOREIGN =
  /^(NotRegistered|WorkerLostError|ModuleNotFoundError: .*|EAGAIN|EMFILE|FAILURE|PENDING|disabled|running|stopped|unknown|backoff|waiting|note|rpc:\/\/)$/;

test("what docs/troubleshooting.md quotes is said by the program", () => {
  const said = [...new Glob("src/**/*.{ts,py}").scanSync(ROOT)]
    .filter((path) => !path.includes(".test."))
    .map((path) =>
      read(path)
        .replaceAll(/["`] \+\s+["`]/g, "")
        .replaceAll('\\"', '"'),
    )
    .join("\n");
  const quoted = read("docs/troubleshooting.md")
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .flatMap((line) => [...(line.split(" | ", 1)[0] ?? "").matchAll(/`([^`]+)`/g)].map(([, words = ""]) => words));
  expect(quoted.length).toBeGreaterThan(40);
  const pieces = quoted.filter((words) => !FOREIGN.test(words)).flatMap((words) => words.split(/…|"/));
  const missing = pieces
    .map((piece) => piece.replace(/^[ :;,()]+|[ :;,()]+$/g, ""))
    .filter((piece) => !said.includes(piece));
  expect(missing).toEqual([]);
});

test("docs/architecture.md names each folder of src and test", () => {
  const text = read("docs/architecture.md");
  const folders = (parent: string) =>
    readdirSync(resolve(ROOT, parent), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  const isNamed = (name: string) => new RegExp(`^\\|.* ?\`${name}/\`.*\\|`, "m").test(text);
  expect([...folders("src"), ...folders("test")].filter((name) => !isNamed(name))).toEqual([]);
});

test("CHANGELOG.md has a section on the version of package.json", () => {
  const { version } = JSON.parse(read("package.json")) as { version: string };
  expect(read("CHANGELOG.md")).toContain(`\n## [${version}]`);
});

test("docs/api.md lists the errors with their status and exit code", () => {
  const section = read("docs/api.md").split("\n## Errors\n")[1] ?? "";
  const rows = [...section.matchAll(/^\| `([a-z-]+)` \| (\d+) \| (\d+) \|/gm)];
  const listed = rows.map(([, code = "", http, exit]) => [code, { http: Number(http), exit: Number(exit) }]);
  expect(Object.fromEntries(listed)).toEqual(OUTCOMES);
});

/** An example stands in the section of its route, as the answer to one of its methods with one of these statuses. */
const STATUSES = [200, 201, 409, 502, 503];

test("the JSON of docs/api.md is what the API says that it answers", () => {
  const sections = read("docs/api.md").split("\n### ").slice(1);
  const wrong = sections.flatMap((section) => {
    const title = section.split("\n", 1)[0] ?? "";
    const asked = routesOf(title).map((route) => route.replaceAll(/<([a-z]+)>/g, "$1").split(" "));
    const examples = blocksOf(section.split("\n## ", 1)[0] ?? "").filter(({ language }) => language === "json");
    const fits = (text: string) =>
      asked.some(([method = "", path = ""]) =>
        STATUSES.some((status) => !difference({ method, path, status, contentType: "application/json", text })),
      );
    return examples.filter(({ text }) => !fits(text)).map(({ text }) => `${title}: ${text}`);
  });
  expect(wrong).toEqual([]);
});
