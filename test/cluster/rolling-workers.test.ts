import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { startBranches, type Branches } from "./three.ts";

interface Done {
  readonly did: string;
  readonly at: string;
}

let vhost: Vhost;
let branches: Branches;

/** One instance of `roll` on each of three branches: w0, w1, w2. */
beforeAll(async () => {
  vhost = await freshVhost();
  branches = await startBranches(3, { broker: vhost.url });
  await first().api("PUT", "/roll/");
  for (const [at, { id }] of branches.all.entries()) {
    expect((await first().api("POST", `/roll/instances/w${at}/`, { query: { branch: id } })).status).toBe(201);
  }
});

afterAll(async () => {
  await branches?.[Symbol.asyncDispose]();
  await vhost?.drop();
});

function first(): Branch {
  const [branch] = branches.all;
  if (!branch) throw new Error("three branches were started");
  return branch;
}

const NAMES = ["w0", "w1", "w2"];

async function historyOf(name: string): Promise<readonly Done[]> {
  return (await first().api<Done[]>("GET", `/roll/instances/${name}/history/`)).body.toReversed();
}

describe("a change of an app with workers on three branches", () => {
  test("restarts one after another", async () => {
    const change = { json: { env: { CHANGED: "yes" } }, query: { timeout: "120" } };
    expect((await first().api("PUT", "/roll/", change)).status).toBe(200);
    const absences = await Promise.all(
      NAMES.map(async (name) => {
        const history = await historyOf(name);
        const from = history.findLast(({ did }) => did === "stopping")?.at ?? "";
        const to = history.findLast(({ did }) => did === "started")?.at ?? "";
        expect([from, to].toSorted()).toEqual([from, to]);
        return { from, to };
      }),
    );
    const inOrder = absences.toSorted((a, b) => (a.from < b.from ? -1 : 1));
    // No worker was told to stop before the one that was taken before it was started again.
    for (const [at, { from }] of inOrder.entries()) expect((inOrder[at - 1]?.to ?? "") <= from).toBe(true);
  }, 150_000);

  test("that is wrong disables one, and names it and those that were kept", async () => {
    const change = { json: { arguments: "-A nothere" }, query: { timeout: "60" } };
    const { status, body } = await first().api<{ error: string; instance: string; kept: string[]; nok: string }>(
      "PUT",
      "/roll/",
      change,
    );
    expect([status, body.error]).toEqual([502, "worker-failed"]);
    expect([body.instance, ...body.kept].toSorted()).toEqual(NAMES);
    expect(body.nok).toContain("keep what they run");
    for (const name of NAMES) {
      const { body: shown } = await first().api<{ state: string }>("GET", `/roll/instances/${name}/`);
      expect([name, shown.state]).toEqual([name, name === body.instance ? "disabled" : "running"]);
    }
    const mended = await first().api("PUT", "/roll/", { json: { arguments: null }, query: { timeout: "60" } });
    expect(mended.status).toBe(200);
    expect((await first().api("POST", `/roll/instances/${body.instance}/enable/`)).status).toBe(200);
  }, 150_000);
});
