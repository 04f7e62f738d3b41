import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";

/* What a worker may use and how often it may die: the parameters, over HTTP and by commands. No worker runs here. */

let vhost: Vhost;
let branch: Branch;

beforeAll(async () => {
  vhost = await freshVhost();
  branch = await startBranch({ broker: vhost.url });
  await branch.api("POST", "/shop/");
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
}, 60_000);

const PATH = "/shop/instances/web/";
const NONE = { restart_max_rate: null, user: null, max_memory: null, max_age: null };

describe("an instance", () => {
  test("has no limits of its own at first", async () => {
    const { status, body } = await branch.api("POST", PATH, { json: { is_enabled: false } });
    expect([status, body]).toEqual([201, expect.objectContaining({ ...NONE, standin_pid: null })]);
  });

  test.each([
    [{ restart_max_rate: "10/h" }, { restart_max_rate: "10/h" }],
    [{ max_memory: "512M" }, { max_memory: 512 * 2 ** 20 }],
    [{ max_memory: "2g" }, { max_memory: 2 ** 31 }],
    [{ max_memory: 104_857_600 }, { max_memory: 104_857_600 }],
    [{ max_age: "86400" }, { max_age: 86_400 }],
    [{ max_age: 0.5e6 }, { max_age: 500_000 }],
  ])("is given %j", async (given, shown) => {
    expect(await branch.api("PUT", PATH, { json: given })).toMatchObject({ status: 200, body: shown });
    expect((await branch.api("GET", PATH)).body).toMatchObject(shown);
  });

  test("loses what is null, or empty in a command", async () => {
    expect((await branch.api("PUT", PATH, { json: { max_memory: null, max_age: null } })).body).toMatchObject({
      max_memory: null,
      max_age: null,
      restart_max_rate: "10/h",
    });
    const ran = await branch.cli("-F", "json", "instances.set", "web", "--restart-max-rate=", "--max-memory", "1G");
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({ ...NONE, max_memory: 2 ** 30 });
  });

  test.each([
    ["restart_max_rate", "0/m", "n/s, n/m or n/h, such as 1/m"],
    ["restart_max_rate", "often", "n/s, n/m or n/h, such as 1/m"],
    ["max_memory", "12X", "a number of bytes from 1M, such as 536870912, 512M or 2G"],
    ["max_memory", 1000, "a number of bytes from 1M, such as 536870912, 512M or 2G"],
    ["max_memory", 1e18, "a number of bytes from 1M, such as 536870912, 512M or 2G"],
    ["max_age", "0", "a number of seconds from 1 to 315360000"],
    ["max_age", "a day", "a number of seconds from 1 to 315360000"],
    ["user", "0", "the name of a user of the machine, such as www-data"],
    ["user", "a b", "the name of a user of the machine, such as www-data"],
    ["user", "--reuid=root", "the name of a user of the machine, such as www-data"],
  ])("refuses %s %j and says what is wanted", async (parameter, given, wanted) => {
    const { status, body } = await branch.api("PUT", PATH, { json: { [parameter]: given } });
    expect([status, body]).toEqual([400, expect.objectContaining({ error: "invalid", parameter, wanted })]);
  });

  test("with -B is not restarted with a second worker beside it", async () => {
    await branch.api("POST", "/shop/instances/!/beat/", { json: { arguments: "-B" } });
    const { status, body } = await branch.api("POST", "/shop/instances/beat/restart/", { query: { rolling: "1" } });
    expect([status, body]).toEqual([409, expect.objectContaining({ error: "conflict", instance: "beat" })]);
    expect((await branch.api("DELETE", "/shop/instances/beat/")).status).toBe(200);
  }, 60_000);

  test("is restarted neither way by a flag that is none", async () => {
    const { status, body } = await branch.api("POST", `${PATH}restart/`, { query: { rolling: "perhaps" } });
    expect([status, body]).toEqual([400, expect.objectContaining({ parameter: "rolling" })]);
  });
});
