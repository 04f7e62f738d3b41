import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { lockFile } from "../kit/file-lock.ts";
import { Store } from "../store/store.ts";
import { openStore } from "./compose.ts";
import { branchDirectory } from "./directory.ts";
import { openLocal } from "./local.ts";

/** Nobody listens there. */
const AWAY = "amqp://guest:guest@127.0.0.1:1//";

describe("a directory whose daemon does not answer", () => {
  test("is not read beside it, since what is stored is not how it is", async () => {
    const dir = mkdtempSync(join(tmpdir(), "cyme-local-"));
    const { socket, lock } = branchDirectory(dir);
    writeFileSync(socket, "");
    const held = lockFile(lock, "daemon 4711");
    expect(await problem(openLocal({ instanceDir: dir }))).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("(pid 4711), but does not answer at"),
    });
    if ("lock" in held) held.lock.release();
    expect(await openLocal({ instanceDir: dir })).toMatchObject({ kind: "direct" });
    rmSync(dir, { recursive: true });
  });
});

describe("branches of a broker that is away, without a daemon", () => {
  let dir = "";
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "cyme-local-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test("are what the directory knows, and those that it only heard of are silent", async () => {
    remember(openStore(branchDirectory(dir)));
    expect(await ask(dir, "GET", "/branches/")).toEqual({ status: 200, body: ["one"], silent: "two" });
    expect(await ask(dir, "GET", "/branches/one/")).toMatchObject({ status: 200, body: { id: "one" } });
  });

  test("cannot be asked where there is no directory, and are not changed", async () => {
    expect(await problem(ask(dir, "GET", "/branches/"))).toMatchObject({ code: "unavailable" });
    remember(openStore(branchDirectory(dir)));
    expect(await problem(ask(dir, "DELETE", "/branches/two/?forget=1"))).toMatchObject({ code: "unavailable" });
  });
});

/** Branch one, which once met branch two. */
function remember(store: Store): void {
  store.write(() => {
    store.settings.set("branch_id", "one");
    const version = store.nextVersion(Date.now());
    store.knownBranches.put({ id: "two", url: null, lastSeenAtMs: 0, isForgotten: false, version });
  });
  store.close();
}

async function ask(instanceDir: string, method: string, path: string) {
  const api = await openLocal({ instanceDir, broker: AWAY });
  if (api.kind !== "direct") throw new Error("a daemon runs here");
  try {
    const response = await api.handle(new Request(`http://localhost${path}`, { method }));
    const body: unknown = await response.json();
    return { status: response.status, body, silent: response.headers.get("x-cyme-silent") };
  } finally {
    await api.close({ say: () => {}, signal: new AbortController().signal, deadlineMs: Date.now() + 5000 });
  }
}

const problem = (asked: Promise<unknown>) => asked.catch((error: unknown) => error);
