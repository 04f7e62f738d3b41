import { describe, expect, test } from "bun:test";
import { refused, runCyme } from "./test-run.ts";

const SEND = ["-a", "shop", "tasks.send", "t2", "http://m/"];

describe("what cannot be run is refused with exit code 2:", () => {
  test.each([
    ["an unknown command, with the nearest one", ["aps"], 'Cannot find the command "aps"; did you mean apps?'],
    ["one with swapped letters", ["instances.dlete", "x"], "did you mean instances.delete?"],
    ["one in two words", ["instance", "add"], "did you mean instances.add?"],
    ["one that is near to none", ["frobnicate"], "`cyme help` lists the commands"],
    ["one that every object has", ["constructor"], 'Cannot find the command "constructor"'],
    ["a misspelt second word", ["instances", "ad", "-a", "shop"], "did you mean instances.add?"],
    ["an unknown option, with the nearest one", ["apps", "--formt", "json"], "did you mean --format?"],
    ["an unknown letter", ["apps", "-z"], "Cannot use -z: apps has no such option"],
    ["an option of another command", ["apps", "--lines", "3"], "Cannot use --lines: apps has no such option"],
    ["an option of clients for branch", ["branch", "--url", "http://h"], "Cannot use --url: branch has no such option"],
    ["an option without its value", ["apps", "--app"], "Cannot use --app without a value: wanted --app=<app>"],
    ["an option as a value", ["apps.add", "shop", "--arguments", "-A"], "is given as --arguments=<words>"],
    ["a flag with a value", ["apps", "--local=no"], "Cannot use --local with a value: it is a flag"],
    ["a value that is none of the choices", ["apps", "-F", "xml"], 'wanted one of pretty, json, got "xml"'],
    ["a missing argument", ["apps.get"], "usage: cyme apps.get <name>"],
    ["an empty argument that is needed", ["apps.get", ""], "Cannot run apps.get without <name>"],
    ["a surplus argument", ["apps.get", "a", "b"], 'Cannot take the argument "b" of apps.get'],
    ["instances without an app", ["instances"], "give -a <app> or set CYME_APP"],
    ["an instance to add without an app", ["instances.add", "web"], "give -a <app> or set CYME_APP"],
    ["an app for all workers of a branch", ["-a", "shop", "restart-all"], "it is about all workers of this branch"],
    ["queues without an app", ["queues"], "give -a <app> or set CYME_APP"],
    ["a task without an app", ["tasks.send", "t2", "http://m/"], "give -a <app> or set CYME_APP"],
    ["an unknown verb, with the nearest one", [...SEND, "-X", "psot"], 'got "psot"; did you mean POST?'],
    ["a verb that is near to none", [...SEND, "-X", "LOCK"], 'OPTIONS, CONNECT, PATCH, got "LOCK"\n'],
    ["a body with GET", [...SEND, "-X", "GET", "-d", "x"], "Cannot use a body with GET: wanted none, since"],
    ["a body with HEAD", [...SEND, "-X", "head", "-d", "x"], "Cannot use a body with HEAD"],
    ["a body with TRACE", [...SEND, "-X", "TRACE", "-d", "x"], "Cannot use a body with TRACE"],
    ["a type without a body", [...SEND, "--content-type", "text/plain"], "there is no body"],
    ["a body in a file that is not there", [...SEND, "-d", "@none"], 'Cannot read "none": ENOENT'],
    ["a URL that is none", ["-a", "shop", "tasks.send", "t2", "m/import"], "wanted a URL such as http://host/path"],
    ["a task to send under a uuid that is none", [...SEND, "--uuid", "7"], "Cannot use uuid: wanted a UUID"],
    ["a uuid that is none", ["-a", "shop", "tasks.wait", "7"], "Cannot use uuid: wanted a UUID such as"],
    ["a change of nothing", ["apps.set", "shop"], "Cannot change nothing: wanted at least one of --broker --arguments"],
    ["a parameter twice", ["apps.add", "shop", "amqp://a", "-b", "amqp://b"], "Cannot take broker twice"],
    ["--env without =", ["apps.set", "shop", "--env", "s3cret"], "Cannot use --env: wanted NAME=value\n"],
    ["--timeout in words", ["apps", "--timeout", "soon"], "Cannot use --timeout: wanted a number of seconds"],
    ["--nowait with a read", ["-n", "apps"], "Cannot use --nowait with apps"],
    ["a name that is none", ["apps.delete", ".."], "Cannot use app name"],
    ["watching without a terminal", ["status", "--watch"], "wanted a terminal as standard output"],
    ["an unknown shell", ["completion", "ksh"], "wanted one of bash, zsh, fish"],
    ["help for nothing known", ["help", "instnces"], "did you mean instances?"],
    [
      "no command but options",
      ["-F", "json", "-a", "shop"],
      '{"nok":"Cannot run nothing: wanted a command; `cyme help` lists them"',
    ],
    ["an option that no command has, and no command", ["-V"], "Cannot use -V: no command has such an option"],
    ["a bad port", ["branch", "99999"], 'got "99999"'],
  ])("%s", async (_, argv, message) => {
    expect(await refused(argv)).toContain(message);
  });

  test("a command line without any word, with the overview", async () => {
    expect(await refused([])).toStartWith("cyme [options] <command> [arguments]\n");
  });

  test("a bad value of a variable, which is named", async () => {
    expect(await refused(["apps"], { CYME_TIMEOUT: "x" })).toContain("Cannot use CYME_TIMEOUT");
    expect(await refused(["apps"], { CYME_LOCAL: "maybe" })).toContain("Cannot use CYME_LOCAL");
  });

  test("as one line of JSON where that is wanted", async () => {
    const stderr = await refused(["-F", "json", "apps.get"]);
    expect(JSON.parse(stderr)).toEqual({
      nok: "Cannot run apps.get without <name>",
      error: "invalid",
      usage: "cyme apps.get <name>",
    });
    expect(stderr).toEndWith("}\n");
  });

  test("an option's value is not shown where it may be a secret", async () => {
    expect(await refused(["apps", "--token", "-s3cret"])).not.toContain("s3cret");
  });
});

const failing = (status: number, body: object) => ({ status, text: JSON.stringify(body) });
const breaking = () => Promise.reject(new TypeError("undefined is not a broker"));

describe("errors of a branch", () => {
  test.each([
    [400, "invalid", 2],
    [401, "unauthorized", 5],
    [403, "forbidden", 5],
    [404, "not-found", 3],
    [405, "method-not-allowed", 2],
    [408, "timeout", 4],
    [409, "conflict", 3],
    [413, "too-large", 2],
    [500, "internal", 1],
    [501, "not-implemented", 2],
    [502, "worker-failed", 4],
    [503, "unavailable", 4],
  ])("status %d, %s, end with exit code %d", async (status, error, code) => {
    const run = await runCyme(["apps"], { answer: failing(status, { nok: "Because.", error }) });
    expect(run).toMatchObject({ code, stdout: "" });
    expect(run.stderr).toStartWith("error: Because.\n");
  });

  test.each([
    [{ error: "not-found", app: "shop" }, "To list them: cyme apps\n"],
    [{ error: "not-found", instance: "web" }, "To list them: cyme -a <app> instances\n"],
    [{ error: "timeout", stored: true }, "It is stored and will be done.\n"],
    [{ error: "unavailable", stored: false }, "Nothing was stored; it can be tried again.\n"],
    [
      { error: "timeout", stored: null, branch: "b2", instance: "web" },
      "Nobody knows whether it was done: look once b2 is back with cyme -a <app> instances.get web\n",
    ],
    [{ error: "unavailable", stored: null }, "Nobody knows whether it was done: look with cyme -a <app> instances\n"],
    [{ error: "internal", id: "e17" }, "The branch's log says more under e17.\n"],
    [
      { error: "worker-failed", log: ["Traceback", "ModuleNotFoundError: proj"] },
      "The log of the worker ends with:\n  Traceback\n  ModuleNotFoundError: proj\n",
    ],
    [{ error: "unavailable", uuid: "u1" }, "What became of it: cyme -a <app> tasks.state u1\n"],
    [
      { error: "unavailable", stored: false, uuid: "u1" },
      "Nothing was stored; it can be tried again, with --uuid u1 as the same task.\n",
    ],
    [{ error: "timeout", uuid: "u1" }, "What became of it: cyme -a <app> tasks.state u1\n"],
  ])("%j say what to do next", async (facts, words) => {
    const run = await runCyme(["apps.add", "shop"], { answer: failing(500, { nok: "No.", ...facts }) });
    expect(run.stderr).toContain(words);
  });

  test("of an instance that is there already name the command that changes it", async () => {
    const facts = { nok: 'Instance "web" exists already: change it with PUT', error: "conflict", instance: "web" };
    const run = await runCyme(["-a", "shop", "instances.add", "web"], { answer: failing(409, facts) });
    expect(run.stderr).toBe('error: Instance "web" exists already\nTo change it: cyme -a shop instances.set web\n');
  });

  test("of a send that nobody answers name the command that tells why", async () => {
    const nok =
      "No answer within 6 s: nobody knows whether the task was sent, and the broker may be away (GET /health/ tells)";
    const { stderr } = await runCyme(["apps.add", "shop"], { answer: failing(408, { nok, error: "timeout" }) });
    expect(stderr).toContain("the broker may be away (cyme status tells)\n");
  });

  const sending = (facts: object) =>
    runCyme(["-a", "shop", "--timeout=0.1", ...SEND.slice(2)], { answer: failing(503, facts) });

  test("of an app that is named say so in full", async () => {
    const { stderr } = await sending({ nok: "No.", error: "not-found", queue: "t2" });
    expect(stderr).toBe("error: No.\nTo list them: cyme -a shop queues\nTo declare it: cyme -a shop queues.add t2\n");
    const run = await runCyme(["queues.get", "t2"], {
      env: { CYME_APP: "blog" },
      answer: failing(404, { nok: "No.", error: "not-found", queue: "t2" }),
    });
    expect(run.stderr).toContain("To list them: cyme -a blog queues\n");
  });

  test.each([
    [
      { maybe_sent: true },
      "What became of it: cyme -a shop tasks.state u1\nIt can be sent again, with --uuid u1 as the same task.\n",
    ],
    [{}, "Nothing was stored; it can be tried again, with --uuid u1 as the same task.\n"],
  ])("of a send, %j, name the option in place of the header that it stands for", async (facts, steps) => {
    const body = { error: "unavailable", stored: false, retry_after: 5, ...facts };
    const { stderr } = await sending({ nok: "Away; send it again with X-Cyme-Task: u1", ...body, uuid: "u1" });
    const uuid = /--uuid (\S+)/.exec(stderr)?.[1] ?? "";
    expect(stderr.replaceAll(uuid, "u1")).toBe(`error: Away\n${steps}`);
  });

  test("go to standard error as JSON with -F json, facts and all", async () => {
    const body = { nok: "It ended.", error: "worker-failed", log: ["a", "b"] };
    const run = await runCyme(["apps", "-F", "json"], { answer: failing(502, body) });
    expect(run).toMatchObject({ stdout: "", stderr: `${JSON.stringify(body)}\n`, code: 4 });
  });

  test("that nobody expected are internal, without a stack", async () => {
    const run = await runCyme(["apps"], { transport: breaking });
    expect(run).toMatchObject({ code: 1, stdout: "", stderr: "error: Internal error: undefined is not a broker\n" });
  });

  test("are coloured on a terminal only, and not with NO_COLOR", async () => {
    const answer = failing(404, { nok: "No.", error: "not-found" });
    expect((await runCyme(["apps"], { answer, isTTY: true })).stderr).toStartWith("\u001B[31merror:");
    expect((await runCyme(["apps"], { answer, isTTY: true, env: { NO_COLOR: "0" } })).stderr).toStartWith("error:");
  });
});

test.each([
  ["a read", ["apps"], ""],
  ["a change", ["apps.add", "shop"], "interrupted; the branch goes on with it\n"],
  ["a change of an instance directory itself", ["-L", "apps.add", "shop"], ""],
])("Ctrl-C ends %s with 130, and says of a change that it may be done", async (_, argv, said) => {
  const interrupt = new AbortController();
  const transport = async () => {
    interrupt.abort();
    throw new Error("aborted");
  };
  const run = await runCyme(argv, { transport, signal: interrupt.signal });
  expect(run).toMatchObject({ code: 130, stdout: "", stderr: said });
});
