import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startBranch, type Answer, type Branch } from "../harness/branch.ts";
import { celeries } from "../harness/celery.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { startEcho, type Echo } from "../harness/targets.ts";
import { must } from "../lifecycle/work.ts";
import { UUID } from "./work.ts";

const PROJECT = { arguments: "-A desk", cwd: resolve(import.meta.dir, "project") };
/** One app for each place where results may go: to the branch, elsewhere, nowhere. */
const APPS = { desk: "rpc://", cached: "cache+memory://", silent: "" };

interface Accepted {
  readonly uuid: string;
  readonly result_backend?: string;
  readonly note?: string;
}

interface Shown {
  readonly result: Record<string, unknown> | null;
  readonly error?: { readonly type: string; readonly message: string };
}

describe.each(celeries())("a task of the user's own app, on Celery $name", (celery) => {
  let vhost: Vhost;
  let branch: Branch;
  let echo: Echo;
  let folder: string;

  beforeAll(async () => {
    [vhost, echo, folder] = await Promise.all([freshVhost(), startEcho(), mkdtemp(join(tmpdir(), "cyme-named-"))]);
    branch = await startBranch({ broker: vhost.url, celery });
    const started = Object.entries(APPS).map(async ([app, backend]) => {
      await must(branch, 201, "POST", `/${app}/`, { ...PROJECT, env: backend === "" ? {} : { DESK_BACKEND: backend } });
      await must(branch, 201, "POST", `/${app}/queues/${app}/`);
      await must(branch, 201, "POST", `/${app}/instances/of-${app}/`, { queues: [app], pool: "threads" });
    });
    await Promise.all(started);
  }, 60_000);

  afterAll(async () => {
    await branch[Symbol.asyncDispose]();
    await Promise.all([echo.stop(), vhost.drop(), rm(folder, { recursive: true, force: true })]);
  }, 60_000);

  const sendNamed = (name: string, json: object = {}, app = "desk") =>
    must<Accepted>(branch, 202, "POST", `/${app}/task/${app}/${name}/`, { ...json });
  const outcome = (uuid: string, app = "desk") => must<Shown>(branch, 200, "GET", `/${app}/query/${uuid}/wait/`);
  const shown = async (json: object) => (await outcome((await sendNamed("desk.show", json)).uuid)).result;
  const stateOf = async (uuid: string, app = "desk") =>
    (await must<{ state: string }>(branch, 200, "GET", `/${app}/query/${uuid}/state/`)).state;

  test("gets its arguments, and its result comes back", async () => {
    const args = [2, "ü", null, { a: [1.5, true] }, []];
    const kwargs = { name: "O'Hara", deep: { list: [null] } };
    const sent = await sendNamed("desk.show", { args, kwargs });
    expect(sent.uuid).toMatch(UUID);
    expect(sent).toMatchObject({ queue: "desk", task: "desk.show", args, kwargs });
    expect(sent).not.toHaveProperty("result_backend");
    const { result } = await outcome(sent.uuid);
    expect(result).toMatchObject({ args, kwargs, id: sent.uuid, eta: null, expires: null, queue: "desk" });
    expect(await must(branch, 200, "GET", `/desk/query/${sent.uuid}/`)).toMatchObject({
      state: "SUCCESS",
      task: "desk.show",
      url: null,
      result,
    });
  });

  test("gets the same from a form", async () => {
    const form = { args: '[2, "ü"]', kwargs: '{"name": "O\'Hara"}' };
    const answer: Answer<Accepted> = await branch.api("POST", "/desk/task/desk/desk.show/", { form });
    expect(answer.status).toBe(202);
    expect(answer.headers.get("location")).toBe(`/desk/query/${answer.body.uuid}/`);
    expect((await outcome(answer.body.uuid)).result).toMatchObject({ args: [2, "ü"], kwargs: { name: "O'Hara" } });
  });

  test("gets headers of the caller's", async () => {
    expect(await shown({ headers: { shade: "blue" } })).toMatchObject({ shade: "blue" });
  });

  test("is not done before its eta", async () => {
    // Celery 5.2 takes the digits of a fraction of a second for microseconds, however few there are.
    const atMs = Math.floor(Date.now() / 1000) * 1000 + 2940;
    const uuids = await Promise.all(
      [new Date(atMs).toISOString(), new Date(atMs).toISOString().replace("Z", "")].map(
        async (eta) => (await sendNamed("desk.show", { eta })).uuid,
      ),
    );
    await Promise.all(uuids.map((uuid) => outcome(uuid)));
    expect(Date.now()).toBeGreaterThanOrEqual(atMs);
  });

  test("is REVOKED where it expired before a worker had it, and done where it did not", async () => {
    for (const expires of ["2020-01-01T00:00:00Z", 0, "0"]) {
      const { uuid } = await sendNamed("desk.show", { expires });
      expect((await outcome(uuid)).error).toMatchObject({ type: "TaskRevokedError", message: "expired" });
      expect(await stateOf(uuid)).toBe("REVOKED");
    }
    expect((await shown({ expires: 600 }))?.["expires"]).toBeString();
  });

  test("of a higher priority is done sooner", async () => {
    const declaration = { options: { queue_arguments: { "x-max-priority": 9 } } };
    await must(branch, 201, "POST", "/desk/queues/ranked/", declaration);
    const file = join(folder, "order");
    const uuids: string[] = [];
    for (const priority of [1, 9, 5]) {
      const json = { args: [file, `p${priority}`], priority };
      uuids.push((await must<Accepted>(branch, 202, "POST", "/desk/task/ranked/desk.note/", json)).uuid);
    }
    await must(branch, 201, "PUT", "/desk/instances/of-desk/queues/ranked/");
    await Promise.all(uuids.map((uuid) => outcome(uuid)));
    expect(await readFile(file, "utf8")).toBe("p9\np5\np1\n");
    expect(await shown({ priority: 3 })).toMatchObject({ priority: 3 });
  });

  test("that raises is FAILURE, with what it raised", async () => {
    const { uuid } = await sendNamed("desk.fail");
    expect(await outcome(uuid)).toEqual({
      result: null,
      error: { type: "LookupError", message: "the drawer is empty" },
    });
    expect(await stateOf(uuid)).toBe("FAILURE");
  });

  test("that no worker knows is FAILURE NotRegistered, and the worker goes on", async () => {
    const { uuid } = await sendNamed("desk.nothing");
    expect((await outcome(uuid)).error).toMatchObject({ type: "NotRegistered" });
    expect((await shown({ args: [1] }))?.["args"]).toEqual([1]);
  });

  test("is one task however often it is sent under one id, and another one is refused", async () => {
    const file = join(folder, "once");
    const id = crypto.randomUUID();
    const again = (word: string) =>
      branch.api("POST", "/desk/task/desk/desk.note/", {
        json: { args: [file, word] },
        headers: { "X-Cyme-Task": id },
      });
    const answers = await Promise.all([again("one"), again("one"), again("one")]);
    await outcome(id);
    answers.push(await again("one"));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    expect((await again("two")).status).toBe(409);
    await shown({});
    expect(await readFile(file, "utf8")).toBe("one\n");
  });

  test("with !/ is answered a uuid at once, and done", async () => {
    const { uuid } = await must<Accepted>(branch, 202, "POST", "/desk/task/!/desk/desk.show/", { args: [1] });
    expect((await outcome(uuid)).result).toMatchObject({ args: [1], id: uuid });
  });

  test.each([
    [{ args: "1" }, "args"],
    [{ args: { a: 1 } }, "args"],
    [{ kwargs: [1] }, "kwargs"],
    [{ eta: "soon" }, "eta"],
    [{ expires: -1 }, "expires"],
    [{ priority: 256 }, "priority"],
    [{ headers: { lang: "js" } }, "headers"],
    [{ colour: "red" }, "colour"],
  ])("is refused with %j", async (json, parameter) => {
    const refused = await branch.api("POST", "/desk/task/desk/desk.show/", { json });
    expect(refused).toMatchObject({ status: 400, body: { error: "invalid", parameter } });
  });

  test("is refused for a queue that is not declared and an app that is not there", async () => {
    expect((await branch.api("POST", "/desk/task/none/desk.show/")).status).toBe(404);
    expect((await branch.api("POST", "/none/task/desk/desk.show/")).status).toBe(404);
  });

  describe.each([
    ["cached", "cache+memory"],
    ["silent", "disabled"],
  ])("of the app %s, whose result backend is not rpc", (app, kind) => {
    test("is sent, and all answers say that its result does not come here", async () => {
      const said = { result_backend: kind, note: expect.stringContaining("result backend") };
      const file = join(folder, app);
      const sent = await sendNamed("desk.note", { args: [file, "done"] }, app);
      expect(sent).toMatchObject(said);
      const query = `/${app}/query/${sent.uuid}/`;
      expect(await must(branch, 200, "GET", query)).toMatchObject({ state: "PENDING", ...said });
      expect(await must(branch, 200, "GET", `${query}result/`)).toMatchObject({ result: null, ...said });
      const late = await must<{ nok: string }>(branch, 408, "GET", `${query}wait/?timeout=0.2`);
      expect(late.nok).toContain("result backend");
    });

    test("was done all the same", async () => {
      const file = join(folder, `${app}-too`);
      await sendNamed("desk.note", { args: [file, "done"] }, app);
      // Behind it in the queue of a worker that does one at a time.
      const answer: Answer<Accepted> = await branch.api("POST", `/${app}/queue/${app}/${echo.url}/${app}`);
      expect(answer.status).toBe(202);
      expect(answer.body).not.toHaveProperty("result_backend");
      const { result } = await outcome(answer.body.uuid, app);
      expect(result).toMatchObject({ status_code: 200 });
      expect(await stateOf(answer.body.uuid, app)).toBe("SUCCESS");
      expect(await readFile(file, "utf8")).toBe("done\n");
    });
  });
});
