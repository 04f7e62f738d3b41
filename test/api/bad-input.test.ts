import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { raw, type RawRequest } from "./raw.ts";

/*
 * Every row is refused with its status, its code and a sentence that holds the words, and leaves nothing behind: what is
 * stored, the folders, the daemon and the worker are the same as before. Nothing that was given as a password is ever told.
 */

const SECRET = "s3cret";
const MAX_BODY = 20_000;

let vhost: Vhost;
let branch: Branch;
let before: unknown;

beforeAll(async () => {
  vhost = await freshVhost();
  branch = await startBranch({ broker: vhost.url, args: ["--max-body", String(MAX_BODY)] });
  const make = async (method: string, path: string, json: unknown) => {
    const { status, body } = await branch.api(method, path, { json });
    if (status !== 201) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
  };
  await make("PUT", "/shop/", { env: { TOKEN: SECRET } });
  await make("PUT", "/blog/", {});
  await make("PUT", "/shop/queues/t2/", { exchange_type: "topic", options: { durable: true } });
  await make("PUT", "/shop/instances/web/", { pool: "threads", stop_timeout: 1 });
  await make("PUT", "/shop/instances/off/", { pool: "solo", is_enabled: false });
  before = await everything();
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
}, 60_000);

/** All that the branch stores and runs, as far as it can be seen. */
async function everything(): Promise<unknown> {
  const get = async (path: string) => (await branch.api("GET", path)).body;
  const apps = (await get("/")) as string[];
  return {
    apps: await Promise.all(apps.map((app) => get(`/${app}/`))),
    instances: await Promise.all(apps.map((app) => get(`/${app}/instances/?detail=1`))),
    queues: await Promise.all(apps.map((app) => get(`/${app}/queues/?detail=1`))),
    history: await get("/shop/instances/web/history/"),
    branches: await get("/branches/"),
    folders: (await readdir(branch.dir)).filter((name) => !name.startsWith("branch.")),
    daemon: branch.pid,
    workers: (await branch.workers()).map(({ pid }) => pid),
  };
}

type Row = readonly [what: string, request: RawRequest, status: number, code: string, words: readonly string[]];

function refuses(rows: readonly Row[]): void {
  test.each(rows)("%s", async (_, request, status, code, words) => {
    const answer = await raw(branch.url, request);
    expect([answer.status, answer.text]).toEqual([status, expect.stringContaining('"nok"')]);
    const body = JSON.parse(answer.text) as { nok: string; error: string };
    expect(body.error).toBe(code);
    for (const word of words) expect(body.nok).toContain(word);
    expect(body.nok.length).toBeLessThan(1000);
    expect(answer.text).not.toContain(SECRET);
    expect(answer.headers.get("content-type")).toStartWith("application/json");
    expect(await everything()).toEqual(before);
  });
}

const bare = (method: string, path: string): RawRequest => ({ method, path });
const sent = (method: string, path: string, type: string, body: RawRequest["body"]): RawRequest => ({
  method,
  path,
  headers: { "Content-Type": type },
  ...(body !== undefined && { body }),
});
const json = (method: string, path: string, value: unknown) =>
  sent(method, path, "application/json", JSON.stringify(value));
const text = (body: RawRequest["body"]) => sent("PUT", "/new/", "application/json", body);
const form = (path: string, body: RawRequest["body"]) => sent("PUT", path, "application/x-www-form-urlencoded", body);

/** The parameters of a new app, instance or queue; of bounds. */
const app = (parameters: object) => json("PUT", "/new/", parameters);
const instance = (parameters: object) => json("PUT", "/shop/instances/new/", parameters);
const queue = (parameters: object) => json("PUT", "/shop/queues/new/", parameters);
const bounds = (parameters: object, name = "web") => json("POST", `/shop/instances/${name}/autoscale/`, parameters);

const deep = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
const LONG = "x".repeat(10_000);
const NAME = "wanted 1 to 128 characters of A-Z a-z 0-9 . _ -";

describe("a name is refused", () => {
  const names: Row[] = [
    ["with a slash", "a%2Fb", '"a/b"'],
    ["with a space", "a%20b", '"a b"'],
    ["with letters beyond ASCII", "%C3%BC", '"ü"'],
    ["with a line break", "a%0Ab", '"a\\nb"'],
    ["with a NUL", "a%00b", '"a\\u0000b"'],
    ["that climbs", "..%2F..%2Fetc", '"../../etc"'],
    ["that begins with a dot", ".web", '".web"'],
    ["that begins with a dash", "-web", '"-web"'],
    ["that is a template", "%7B%7Ba%7D%7D", '"{{a}}"'],
    ["of 129 characters", "x".repeat(129), "(131 characters)"],
    ["of 10 kB", LONG, "(10002 characters)"],
  ].flatMap(([what = "", name = "", shown = ""]): Row[] => [
    [`${what}: app`, bare("PUT", `/${name}/`), 400, "invalid", ["app name", NAME, shown]],
    [`${what}: instance`, bare("PUT", `/shop/instances/${name}/`), 400, "invalid", ["instance name", NAME, shown]],
    [`${what}: queue`, bare("PUT", `/shop/queues/${name}/`), 400, "invalid", ["queue name", NAME, shown]],
  ]);
  refuses(names);

  refuses(
    ["favicon.ico", "metrics", "queues", "robots.txt", "static"].map((name): Row => {
      const words = ["app name", "routes of the API", `"${name}"`];
      return [`that is reserved: app ${name}`, bare("PUT", `/${name}/`), 400, "invalid", words];
    }),
  );

  refuses([
    ["that is reserved: app ping", bare("PUT", "/ping/"), 405, "method-not-allowed", ["PUT", "GET"]],
    ["that is reserved: app health", bare("POST", "/health/"), 405, "method-not-allowed", ["POST", "GET"]],
    ["that is reserved: app admin", bare("PUT", "/admin/"), 405, "method-not-allowed", ["PUT", "/admin/"]],
    ["that is reserved: app openapi.json", bare("PUT", "/openapi.json/"), 405, "method-not-allowed", ["PUT", "GET"]],
    ["that is reserved: app branches", bare("PUT", "/branches/"), 405, "method-not-allowed", ["PUT", "GET"]],
    ["that is reserved: app api", bare("PUT", "/api/"), 404, "not-found", ["/api"]],
    ["that is reserved: app instances", bare("PUT", "/instances/"), 404, "not-found", ["/instances"]],
    [
      "that the branch's own files have: instance",
      bare("PUT", "/shop/instances/branch.db/"),
      400,
      "invalid",
      ["instance name", "branch.", '"branch.db"'],
    ],
    ["of a direct queue", bare("PUT", "/shop/queues/dq.web/"), 400, "invalid", ["queue name", "dq.", '"dq.web"']],
    ["of the broker's: queue", bare("PUT", "/shop/queues/amq.x/"), 400, "invalid", ["queue name", "amq.", '"amq.x"']],
    ["with a broken percent sign", bare("PUT", "/a%zz/"), 400, "invalid", ["the path", "percent", "a%zz"]],
    ["with half a character", bare("PUT", "/shop/queues/%C3/"), 400, "invalid", ["the path", "UTF-8", "%C3"]],
  ]);
});

describe("a body is refused", () => {
  const multipart = (body: string) => sent("PUT", "/new/", "multipart/form-data; boundary=x", body);
  refuses([
    ["that is half of JSON", text('{"cwd": "/tm'), 400, "invalid", ["the body", "a JSON object"]],
    ["that is nested 5,000 deep", text(`{"cwd":${deep(5000)}}`), 400, "invalid", ["the body", "nested", "20"]],
    ["that is a list", app([1, 2]), 400, "invalid", ["the body", "a JSON object", "[1,2]"]],
    ["that is a number", text("42"), 400, "invalid", ["the body", "a JSON object", "42"]],
    ["that is null", text("null"), 400, "invalid", ["the body", "a JSON object", "null"]],
    ["that is a text", text('"cwd"'), 400, "invalid", ["the body", "a JSON object", "cwd"]],
    ["that is no UTF-8", text(Uint8Array.of(0x7b, 0xff, 0x7d)), 400, "invalid", ["the body", "UTF-8"]],
    [
      "that is a form and no UTF-8",
      form("/new/", Uint8Array.of(0x61, 0x3d, 0xff)),
      400,
      "invalid",
      ["the body", "UTF-8"],
    ],
    ["of another type", sent("PUT", "/new/", "text/plain", "cwd=/"), 400, "invalid", ["content-type", '"text/plain"']],
    [
      "that is XML",
      sent("PUT", "/new/", "text/xml; charset=utf-8", "<a/>"),
      400,
      "invalid",
      ["content-type", '"text/xml"'],
    ],
    ["that is no multipart form", multipart("nothing"), 400, "invalid", ["the body", "a multipart form"]],
    [
      "of several parts without a boundary",
      sent("PUT", "/new/", "multipart/form-data", "a"),
      400,
      "invalid",
      ["multipart"],
    ],
    [
      "with a file",
      multipart('--x\r\nContent-Disposition: form-data; name="cwd"; filename="f"\r\n\r\n/\r\n--x--\r\n'),
      400,
      "invalid",
      ['"cwd"', "text", "a file"],
    ],
    ["larger than --max-body", text(`{"cwd":"/${"x".repeat(MAX_BODY)}"}`), 413, "too-large", ["20000", "--max-body"]],
    [
      "larger than --max-body, that does not say so beforehand",
      text([`{"cwd":"/`, "x".repeat(MAX_BODY), `"}`]),
      413,
      "too-large",
      ["20000", "--max-body"],
    ],
  ]);
});

describe("a parameter is refused", () => {
  refuses([
    [
      "that is unknown, in the query",
      bare("PUT", "/new/?colour=red"),
      400,
      "invalid",
      ["colour", "arguments, extra_config"],
    ],
    ["that is unknown, in a form", form("/new/", "colour=red"), 400, "invalid", ["colour", "arguments"]],
    ["that is unknown and empty", form("/new/", "colour="), 400, "invalid", ["colour", "arguments"]],
    ["that is unknown, in JSON", app({ colour: "red" }), 400, "invalid", ["colour", "arguments"]],
    ["that is unknown to a read", bare("GET", "/shop/?cwd=/"), 400, "invalid", ["cwd"]],
    ["that is unknown to a deletion", bare("DELETE", "/shop/?force=1"), 400, "invalid", ["force"]],
    ["of an instance, on an app", app({ pool: "solo" }), 400, "invalid", ["pool"]],
    ["that every object has", text('{"__proto__":{"cwd":"/"}}'), 400, "invalid", ["__proto__"]],
    ["twice in the query", bare("PUT", "/new/?cwd=/a&cwd=/b"), 400, "invalid", ['"cwd"', "once", "query"]],
    ["twice in a form", form("/new/", "cwd=/a&cwd=/b"), 400, "invalid", ['"cwd"', "once", "form"]],
    ["with a NUL", app({ command: "a\0b" }), 400, "invalid", ["command", "NUL"]],
    ["that is no text", app({ command: ["celery"] }), 400, "invalid", ["command", "text", '["celery"]']],
    ["of 17,000 characters", app({ command: "x".repeat(17_000) }), 400, "invalid", ["command", "16384 characters"]],
  ]);
});

describe("a broker is refused", () => {
  const wanted = "amqp://user:password@host:port/virtual_host";
  const url = (broker: unknown) => app({ broker });
  refuses([
    ["of another scheme", url(`http://u:${SECRET}@h/`), 400, "invalid", ["broker", wanted]],
    ["that is no URL", url(SECRET), 400, "invalid", ["broker", wanted]],
    ["that is a number", url(5672), 400, "invalid", ["broker", wanted]],
    ["with port 99999", url(`amqp://u:${SECRET}@h:99999//`), 400, "invalid", ["port", "65535", '"99999"']],
    ["with a port in words", url(`amqp://u:${SECRET}@h:rabbit//`), 400, "invalid", ["port", '"rabbit"']],
    ["with a space in its host", url(`amqp://u:${SECRET}@a b//`), 400, "invalid", ["broker", "host name", '"a b"']],
    ["with a query", url(`amqp://u:${SECRET}@h//?ssl=1`), 400, "invalid", ["broker", "no ? or #"]],
    ["with a password that is not percent-encoded", url(`amqp://u:${SECRET}%@h//`), 400, "invalid", ["broker", wanted]],
    ["with a line break", url(`amqp://u:${SECRET}%0A@h//`), 400, "invalid", ["broker", "control characters"]],
    ["as URL and host", app({ broker: "amqp://h//", hostname: "h" }), 400, "invalid", ["broker", "not both"]],
    ["as vhost and virtual_host", app({ hostname: "h", vhost: "a", virtual_host: "b" }), 400, "invalid", ["vhost"]],
    ["with spaces in hostname", app({ hostname: "my host" }), 400, "invalid", ["hostname", '"my host"']],
    ["with a hostname that is no text", app({ hostname: 7 }), 400, "invalid", ["hostname", "7"]],
    ["with port 99999 apart", app({ hostname: "h", port: 99_999 }), 400, "invalid", ["port", "65535", "99999"]],
    ["with port 0", app({ hostname: "h", port: 0 }), 400, "invalid", ["port", "from 1", "0"]],
    ["with port -1", form("/new/", "hostname=h&port=-1"), 400, "invalid", ["port", "from 1", '"-1"']],
    ["with port abc", form("/new/", "port=abc"), 400, "invalid", ["port", "a whole number", '"abc"']],
    ["with a user that is no text", app({ hostname: "h", userid: {} }), 400, "invalid", ["userid", "text"]],
    [
      "with a password that is no text",
      app({ hostname: "h", password: [SECRET] }),
      400,
      "invalid",
      ["password", "text"],
    ],
  ]);
});

describe("how workers are started is refused", () => {
  refuses(
    [
      ["-n x", "-n", "the instance's name"],
      ["-nx", "-n", "the instance's name"],
      ["--hostname=x", "--hostname", "the instance's name"],
      ["--hostname x", "--hostname", "the instance's name"],
      ["-l info -Q a,b", "-Q", "queues"],
      ["--queues=a", "--queues", "queues"],
      ["-P solo", "-P", "pool"],
      ["--pool=solo", "--pool", "pool"],
      ["-c 4", "-c", "max_concurrency"],
      ["-Ec4", "-c", "max_concurrency"],
      ["--concurrency=4", "--concurrency", "max_concurrency"],
      ["--autoscale 3,1", "--autoscale", "max_concurrency"],
      ["-D", "-D", "nothing: the branch detaches"],
      ["--detach", "--detach", "nothing: the branch detaches"],
      ["--pidfile=/tmp/x", "--pidfile", "nothing: worker.pid"],
      ["-f /tmp/x", "-f", "nothing: worker.pid, worker.log"],
      ["--logfile=/tmp/x", "--logfile", "nothing: worker.pid, worker.log"],
      ["--statedb /tmp/x", "--statedb", "nothing: worker.pid, worker.log and worker.statedb"],
      ["--uid=0", "--uid", "user"],
      ["--gid 0", "--gid", "user"],
      [`-b amqp://u:${SECRET}@h//`, "-b", "broker"],
      [`--broker=amqp://u:${SECRET}@h//`, "--broker", "broker"],
    ].map(([words = "", option, instead]): Row => {
      const name = `arguments with what Cyme sets itself: ${words.replace(/amqp.*/, "…")}`;
      return [name, instance({ arguments: words }), 400, "invalid", ["arguments", `no ${option},`, `use ${instead}`]];
    }),
  );

  refuses([
    [
      "arguments with a quote that does not end",
      app({ arguments: "-A 'proj" }),
      400,
      "invalid",
      ["arguments", "-A 'proj"],
    ],
    [
      "arguments with a password in a URL and a quote that does not end",
      app({ arguments: `--result-backend=redis://:${SECRET}@h/0 '` }),
      400,
      "invalid",
      ["arguments", "redis://…@h/0"],
    ],
    [
      "extra_config with a password in a URL and a quote that does not end",
      app({ extra_config: `result_backend=redis://:${SECRET}@h/0 '` }),
      400,
      "invalid",
      ["extra_config", "redis://…@h/0"],
    ],
    ["arguments that end in a backslash", app({ arguments: "-A proj\\" }), 400, "invalid", ["arguments"]],
    ["arguments with --", app({ arguments: "-A proj -- a=1" }), 400, "invalid", ["arguments", "extra_config"]],
    ["arguments with an option that lacks its value", app({ arguments: "-A" }), 400, "invalid", ["arguments", "-A"]],
    [
      "extra_config without =",
      app({ extra_config: "task_always_eager" }),
      400,
      "invalid",
      ["extra_config", "key=value"],
    ],
    ["extra_config without a key", app({ extra_config: "=1" }), 400, "invalid", ["extra_config", "key=value"]],
    [
      "extra_config with a broker",
      app({ extra_config: `broker_url=amqp://u:${SECRET}@h//` }),
      400,
      "invalid",
      ["extra_config", "broker"],
    ],
    ["a cwd that is relative", app({ cwd: "project" }), 400, "invalid", ["cwd", "an absolute path", '"project"']],
    ["a command of spaces", app({ command: "   " }), 400, "invalid", ["command", "how to call Celery"]],
    ["a command with a quote that does not end", app({ command: '"/opt' }), 400, "invalid", ["command"]],
    ["an env that is a list", app({ env: [SECRET] }), 400, "invalid", ["env", "a JSON object"]],
    ["an env that is no JSON", form("/new/", `env=${SECRET}`), 400, "invalid", ["env", "a JSON object"]],
    ["an env with a number", app({ env: { PORT: 1 } }), 400, "invalid", ["env", "PORT", "text"]],
    ["an env with a name that is none", app({ env: { "A B": "1" } }), 400, "invalid", ["env", '"A B"']],
    [
      "an env that sets the broker",
      app({ env: { CELERY_BROKER_URL: `amqp://u:${SECRET}@h//` } }),
      400,
      "invalid",
      ["env", "CELERY_BROKER_URL", "broker"],
    ],
    ["a stop_timeout of -1", app({ stop_timeout: -1 }), 400, "invalid", ["stop_timeout", "seconds", "-1"]],
    ["a stop_timeout in words", form("/new/", "stop_timeout=soon"), 400, "invalid", ["stop_timeout", '"soon"']],
  ]);
});

describe("an instance is refused", () => {
  refuses([
    ["with an unknown pool", instance({ pool: "fibers" }), 400, "invalid", ["pool", "prefork", '"fibers"']],
    [
      "of pool solo with a max of 2",
      instance({ pool: "solo", max_concurrency: 2 }),
      400,
      "invalid",
      ["max_concurrency", "1", "2"],
    ],
    [
      "with min > max",
      instance({ max_concurrency: 1, min_concurrency: 2 }),
      400,
      "invalid",
      ["min", "at most max", "1", "2"],
    ],
    ["with is_enabled=maybe", instance({ is_enabled: "maybe" }), 400, "invalid", ["is_enabled", "yes", '"maybe"']],
    ["with queues that are a number", instance({ queues: 7 }), 400, "invalid", ["queues", "a list of names", "7"]],
    ["with a queue whose name is none", instance({ queues: ["a b"] }), 400, "invalid", ["queue name", '"a b"']],
    ["with a queue that is not declared", instance({ queues: "t2,t3" }), 404, "not-found", ["queue", '"t3"']],
    ["on a branch that is not there", instance({ branch: "other" }), 404, "not-found", ["branch", '"other"']],
    ["on a branch whose id is none", instance({ branch: "a b" }), 400, "invalid", ["branch", '"a b"']],
    [
      "that another branch is to have",
      json("PUT", "/shop/instances/web/", { branch: "other" }),
      409,
      "conflict",
      ["web", "branch"],
    ],
    ["that another app has", bare("PUT", "/blog/instances/web/"), 409, "conflict", ["web", '"shop"']],
    ["that exists, for POST", bare("POST", "/shop/instances/web/"), 409, "conflict", ["web", "exists", "PUT"]],
    ["of an app that is not there", bare("PUT", "/none/instances/x/"), 404, "not-found", ["app", '"none"']],
    ["unnamed, of an app that is not there", bare("POST", "/none/instances/"), 404, "not-found", ["app", '"none"']],
  ]);
});

describe("bounds are refused", () => {
  const wanted = "a whole number from 1 to 10000";
  refuses([
    ["with a max of 0", bounds({ max: 0 }), 400, "invalid", ["max", wanted, "0"]],
    ["with a max of 10001", bounds({ max: 10_001 }), 400, "invalid", ["max", wanted, "10001"]],
    ["with a max of 1.5", bounds({ max: 1.5 }), 400, "invalid", ["max", wanted, "1.5"]],
    [
      "with a max of abc",
      bare("POST", "/shop/instances/web/autoscale/?max=abc"),
      400,
      "invalid",
      ["max", wanted, '"abc"'],
    ],
    ["with a max of 1e3", bare("POST", "/shop/instances/web/autoscale/?max=1e3"), 400, "invalid", ["max", '"1e3"']],
    ["with a max that is a list", bounds({ max: [1] }), 400, "invalid", ["max", wanted, "[1]"]],
    ["with a min of -1", bounds({ min: -1 }), 400, "invalid", ["min", "a whole number from 0 to 10000", "-1"]],
    ["with min > max", bounds({ max: 2, min: 3 }), 400, "invalid", ["min", "at most max", "2", "3"]],
    ["with a min over the max that is stored", bounds({ min: 5 }), 400, "invalid", ["min", "at most max", "5"]],
    ["with a max of 2 and the pool solo", bounds({ max: 2 }, "off"), 400, "invalid", ["max_concurrency", "solo", "2"]],
    ["of an instance that is not there", bounds({ max: 2 }, "none"), 404, "not-found", ["instance", '"none"']],
  ]);
});

describe("a queue is refused", () => {
  const option = (options: unknown) => queue({ options });
  refuses([
    ["with options that are a list", option([1]), 400, "invalid", ["options", "a JSON object", "[1]"]],
    ["with options that are a text", option("durable"), 400, "invalid", ["options", "a JSON object", "durable"]],
    ["with options that are a number", option(5), 400, "invalid", ["options", "a JSON object", "5"]],
    [
      "with options that are half of JSON, in a form",
      form("/shop/queues/new/", 'options={"a"'),
      400,
      "invalid",
      ["options"],
    ],
    ["with an unknown option", option({ durabel: true }), 400, "invalid", ["options", "durable", '"durabel"']],
    ["with bindings", option({ bindings: [] }), 400, "invalid", ["options", "bindings"]],
    ["with a flag that is none", option({ durable: "maybe" }), 400, "invalid", ["options.durable", '"maybe"']],
    ["with an unknown delivery mode", option({ delivery_mode: 7 }), 400, "invalid", ["options.delivery_mode", "7"]],
    [
      "with queue_arguments that are a list",
      option({ queue_arguments: [] }),
      400,
      "invalid",
      ["options.queue_arguments"],
    ],
    [
      "with an argument that is null",
      option({ queue_arguments: { "x-a": null } }),
      400,
      "invalid",
      ["queue_arguments", "x-a"],
    ],
    [
      "with an option that every object has",
      sent("PUT", "/shop/queues/new/", "application/json", '{"options":{"__proto__":{}}}'),
      400,
      "invalid",
      ["options", "__proto__"],
    ],
    [
      "with options that are text nested 5,000 deep",
      form("/shop/queues/new/", `options={"queue_arguments":{"a":${deep(5000)}}}`),
      400,
      "invalid",
      ["options", "nested"],
    ],
    [
      "with a number that JSON cannot keep",
      option({ queue_arguments: { "x-expires": 2 ** 60 } }),
      400,
      "invalid",
      ["options.queue_arguments", "9007199254740991"],
    ],
    [
      "with more arguments than AMQP can carry",
      option({ queue_arguments: { "x-a": "y".repeat(5000) } }),
      400,
      "invalid",
      ["options.queue_arguments", "2000 bytes"],
    ],
    [
      "of an unknown exchange type",
      queue({ exchange_type: "diredt" }),
      400,
      "invalid",
      ["exchange_type", "direct", '"diredt"'],
    ],
    ["with an exchange of 300 bytes", queue({ exchange: "x".repeat(300) }), 400, "invalid", ["exchange", "255 bytes"]],
    ["with a routing key that is no text", queue({ routing_key: 3 }), 400, "invalid", ["routing_key", "text", "3"]],
    ["of an app that is not there", bare("PUT", "/none/queues/x/"), 404, "not-found", ["app", '"none"']],
    [
      "that is not declared, as a consumer",
      bare("PUT", "/shop/instances/web/queues/t3/"),
      404,
      "not-found",
      ["queue", '"t3"'],
    ],
  ]);
});

describe("how to answer is refused", () => {
  refuses([
    ["with a timeout in words", bare("PUT", "/new/?timeout=soon"), 400, "invalid", ["timeout", "seconds", '"soon"']],
    ["with a timeout of -1", bare("GET", "/shop/instances/web/stats/?timeout=-1"), 400, "invalid", ["timeout", '"-1"']],
    ["with detail=maybe", bare("GET", "/shop/instances/?detail=maybe"), 400, "invalid", ["detail", '"maybe"']],
    ["with lines=-1", bare("GET", "/shop/instances/web/log/?lines=-1"), 400, "invalid", ["lines", '"-1"']],
    ["with lines=all", bare("GET", "/shop/instances/web/log/?lines=all"), 400, "invalid", ["lines", '"all"']],
    ["with follow=maybe", bare("GET", "/shop/instances/web/log/?follow=maybe"), 400, "invalid", ["follow", '"maybe"']],
    ["with forget=maybe", bare("DELETE", "/branches/x/?forget=maybe"), 400, "invalid", ["forget", '"maybe"']],
  ]);
});

describe("what is not there is not found:", () => {
  refuses(
    [
      ["GET", "/none/", ["app", '"none"']],
      ["DELETE", "/none/", ["app", '"none"']],
      ["GET", "/none/instances/", ["app", '"none"']],
      ["GET", "/none/queues/", ["app", '"none"']],
      ["GET", "/shop/instances/none/", ["instance", '"none"']],
      ["GET", "/blog/instances/web/", ["instance", '"web"']],
      ["DELETE", "/blog/instances/web/", ["instance", '"web"']],
      ["GET", "/instances/none/", ["instance", '"none"']],
      ["PUT", "/instances/none/", ["instance", '"none"']],
      ["POST", "/shop/instances/none/restart/", ["instance", '"none"']],
      ["POST", "/shop/instances/!/none/enable/", ["instance", '"none"']],
      ["DELETE", "/shop/instances/!/none/", ["instance", '"none"']],
      ["GET", "/shop/instances/none/log/", ["instance", '"none"']],
      ["GET", "/shop/instances/none/history/", ["instance", '"none"']],
      ["GET", "/shop/instances/none/queues/", ["instance", '"none"']],
      ["GET", "/shop/instances/web/queues/t2/", ["consumer", '"t2"']],
      ["DELETE", "/shop/instances/web/queues/t2/", ["consumer", '"t2"']],
      ["GET", "/shop/queues/none/", ["queue", '"none"']],
      ["DELETE", "/shop/queues/none/", ["queue", '"none"']],
      ["GET", "/branches/none/", ["branch", '"none"']],
      ["DELETE", "/branches/none/", ["branch", '"none"']],
      ["GET", "/shop/nothing/", ["/shop/nothing"]],
      ["GET", "/shop/instances/web/nothing/", ["/shop/instances/web/nothing"]],
      ["GET", "/a/b/c/d/e/f/g/", ["/a/b/c/d/e/f/g"]],
      ["GET", "/.env", ['".env"']],
      ["PUT", "/shop/!/instances/x/", ["/shop/!/instances/x"]],
    ].map(([method = "", path = "", words]): Row => {
      return [
        `${String(method)} ${String(path)}`,
        bare(String(method), String(path)),
        404,
        "not-found",
        words as string[],
      ];
    }),
  );
});

describe("a wrong verb is refused with those that are possible:", () => {
  const rows: [method: string, path: string, allow: string][] = [
    ["POST", "/ping/", "GET, HEAD, OPTIONS"],
    ["DELETE", "/", "GET, HEAD, OPTIONS"],
    ["DELETE", "/shop/queues/", "GET, HEAD, OPTIONS"],
    ["DELETE", "/shop/instances/", "GET, HEAD, PUT, POST, OPTIONS"],
    ["PATCH", "/shop/", "GET, HEAD, PUT, POST, DELETE, OPTIONS"],
    ["TRACE", "/shop/", "GET, HEAD, PUT, POST, DELETE, OPTIONS"],
    ["PATCH", "/shop/instances/web/", "GET, HEAD, PUT, POST, DELETE, OPTIONS"],
    ["GET", "/shop/instances/web/restart/", "POST, OPTIONS"],
    ["PUT", "/shop/instances/web/disable/", "POST, OPTIONS"],
    ["PUT", "/shop/instances/web/autoscale/", "GET, HEAD, POST, OPTIONS"],
    ["DELETE", "/shop/instances/web/stats/", "GET, HEAD, OPTIONS"],
    ["POST", "/shop/instances/web/log/", "GET, HEAD, OPTIONS"],
    ["PATCH", "/shop/instances/web/queues/t2/", "GET, HEAD, PUT, POST, DELETE, OPTIONS"],
    ["PUT", "/branches/b/", "GET, HEAD, DELETE, OPTIONS"],
  ];
  test.each(rows)("%s %s", async (method, path, allow) => {
    const answer = await raw(branch.url, bare(method, path));
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe(allow);
    expect(JSON.parse(answer.text)).toMatchObject({
      nok: expect.stringContaining(`${method} is not possible`),
      error: "method-not-allowed",
    });
    expect(await everything()).toEqual(before);
  });
});

describe("not to wait for a read is not implemented:", () => {
  refuses(
    ["/!/shop/", "/shop/instances/!/web/", "/shop/queues/!/t2/", "/shop/instances/!/web/stats/", "/shop/queues/!/"].map(
      (path): Row => [path, bare("GET", path), 501, "not-implemented", ["!/"]],
    ),
  );
});

describe("who may not ask is refused on every route:", () => {
  const from = (headers: Record<string, string>, request = bare("GET", "/")): RawRequest => ({ ...request, headers });
  const write = app({});
  refuses([
    [
      "a Host that is not this one",
      from({ Host: "evil.example" }),
      403,
      "forbidden",
      ["evil.example", "--allowed-host"],
    ],
    ["a Host that begins as this one", from({ Host: "localhost.evil.example:80" }), 403, "forbidden", ["evil.example"]],
    ["such a Host in a write", from({ Host: "evil.example" }, write), 403, "forbidden", ["evil.example"]],
    ["such a Host where nothing is", from({ Host: "evil.example" }, bare("GET", "/a/b/c/")), 403, "forbidden", []],
    ["an Origin of another site", from({ Origin: "http://evil.example" }), 403, "forbidden", ["http://evil.example"]],
    [
      "an Origin of another port",
      from({ Origin: "http://127.0.0.1:1" }, write),
      403,
      "forbidden",
      ["http://127.0.0.1:1"],
    ],
    ["an Origin that is hidden", from({ Origin: "null" }, write), 403, "forbidden", ["null"]],
    ["a page of another site", from({ "Sec-Fetch-Site": "cross-site" }, write), 403, "forbidden", ["cross-site"]],
    ["a page of another host of the site", from({ "Sec-Fetch-Site": "same-site" }), 403, "forbidden", ["same-site"]],
    [
      "a page that asks what is allowed",
      from({ Origin: "http://evil.example" }, bare("OPTIONS", "/")),
      403,
      "forbidden",
      [],
    ],
  ]);
});

describe("what is not in the state for it is refused:", () => {
  refuses([
    [
      "a restart of a disabled instance",
      bare("POST", "/shop/instances/off/restart/"),
      409,
      "conflict",
      ["off", "disabled"],
    ],
    ["stats of a disabled instance", bare("GET", "/shop/instances/off/stats/"), 409, "conflict", ["off", "disabled"]],
  ]);

  test("forgetting the branch that answers", async () => {
    const { status, body } = await branch.api("DELETE", `/branches/${branch.id}/?forget=1`);
    expect([status, body]).toEqual([409, expect.objectContaining({ error: "conflict", branch: branch.id })]);
    expect(await everything()).toEqual(before);
  });
});

test("no password that was given is in the log of the branch", async () => {
  expect(await branch.log()).not.toContain(SECRET);
});
