import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "bun:test";
import { MemoryCluster } from "./memory.ts";

/** What JSON writes with six bytes, what is no UTF-8, and what is cut in the middle of a letter. */
const LINE = `${"\u0001\u001b[0m".repeat(20)}"\\ é\n`;

test("a log of many megabytes comes whole through another branch", async () => {
  await using cluster = await withLog(LINE.repeat(120_000));
  const here = await cluster.ask("b", "GET /shop/instances/web/log/?lines=100000");
  const there = await cluster.ask("a", "GET /shop/instances/web/log/?lines=100000");
  expect([there.status, text(there.body).length > 8 * 1024 * 1024]).toEqual([200, true]);
  expect(text(there.body) === text(here.body)).toBe(true);
});

test("a log is followed through another branch, also when much is added at once", async () => {
  await using cluster = await withLog("old\nfirst\n");
  const stream = await cluster.branch("a").open("/shop/instances/web/log/?lines=1&follow=1");
  const reader = stream.getReader();
  const added = `${LINE.repeat(90_000)}last\n`;
  appendFileSync(logOf(cluster), added);
  const read: Uint8Array[] = [];
  const wanted = "first\n" + added;
  while (Buffer.concat(read).length < Buffer.byteLength(wanted)) {
    const { value } = await reader.read();
    if (value) read.push(value);
  }
  await reader.cancel();
  expect(Buffer.concat(read).toString() === wanted).toBe(true);
});

test("where a part of a log begins is for branches to say, and for nobody else", async () => {
  await using cluster = await withLog("amqp://u:hush@h\n");
  for (const branch of ["a", "b"]) {
    for (const param of ["after=0:9", "parts=1"]) {
      const { status, body } = await cluster.ask(branch, `GET /shop/instances/web/log/?${param}`);
      expect([branch, param, status, JSON.stringify(body)]).toEqual([
        branch,
        param,
        400,
        expect.not.stringContaining("sh@"),
      ]);
    }
  }
});

const text = (body: unknown) => String(body);
const logOf = (cluster: MemoryCluster) => join(cluster.branch("b").test.instanceDir, "web", "worker.log");

async function withLog(content: string): Promise<MemoryCluster> {
  const cluster = await MemoryCluster.of("a", "b");
  await cluster.ask("a", "POST /shop/instances/web/?branch=b");
  mkdirSync(dirname(logOf(cluster)), { recursive: true });
  writeFileSync(logOf(cluster), content);
  return cluster;
}
