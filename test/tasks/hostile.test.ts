import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { startBranch, type Branch } from "../harness/branch.ts";
import { anyCelery } from "../harness/celery.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { answer, readRequests, startEcho, startTarget, type Echo, type Target } from "../harness/targets.ts";
import { must } from "../lifecycle/work.ts";
import { outcome, send, startShop, stateOf, workerPid } from "./work.ts";

const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
const MB = 2 ** 20;

let vhost: Vhost;
let branch: Branch;
let echo: Echo;

beforeAll(async () => {
  [vhost, echo] = await Promise.all([freshVhost(), startEcho()]);
  branch = await startShop({ broker: vhost.url, celery: anyCelery() }, { max_concurrency: 1 });
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await Promise.all([echo.stop(), vhost.drop()]);
}, 60_000);

const on = (serve: (socket: Socket) => void): Promise<Target> =>
  startTarget((socket) => readRequests(socket, () => serve(socket)));

/** The same worker does what is sent next. */
async function worksAfter(work: () => Promise<void>): Promise<void> {
  const before = await workerPid(branch);
  await work();
  const { result } = await outcome(branch, await send(branch, `${echo.url}/next`));
  expect(result?.status_code).toBe(200);
  expect(await workerPid(branch)).toBe(before);
}

describe("a task fails, clearly, and its worker goes on, where the web server", () => {
  const SERVERS: [what: string, serve: (socket: Socket) => void, type: string, words: string][] = [
    ["resets the connection", (socket) => socket.resetAndDestroy(), "ConnectionResetError", "broke before"],
    ["closes it without a word", (socket) => socket.end(), "BadResponse", "without an answer"],
    [
      "closes it in the answer",
      (socket) => socket.end(`${HEAD}Content-Length: 9\r\n\r\nabc`),
      "BadResponse",
      "6 bytes",
    ],
    ["speaks another protocol", (socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n"), "BadResponse", "not answer in HTTP"],
    [
      "redirects for ever",
      (socket) => socket.end(answer({ status: "302 Found", headers: ["Location: /again"] })),
      "TooManyRedirects",
      "10 redirects",
    ],
    [
      "redirects to a file",
      (socket) => socket.end(answer({ status: "302 Found", headers: ["Location: file:///etc/passwd"] })),
      "BadResponse",
      "no URL of http",
    ],
    [
      "says that it answers with 11 MB",
      (socket) => socket.write(`${HEAD}Content-Length: ${11 * MB}\r\n\r\n`),
      "ResponseTooLarge",
      `${10 * MB} bytes`,
    ],
    [
      "answers with 11 MB without saying so",
      (socket) => socket.end(Buffer.concat([Buffer.from(`${HEAD}\r\n`), Buffer.alloc(11 * MB, "x")])),
      "ResponseTooLarge",
      `${10 * MB} bytes`,
    ],
    [
      "redirects to machine metadata",
      (socket) => socket.end(answer({ status: "302 Found", headers: ["Location: http://169.254.169.254/latest/"] })),
      "TargetRefused",
      "link-local",
    ],
  ];

  test.each(SERVERS)("%s", async (_, serve, type, words) => {
    await using target = await on(serve);
    await worksAfter(async () => {
      const uuid = await send(branch, target.url);
      expect(await outcome(branch, uuid)).toEqual({
        result: null,
        error: { type, message: expect.stringContaining(words) },
      });
      expect(await stateOf(branch, uuid)).toBe("FAILURE");
    });
  });

  let noTls: Target;
  beforeAll(async () => {
    noTls = await startTarget((socket) => void socket.once("data", () => socket.end(answer({}))));
  });
  afterAll(() => noTls.stop());

  const PLACES: [what: string, url: () => string | Promise<string>, type: string, words: string][] = [
    ["is not there", goneUrl, "ConnectionRefusedError", "Connection refused"],
    ["has a name that nobody knows", () => "http://nobody.invalid/", "NameNotResolved", "nobody.invalid"],
    ["speaks no TLS", () => `${noTls.url.replace("http", "https")}/`, "TlsError", "TLS"],
    ["is machine metadata", () => "http://169.254.169.254/latest/", "TargetRefused", "link-local"],
    ["is machine metadata, written otherwise", () => "http://0xA9FEA9FE/latest/", "TargetRefused", "link-local"],
    ["is machine metadata in IPv6", () => "http://[fd00:ec2::254]/", "TargetRefused", "machine metadata"],
    ["is the branch itself", () => `${branch.url}/ping/`, "TargetRefused", "this branch"],
    [
      "is the branch itself by a name",
      () => `${branch.url.replace("127.0.0.1", "localhost")}/`,
      "TargetRefused",
      "this branch",
    ],
  ];

  test.each(PLACES)("%s", async (_, url, type, words) => {
    const target = await url();
    await worksAfter(async () => {
      const { error } = await outcome(branch, await send(branch, target));
      expect([error?.type, error?.message]).toEqual([type, expect.stringContaining(words)]);
    });
  });

  async function goneUrl(): Promise<string> {
    const gone = await startTarget(() => {});
    await gone.stop();
    return gone.url;
  }
});

test("a failure shows no user, password or query of the URL, nor does the log of the worker", async () => {
  const url = `${branch.url.replace("//", "//Ann:s3cret@")}/?token=s3cret`;
  const { error } = await outcome(branch, await send(branch, url));
  expect(error?.type).toBe("TargetRefused");
  const log = await branch.api<string>("GET", "/shop/instances/web/log/", { query: { lines: "10000" } });
  expect(log.body).toContain("TargetRefused");
  expect(error?.message + log.body + (await branch.log())).not.toContain("s3cret");
});

describe("an answer that is no text comes as base64", () => {
  const CONTENTS: [what: string, type: string, content: Buffer][] = [
    ["with another charset than it says", "text/plain; charset=utf-8", Buffer.from([0x47, 0xfc, 0xff])],
    ["with a charset that nobody knows", "text/plain; charset=x-nobody", Buffer.from("Grüße")],
    ["of 9 MB", "image/x-test", Buffer.alloc(9 * MB, "\u0000ÿ~")],
  ];

  test.each(CONTENTS)("%s", async (_, type, body) => {
    await using target = await on((socket) => socket.end(answer({ type, body })));
    const { result } = await outcome(branch, await send(branch, target.url));
    expect(result).toMatchObject({ status_code: 200, is_base64: true });
    expect(Buffer.from(result?.content ?? "", "base64").equals(body)).toBe(true);
  });

  test("and one in the charset that it says is decoded", async () => {
    const [type, body] = ["text/plain; charset=iso-8859-15", Buffer.from([0x47, 0xfc, 0xa4])];
    await using target = await on((socket) => socket.end(answer({ type, body })));
    const { result } = await outcome(branch, await send(branch, target.url));
    expect(result).toMatchObject({ content: "Gü€", is_base64: false });
  });
});

test("an answer that says 404 or 500 is a result like any other", async () => {
  await using target = await on((socket) => socket.end(answer({ status: "500 Oh no", body: "sorry" })));
  const uuid = await send(branch, target.url);
  expect((await outcome(branch, uuid)).result).toMatchObject({ status_code: 500, content: "sorry" });
  expect(await stateOf(branch, uuid)).toBe("SUCCESS");
});

describe("--webhook-allow", () => {
  const failure = async (of: Branch, url: string) => (await outcome(of, await send(of, url))).error?.type;
  const overLocalhost = (path: string) => `http://localhost:${echo.port}${path}`;

  test("restricts what is reached, and a worker that runs on heeds the next branch's", async () => {
    // Elsewhere, so that no worker of the other branch takes the tasks.
    await using place = await freshVhost();
    const steady = { broker: place.url, celery: anyCelery() };
    await using first = await startShop({
      ...steady,
      args: ["-i", "steady", "--webhook-allow", "localhost,*.example"],
    });
    const pid = await workerPid(first);
    expect(await failure(first, overLocalhost("/allowed"))).toBeUndefined();
    expect(await failure(first, `${echo.url}/refused`)).toBe("TargetRefused");
    expect(await failure(first, `http://localhost:${new URL(first.url).port}/ping/`)).toBeUndefined();
    expect(await first.stop()).toBe(0);

    const args = ["-i", "steady", "--webhook-allow", "10.0.0.0/8", "--webhook-allow", "127.0.0.0/8"];
    await using next = await startBranch({ ...steady, dir: first.dir, args });
    expect(next.url).not.toBe(first.url);
    expect(await workerPid(next)).toBe(pid);
    expect(await failure(next, `${echo.url}/allowed-now`)).toBeUndefined();
    expect(await next.stop()).toBe(0);

    await using last = await startBranch({ ...steady, dir: first.dir, args: ["-i", "steady"] });
    expect(await workerPid(last)).toBe(pid);
    expect(await failure(last, `${last.url}/ping/`)).toBe("TargetRefused");
    expect(await failure(last, overLocalhost("/all"))).toBeUndefined();
    expect(echo.requests.map(({ target }) => target)).not.toContain("/refused");
    await must(last, 200, "DELETE", "/shop/");
  }, 60_000);

  test.each(["10.*", "a b", "10.0.0.0/33"])("%j ends the start", async (value) => {
    expect(await started(["--webhook-allow", value])).toContain("--webhook-allow");
  });

  async function started(args: readonly string[]): Promise<string> {
    try {
      await using running = await startBranch({ broker: vhost.url, args });
      return `It runs at ${running.url}`;
    } catch (error) {
      return String(error);
    }
  }
});

test("the API of another branch of this machine is not reached", async () => {
  await using other = await startBranch({ broker: vhost.url, celery: anyCelery() });
  const made = await outcome(branch, await send(branch, `${other.url}/made-by-a-task/`, { method: "PUT" }));
  expect(made.result?.status_code).toBe(403);
  expect((await other.api<string[]>("GET", "/")).body).not.toContain("made-by-a-task");
}, 30_000);
