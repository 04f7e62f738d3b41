import { afterAll, beforeAll, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { firstOfLastLines, followLog, lastLines, linesAfter } from "./worker-log.ts";

const MIB = 1024 * 1024;

let dir: string;
let file: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "cyme-log-"));
  file = join(dir, "worker.log");
});
afterAll(() => rmSync(dir, { recursive: true }));

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

test("a log that is longer than an answer begins with a whole line", () => {
  writeFileSync(file, `${"x".repeat(MIB)} amqp://u:hush@h\n${"y".repeat(16 * MIB - 5)}\nend\n`);
  expect(text(lastLines(file, 9).bytes)).toBe("end\n");
  writeFileSync(file, `amqp://u:${"hush".repeat(5 * MIB)}@h\n`);
  expect(lastLines(file, 9).bytes).toHaveLength(0);
});

test("none of its lines end where a line begins, also for who follows it from there on", async () => {
  writeFileSync(file, "one\namqp://u:hu");
  const first = firstOfLastLines(file, 0);
  expect([text(first.bytes), first.position === first.end]).toEqual(["", true]);
  const leave = new AbortController();
  const reader = followLog(file, 0, leave.signal).getReader();
  await reader.read();
  appendFileSync(file, "sh@h\n");
  expect(text(linesAfter(file, first.position).bytes)).toBe("amqp://u:hush@h\n");
  expect(text((await reader.read()).value ?? new Uint8Array())).toBe("amqp://u:hush@h\n");
  leave.abort();
});
