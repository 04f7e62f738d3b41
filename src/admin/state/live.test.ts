import { afterAll, afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import type { ReadonlySignal } from "@preact/signals";
import { loginWanted } from "../api/request.ts";
import { instance } from "../test-things.ts";
import { connection, forget, instances, isLoaded, listen } from "./live.ts";

const fetching = spyOn(globalThis, "fetch");
const encoder = new TextEncoder();

/** The streams that the page asked for, the latest last. */
let streams: ReadableStreamDefaultController<Uint8Array>[] = [];

beforeEach(() => {
  streams = [];
  const open = async () => {
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void streams.push(controller) });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
  fetching.mockImplementation(open as unknown as typeof fetch);
});

afterEach(() => {
  forget();
  fetching.mockReset();
});

afterAll(() => fetching.mockRestore());

const told = (...events: [name: string, data: unknown][]) =>
  streams
    .at(-1)
    ?.enqueue(
      encoder.encode(events.map(([name, data]) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`).join("")),
    );

/** Resolves once the signal is as wanted. */
function until<T>(signal: ReadonlySignal<T>, isSo: (value: T) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const stop = signal.subscribe((value) => {
      if (!isSo(value)) return;
      resolve();
      queueMicrotask(() => stop());
    });
  });
}

const names = () => [...instances.value.keys()];

describe("what is live", () => {
  test("is shown when all of it has come, and then as it changes", async () => {
    listen();
    await Promise.resolve();
    told(["instance", instance("web")]);
    expect(isLoaded.value).toBe(false);
    told(["ready", {}]);
    await until(connection, ({ is }) => is === "live");
    expect(names()).toEqual(["web"]);
    told(["instance", instance("mail")]);
    await until(instances, (all) => all.size === 2);
  });

  test("is replaced when the connection is back, so that what went meanwhile goes", async () => {
    listen();
    await Promise.resolve();
    told(["instance", instance("web")], ["instance", instance("gone")], ["ready", {}]);
    await until(connection, ({ is }) => is === "live");
    streams.at(-1)?.close();
    await until(connection, ({ is }) => is === "lost");
    expect(names()).toEqual(["web", "gone"]);
    listen();
    await Promise.resolve();
    told(["instance", instance("web")], ["ready", {}]);
    await until(connection, ({ is }) => is === "live");
    expect(names()).toEqual(["web"]);
  });

  test("wants a login where the session has ended, and keeps what is shown", async () => {
    listen();
    await Promise.resolve();
    told(["instance", instance("web")], ["ready", {}]);
    await until(connection, ({ is }) => is === "live");
    const before = loginWanted.value;
    fetching.mockImplementation((async () => new Response("{}", { status: 401 })) as unknown as typeof fetch);
    listen();
    await until(loginWanted, (times) => times > before);
    expect(names()).toEqual(["web"]);
  });

  test("is forgotten by who has logged out", async () => {
    listen();
    await Promise.resolve();
    told(["instance", instance("web")], ["ready", {}]);
    await until(connection, ({ is }) => is === "live");
    forget();
    expect([names(), isLoaded.value, connection.value]).toEqual([[], false, { is: "connecting" }]);
  });
});
