import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { appendFile, mkdir, readFile, rename, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";

/* A log is a file: no worker is needed to read it, but one wrote the first lines. */

let vhost: Vhost;
let branch: Branch;
let file: string;

beforeAll(async () => {
  vhost = await freshVhost();
  branch = await startBranch({ broker: vhost.url });
  await branch.api("PUT", "/shop/", { json: { stop_timeout: 1 } });
  await branch.api("PUT", "/shop/instances/web/", { json: { pool: "solo" } });
  await branch.api("POST", "/shop/instances/web/disable/");
  file = join(branch.dir, "web", "worker.log");
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
}, 60_000);

const log = (query = {}) => branch.api<string>("GET", "/shop/instances/web/log/", { query });
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, at) => `line ${from + at}\n`).join("");

describe("the log of an instance", () => {
  test("is what its worker wrote, as text", async () => {
    const { status, headers, body } = await log({ lines: "1000" });
    expect([status, headers.get("content-type")]).toEqual([200, "text/plain; charset=utf-8"]);
    expect(body).toContain(`web@${branch.id}`);
    expect(body).toBe(await readFile(file, "utf8"));
  });

  test("is its last hundred lines, or as many as are asked for", async () => {
    await appendFile(file, numbered(1, 300));
    expect((await log()).body).toBe(numbered(201, 300));
    expect((await log({ lines: "2" })).body).toBe(numbered(299, 300));
    expect((await log({ lines: "0" })).body).toBe("");
    expect((await log({ lines: "250" })).body).toBe(numbered(51, 300));
  });

  test("is whole lines of any length, the last one perhaps without its end", async () => {
    const long = `${"ü".repeat(100_000)}\n`;
    await writeFile(file, `one\n${long}${long}end`);
    expect((await log({ lines: "2" })).body).toBe(`${long}end`);
    expect((await log({ lines: "9" })).body).toBe(`one\n${long}${long}end`);
  });

  test("is empty where no worker ever ran", async () => {
    await branch.api("PUT", "/shop/instances/new/", { json: { is_enabled: false } });
    const { status, body } = await branch.api("GET", "/shop/instances/new/log/");
    expect([status, body]).toEqual([200, ""]);
  });
});

/** Reads a followed log; `heard()` is all that came so far. */
async function follow(query = "", instance = "web") {
  const leave = new AbortController();
  const answer = await fetch(`${branch.url}/shop/instances/${instance}/log/?follow=1${query}`, {
    signal: leave.signal,
  });
  let text = "";
  let hasEnded = false;
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of answer.body ?? []) text += decoder.decode(bytes, { stream: true });
  })()
    .catch(() => undefined)
    .finally(() => (hasEnded = true));
  return {
    status: answer.status,
    heard: () => text,
    hasEnded: () => hasEnded,
    async leave() {
      leave.abort();
      await reading;
    },
  };
}

/** How many sockets the daemon holds. */
const sockets = () => {
  const folder = `/proc/${branch.pid}/fd`;
  return readdirSync(folder).filter((fd) => {
    try {
      return readlinkSync(join(folder, fd)).startsWith("socket:");
    } catch {
      return false; // Closed while we looked.
    }
  }).length;
};

describe("a log that is followed", () => {
  test("begins with the last lines, and goes on with what is written", async () => {
    await writeFile(file, numbered(1, 9));
    const following = await follow("&lines=2");
    expect(following.status).toBe(200);
    await until(() => following.heard() === numbered(8, 9), { what: "the last lines" });
    await appendFile(file, "line 10\n");
    await until(() => following.heard() === numbered(8, 10), { what: "the new line" });
    await following.leave();
  });

  test("answers at once where nothing is written yet, with an empty line", async () => {
    await branch.api("PUT", "/shop/instances/quiet/", { json: { is_enabled: false } });
    const following = await follow("", "quiet");
    await until(() => following.heard() === "\n", { what: "the empty line" });
    await mkdir(join(branch.dir, "quiet"), { recursive: true });
    await appendFile(join(branch.dir, "quiet", "worker.log"), "loud\n");
    await until(() => following.heard() === "\nloud\n", { what: "the first line" });
    await following.leave();
  });

  test("begins anew where it is cut short or replaced", async () => {
    const following = await follow("&lines=0");
    await truncate(file, 0);
    await appendFile(file, "cut\n");
    await until(() => following.heard() === "\ncut\n", { what: "what came after the cut" });
    await rename(file, `${file}.1`);
    await writeFile(file, "replaced\n");
    await until(() => following.heard() === "\ncut\nreplaced\n", { what: "what the new file holds" });
    await following.leave();
  });

  test("costs nothing any more when the reader has left", async () => {
    const before = sockets();
    const readers = await Promise.all([follow(), follow(), follow()]);
    // One may go over a connection that an earlier request left open.
    expect(sockets()).toBeGreaterThanOrEqual(before + 2);
    await Promise.all(readers.map((reader) => reader.leave()));
    await until(() => sockets() <= before, { what: "the connections to be closed" });
    expect((await branch.api("GET", "/ping/")).status).toBe(200);
  });

  test("does not keep the branch from stopping, and ends with it", async () => {
    const following = await follow();
    const sinceMs = Date.now();
    expect(await branch.stop()).toBe(0);
    expect(Date.now() - sinceMs).toBeLessThan(8000);
    await until(following.hasEnded, { what: "the stream to end" });
    await branch.restart();
  });
});
