import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTarget } from "../../test/harness/targets.ts";
import { probe } from "./probe.ts";

const at = (port: number, host = "127.0.0.1") => probe({ host, port, security: "none" });

const whyNot = (asked: Promise<void>) =>
  asked.then(
    () => "it answers",
    (error: Error) => error.message,
  );

describe("a server that is asked whether it answers", () => {
  test("does over a port, at whichever address it listens", async () => {
    using server = Bun.serve({ hostname: "0.0.0.0", port: 0, development: false, fetch: () => new Response("pong") });
    await at(server.port ?? 0);
    await at(server.port ?? 0, "0.0.0.0");
  });

  test("does over a unix socket", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cyme-probe-"));
    const path = join(folder, "branch.sock");
    {
      using server = Bun.serve({ unix: path, development: false, fetch: () => new Response("pong") });
      expect(server.pendingRequests).toBe(0);
      await probe({ path });
    }
    rmSync(folder, { recursive: true });
  });

  test("is not asked through a proxy of the environment", async () => {
    using server = Bun.serve({ port: 0, development: false, fetch: () => new Response("pong") });
    const before = process.env["http_proxy"];
    process.env["http_proxy"] = "http://127.0.0.1:1";
    try {
      await at(server.port ?? 0);
    } finally {
      if (before === undefined) delete process.env["http_proxy"];
      else process.env["http_proxy"] = before;
    }
  });

  test("does not where nobody listens", async () => {
    expect(await whyNot(at(1))).toMatch(/ECONNREFUSED|Failed to connect/);
  });

  test("does not where it answers something else", async () => {
    using server = Bun.serve({ port: 0, development: false, fetch: () => new Response("", { status: 500 }) });
    expect(await whyNot(at(server.port ?? 0))).toMatch("it answered HTTP/1.1 500 Internal Server Error");
  });

  test("does not where it closes the connection", async () => {
    await using target = await startTarget((socket) => socket.end());
    expect(await whyNot(at(target.port))).toMatch("it closed the connection");
  });
});
