import { describe, expect, test } from "bun:test";
import { wantedBy } from "./wanted.ts";

/** The kind of the last of the words, which are split at single spaces; a space at the end begins an empty one. */
const kind = (line: string) => wantedBy(line.split(" "), {})?.kind;

describe("the last word is wanted to be", () => {
  test.each([
    ["instances.get ", "instance"],
    ["instances.get we", "instance"],
    ["-a shop instances.get -F json ", "instance"],
    ["instances get ", "instance"],
    ["instances.get -- ", "instance"],
    ["consumers ", "instance"],
    ["consumers.add web ", "queue"],
    ["consumers delete web ", "consumed-queue"],
    ["instances.move web ", "branch"],
    ["branches.forget ", "lost-branch"],
    ["apps.delete ", "app"],
    ["tasks.send ", "task-queue"],
    ["tasks.wait ", "task"],
    ["users.set ", "user"],
    ["tokens.delete ", "token"],
    ["-a ", "app"],
    ["-ash", "app"],
    ["-nLash", "app"],
    ["-nLa shop instances.get ", "instance"],
    ["--app ", "app"],
    ["--app=sh", "app"],
    ["instances.get web -a ", "app"],
    ["instances.add --branch ", "branch"],
    ["--queues a,", "queues"],
  ] as const)("%s → %s", (line, wanted) => expect(kind(line)).toBe(wanted));

  test.each([
    "",
    "inst",
    "instances.get web ",
    "instances ",
    "-F ",
    "-n",
    "--app",
    "-u http://h instances",
    "tasks.send q ",
    "completion ",
    "help ",
    "nonsense ",
    "--nonsense ",
    "instances.add ",
  ])("nothing that only a branch knows: %s", (line) => expect(kind(line)).toBeUndefined());

  test("nothing where there is no word at all", () => expect(wantedBy([], {})).toBeUndefined());
});

describe("of what is there", () => {
  test("an option's value is told apart from the option", () => {
    expect(wantedBy(["--app=sh"], {})).toMatchObject({ typed: "sh", before: "" });
    expect(wantedBy(["-ash"], {})).toMatchObject({ typed: "sh" });
    expect(wantedBy(["-a", ""], {})).toMatchObject({ typed: "" });
  });

  test("the last item of a list is told apart from those before", () => {
    expect(wantedBy(["--queues", "a,b,c"], {})).toMatchObject({ typed: "c", before: "a,b," });
  });

  test("the instance that stands before is known", () => {
    expect(wantedBy(["consumers", "delete", "web", ""], {})).toMatchObject({ instance: "web" });
    expect(wantedBy(["consumers", ""], {})?.instance).toBeUndefined();
  });

  test("options before and after the command count, variables too, others are left alone", () => {
    const words = ["-a", "shop", "instances.get", "-Lu", "http://h", "--nonsense=1", ""];
    const values = wantedBy(words, { CYME_TOKEN: "t", CYME_APP: "blog" })?.values;
    expect(["app", "url", "token"].map((name) => values?.text(name))).toEqual(["shop", "http://h", "t"]);
    expect(values?.flag("local")).toBe(true);
    expect(wantedBy(["instances.get", ""], { CYME_APP: "blog" })?.values.text("app")).toBe("blog");
  });
});
