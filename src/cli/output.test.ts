import { describe, expect, test } from "bun:test";
import type { Transport } from "../client/transport.ts";
import { runCyme } from "./test-run.ts";

const printed = async (
  command: string,
  text: string,
  settings: { isTTY?: boolean; env?: Record<string, string>; screen?: { columns: number } } = {},
) => {
  const run = await runCyme(command.split(" "), { ...settings, answer: { text } });
  expect(run).toMatchObject({ code: 0, stderr: "" });
  return run.stdout;
};

describe("pretty output", () => {
  test("has names one per line, and nothing for none", async () => {
    expect(await printed("apps", '["blog","shop"]')).toBe("blog\nshop\n");
    expect(await printed("apps", "[]")).toBe("");
  });

  test("has the word alone for a plain ok", async () => {
    expect(await printed("apps.delete shop", '{"ok":"ok"}')).toBe("ok\n");
  });

  test("has the name of an instance that is scheduled", async () => {
    const text = '{"ok":"operation scheduled","name":"web"}';
    expect(await printed("-n -a shop instances.add", text)).toBe("ok:   operation scheduled\nname: web\n");
  });

  test("has an object as aligned key: value, with what is inside indented", async () => {
    const text = JSON.stringify({
      name: "web",
      is_enabled: true,
      queues: ["a", "b"],
      broker: { hostname: "h", port: 5672 },
      pool: null,
      env: {},
      processes: [1, 2],
      list: [{ a: 1 }],
    });
    expect(await printed("instances.get web", text)).toBe(
      [
        "name:       web",
        "is_enabled: yes",
        "queues:     a, b",
        "broker:",
        "  hostname: h",
        "  port:     5672",
        "pool:       -",
        "env:        -",
        "processes:  1, 2",
        'list:       [{"a":1}]',
        "",
      ].join("\n"),
    );
  });

  test("has the broker without its password, which JSON has", async () => {
    const text = '{"broker":{"hostname":"h","password":"s3cret"},"pool":null}';
    const shown = "broker:\n  hostname: h\npool: -\n";
    expect(await printed("instances.get web", text)).toBe(shown);
    expect(await printed("-a shop instances.add web", text)).toBe(shown);
    expect(await printed(`-a shop tasks.send t2 http://m/`, text)).toBe(shown);
    expect(await printed("instances.history web", `[${text}]`)).not.toContain("s3cret");
    expect(await printed("-F json instances.get web", text)).toBe(`${text}\n`);
  });

  test("has a list of objects as an aligned table", async () => {
    const text = '[{"at":"10:00","did":"start","why":"wanted"},{"at":"9:59","did":"give up","why":null}]';
    expect(await printed("instances.history web", text)).toBe(
      ["AT     DID      WHY", "10:00  start    wanted", "9:59   give up  -", ""].join("\n"),
    );
  });

  test("has tables cut where the terminal is narrow, the widest columns first, and nowhere else", async () => {
    const text = JSON.stringify([{ at: "10:00", did: "start", why: `it was wanted ${"工".repeat(40)}` }]);
    const narrow = { isTTY: true, env: { NO_COLOR: "1" }, screen: { columns: 30 } };
    expect(await printed("instances.history web", text, narrow)).toBe(
      ["AT     DID    WHY", "10:00  start  it was wanted …", ""].join("\n"),
    );
    expect(await printed("instances.history web", text)).toContain("工".repeat(40));
  });

  test("has declarations as a table with the names of the queues", async () => {
    const text =
      '{"t2":{"exchange":"t2","exchange_type":"direct","routing_key":"k","options":{"durable":false},"no_ack":false}}';
    expect(await printed("consumers web", text)).toBe(
      [
        "NAME  EXCHANGE  EXCHANGE TYPE  ROUTING KEY  OPTIONS",
        't2    t2        direct         k            {"durable":false}',
        "",
      ].join("\n"),
    );
  });

  test("has the names of the instances that were started", async () => {
    expect(await printed("start-all", '{"ok":"ok","instances":["web","mail"]}')).toBe("web\nmail\n");
  });

  test("has a log as it is, but that it moves no cursor of a terminal", async () => {
    const log = "one\ttab\n\u001B[2Jtwo\r\n";
    expect(await printed("instances.log web", log)).toBe(log);
    expect(await printed("instances.log web", log, { isTTY: true })).toBe("one\ttab\n\\u001b[2Jtwo\r\n");
  });

  test("has a log as it is", async () => {
    expect(await printed("instances.log web", "one\ttab\ntwo")).toBe("one\ttab\ntwo\n");
    expect(await printed("-F json instances.log web", "one\n")).toBe("one\n");
  });

  test("lets no value move the cursor or forge a line", async () => {
    expect(await printed("apps.get a", JSON.stringify({ name: "\u001B[2J\nok: \u007F" }))).toBe(
      "name: \\u001b[2J\\nok: \\u007f\n",
    );
  });

  test("is coloured on a terminal only, and not with any NO_COLOR", async () => {
    const text = '{"instances":[{"name":"web","state":"running"}]}';
    expect(await printed("status", text, { isTTY: true })).toContain("\u001B[32mrunning");
    expect(await printed("status", text, { isTTY: true, env: { NO_COLOR: "true" } })).not.toContain("\u001B");
    expect(await printed("status", text, { isTTY: true, env: { TERM: "dumb" } })).not.toContain("\u001B");
    expect(await printed("status", text)).not.toContain("\u001B");
  });
});

const UUID = "1f0c1a52-6a4e-4c2c-9d8e-0d6a4f1f7a10";

describe("tasks", () => {
  test("have their state as one word", async () => {
    expect(await printed(`-a shop tasks.state ${UUID}`, '{"state":"STARTED"}')).toBe("STARTED\n");
    expect(await printed(`-F json -a shop tasks.state ${UUID}`, '{"state":"STARTED"}')).toBe('{"state":"STARTED"}\n');
  });

  const result = (answer: object) => printed(`-a shop tasks.result ${UUID}`, JSON.stringify(answer));
  const web = { status_code: 200, url: "http://m/x", headers: { "Content-Type": "text/plain", Age: "1" } };

  test("have the answer of a web server with its content as it is, line breaks and all", async () => {
    const content = "<p>\r\n\tü</p>";
    expect(await result({ result: { ...web, content, is_base64: false } })).toBe(
      [
        "status_code: 200",
        "url:         http://m/x",
        "headers:",
        "  Content-Type: text/plain",
        "  Age:          1",
        "",
        "<p>\r\n\tü</p>",
        "",
      ].join("\n"),
    );
  });

  test("say of binary content that it is base64, and have no content for none", async () => {
    expect(await result({ result: { ...web, content: "/w==", is_base64: true } })).toEndWith(
      "Age:          1\nis_base64:   yes\n\n/w==\n",
    );
    expect(await result({ result: { ...web, content: "", is_base64: false } })).toEndWith("  Age:          1\n");
  });

  test("let no web server move the cursor or forge a header", async () => {
    const headers = { "X-A": "1\nX-B: 2" };
    expect(await result({ result: { ...web, headers, content: "\u001B[2Ja\nb\rc", is_base64: false } })).toEndWith(
      "  X-A: 1\\nX-B: 2\n\n\\u001b[2Ja\nb\\rc\n",
    );
  });

  test.each([
    [5, "5\n"],
    ["a\nb", "a\nb\n"],
    [true, "yes\n"],
    [null, "-\n"],
    [{ a: [1] }, '{\n  "a": [\n    1\n  ]\n}\n'],
    [[], "[]\n"],
  ])("have the result %j of another task as %j", async (value, text) => {
    expect(await result({ result: value })).toBe(text);
  });

  test("have the error of a task that failed", async () => {
    const error = { type: "ConnectionRefusedError", message: "Cannot connect to m port 80" };
    expect(await result({ result: null, error })).toBe(
      "error:\n  type:    ConnectionRefusedError\n  message: Cannot connect to m port 80\n",
    );
  });

  test.each([
    ["as it is", { data: "a=1&b=ü", is_base64: false }, "data:      a=1&b=ü\nis_base64: no\n"],
    ["as its size where it is long", { data: "ü".repeat(1000) }, "data: 2,000 bytes\n"],
    ["as its size where it is binary", { data: "/w==", is_base64: true }, "data:      1 bytes\nis_base64: yes\n"],
    ["as - without one", { data: null }, "data: -\n"],
  ])("that are sent have their body %s", async (_, answer, text) => {
    expect(await printed("-a shop tasks.send t2 http://m/", JSON.stringify(answer))).toBe(text);
  });

  test("that are sent by HEAD have their uuid, which is all that its answer says", async () => {
    const answer = { status: 202, text: "", headers: { "X-Cyme-Task": UUID } };
    const send = ["-a", "shop", "tasks.send", "t2", "http://m/", "-X", "HEAD"];
    expect((await runCyme(send, { answer })).stdout).toBe(`uuid: ${UUID}\n`);
    expect((await runCyme(["-F", "json", ...send], { answer })).stdout).toBe(`{"uuid":"${UUID}"}\n`);
  });
});

test("a task is sent under the uuid that is given", async () => {
  const run = await runCyme(["-a", "shop", "tasks.send", "t2", "http://m/", "--uuid", UUID]);
  expect(run.requests.map(({ headers }) => headers?.["X-Cyme-Task"])).toEqual([UUID]);
});

describe("what is sent with -d", () => {
  const sent = async (...options: string[]) => {
    const files = { "a.json": '{"a":\n1}\n', "-": "typed" };
    const run = await runCyme(["-a", "shop", "tasks.send", "t2", "http://m/", ...options], { files });
    expect(run).toMatchObject({ code: 0, stderr: "" });
    const { body, headers } = run.requests[0] ?? {};
    return [new TextDecoder().decode(body), headers?.["Content-Type"]];
  };

  test("is a form, unless another type is given", async () => {
    expect(await sent("-d", "a=1")).toEqual(["a=1", "application/x-www-form-urlencoded"]);
    expect(await sent("-d", "{}", "--content-type", "application/json")).toEqual(["{}", "application/json"]);
    expect(await sent("-d", "")).toEqual(["", "application/x-www-form-urlencoded"]);
  });

  test("may be a file, as it is, or standard input", async () => {
    expect((await sent("-d", "@a.json"))[0]).toBe('{"a":\n1}\n');
    expect((await sent("-d", "@-"))[0]).toBe("typed");
    expect((await sent("-d", "a=1", "-d", "@-"))[0]).toBe("a=1&typed");
  });
});

describe("json output", () => {
  test("is exactly the answer on one line", async () => {
    const text = '{"b":1.0,"2":[ ],"1":"x"}';
    expect(await printed("-F json apps.get a", text)).toBe(`${text}\n`);
    expect(await printed("start-all -F json", '{"ok":"ok","instances":[]}')).toBe('{"ok":"ok","instances":[]}\n');
    expect(await printed("apps", '[\n"a"\n]\n', { env: { CYME_FORMAT: "json" } })).toBe('["a"]\n');
  });
});

test("branches that stayed silent are named on standard error", async () => {
  const run = await runCyme(["apps"], { answer: { text: '["a"]', headers: { "X-Cyme-Silent": "b2,b3" } } });
  expect(run).toMatchObject({
    code: 0,
    stdout: "a\n",
    stderr: "warning: no answer from b2, b3: this may not be complete\n",
  });
  const write = await runCyme(["apps.delete", "a"], { answer: { headers: { "X-Cyme-Silent": "b2" } } });
  expect(write.stderr).toBe("warning: no answer from b2: they do it when they are back\n");
  const answer = { status: 202, text: `{"uuid":"${UUID}"}`, headers: { "X-Cyme-Silent": "b2" } };
  const send = ["-a", "shop", "tasks.send", "t2", "http://m/"];
  const again = await runCyme([...send, "--uuid", UUID], { answer });
  expect(again.stderr).toBe("warning: no answer from b2: one of them may have sent the same task before\n");
  expect((await runCyme(send, { answer })).stderr).toBe("");
});

test("a followed log is printed as it comes, and ends with 0 when the person ends it", async () => {
  const interrupt = new AbortController();
  const transport: Transport = async ({ onText }) => {
    onText?.("one\n");
    onText?.("two");
    interrupt.abort();
    throw new Error("aborted");
  };
  const run = await runCyme(["instances.log", "web", "--follow"], { transport, signal: interrupt.signal });
  expect(run).toMatchObject({ code: 0, stdout: "one\ntwo", stderr: "" });
});
