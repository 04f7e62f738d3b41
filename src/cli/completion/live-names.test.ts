import { describe, expect, test } from "bun:test";
import { liveNames } from "./live-names.ts";
import { wantedBy } from "./wanted.ts";

/** What a branch answers by its paths; everything else is refused. */
const ANSWERS: Record<string, unknown> = {
  "/": ["blog", "shop"],
  "/shop/instances/": ["mailer", "web"],
  "/blog/instances/": ["blogger"],
  "/shop/queues/": ["mail", "pictures"],
  "/instances/web/": { app: "shop", queues: ["mail"] },
  "/branches/": ["one", "two"],
  "/api/tasks/?app=shop&limit=100": [{ uuid: "b0" }, { uuid: "a1" }],
  "/api/tasks/?limit=1": [],
  "/api/users/": [{ name: "ann" }],
  "/api/tokens/": [{ name: "ci" }],
};

/** The names that are offered for the last word of a line, given the answers. */
async function offered(line: string, answers = ANSWERS, silent: string[] = ["three"]): Promise<string[]> {
  const wanted = wantedBy(line.split(" "), {});
  if (!wanted) throw new Error(`Nothing is wanted of a branch: ${line}`);
  return liveNames(wanted, async (path, query = {}) => {
    const search = new URLSearchParams(query).toString();
    const body = answers[search === "" ? path : `${path}?${search}`];
    if (body === undefined) throw new Error(`There is no ${path}`);
    return { body, silent };
  });
}

describe("the names are", () => {
  test.each([
    ["-a ", ["blog", "shop"]],
    ["-a shop instances.get ", ["mailer", "web"]],
    ["-a shop instances.get w", ["web"]],
    ["instances.get ", ["blogger", "mailer", "web"]],
    ["-a shop queues.get ", ["mail", "pictures"]],
    ["consumers.add web ", ["mail", "pictures"]],
    ["consumers.delete web ", ["mail"]],
    ["-a shop tasks.send ", ["celery", "mail", "pictures"]],
    ["-a shop tasks.state ", ["b0", "a1"]],
    ["branches.get ", ["one", "two"]],
    ["branches.forget ", ["three"]],
    ["users.delete ", ["ann"]],
    ["tokens.delete ", ["ci"]],
  ])("%s → %j", async (line, names) => expect(await offered(line)).toEqual(names));

  test("of a list the items before with each, but none twice", async () => {
    expect(await offered("-a shop instances.add --queues ")).toEqual(["mail", "pictures"]);
    expect(await offered("-a shop instances.add --queues mail,")).toEqual(["mail,pictures"]);
  });

  test("none of all apps where there are too many to ask", async () => {
    const apps = Array.from({ length: 51 }, (_, index) => `app${index}`);
    expect(await offered("instances.get ", { ...ANSWERS, "/": apps })).toEqual([]);
  });
});

describe("nothing is offered", () => {
  test.each(["; rm -rf /", "$(id)", "`id`", "a b", "-x", "a\nb", "\u001b[31m", "", "ä", "x".repeat(129), 7, null, {}])(
    "that is no name: %j",
    async (name) => expect(await offered("-a ", { "/": [name, "good"] })).toEqual(["good"]),
  );

  test.each([{}, null, "text", 7])("of an answer that is no list: %j", async (body) => {
    expect(await offered("-a ", { "/": body })).toEqual([]);
    expect(await offered("-a shop tasks.state ", { "/api/tasks/?app=shop&limit=100": body })).toEqual([]);
    expect(await offered("consumers.delete web ", { "/instances/web/": body })).toEqual([]);
  });
});

test("an app that cannot be one is not asked for", async () => {
  const asked = offered("-a ../api instances.get ").catch((error: unknown) => String(error));
  expect(await asked).toContain("app name");
});
