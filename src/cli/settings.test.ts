import { describe, expect, spyOn, test } from "bun:test";
import { runCyme } from "./test-run.ts";

describe("options of client commands", () => {
  test("come from their variables, and a flag wins over its variable", async () => {
    const env = {
      CYME_APP: "blog",
      CYME_URL: "http://env:1",
      CYME_TOKEN: "t-env",
      CYME_TIMEOUT: "7",
      CYME_NOWAIT: "1",
    };
    const byVariable = await runCyme(["instances.restart", "web"], { env });
    expect(byVariable.opened).toEqual(["http http://env:1 t-env"]);
    expect(byVariable.sent).toEqual(["POST /blog/instances/!/web/restart/?timeout=7"]);
    const flags = ["-a", "shop", "-u", "http://flag:2", "--token", "t-flag", "--timeout", "9"];
    const byFlag = await runCyme([...flags, "instances.restart", "web"], { env });
    expect(byFlag.opened).toEqual(["http http://flag:2 t-flag"]);
    expect(byFlag.sent).toEqual(["POST /shop/instances/!/web/restart/?timeout=9"]);
  });

  test("an empty variable and an empty flag count as not given", async () => {
    const run = await runCyme(["instances.get", "web", "--app="], { env: { CYME_APP: "", CYME_URL: "" } });
    expect(run.sent).toEqual(["GET /instances/web/"]);
    expect(run.opened).toEqual(["http http://127.0.0.1:8000"]);
  });

  test("of one given twice the last counts", async () => {
    expect((await runCyme(["-a", "blog", "instances", "-a", "shop"])).sent).toEqual(["GET /shop/instances/"]);
  });

  test("CYME_NOWAIT leaves alone what cannot use it", async () => {
    const run = await runCyme(["apps"], { env: { CYME_NOWAIT: "yes" } });
    expect(run).toMatchObject({ code: 0, sent: ["GET /"] });
  });

  test("CYME_BROKER is the broker of an app that is added, and changes nothing else by the way", async () => {
    const env = { CYME_BROKER: "amqp://env//" };
    expect((await runCyme(["apps.add", "shop"], { env })).sent).toEqual(['POST /shop/ {"broker":"amqp://env//"}']);
    const given = await runCyme(["apps.add", "shop", "amqp://arg//"], { env });
    expect(given.sent).toEqual(['POST /shop/ {"broker":"amqp://arg//"}']);
    const parts = await runCyme(["apps.add", "shop", "--hostname", "h"], { env });
    expect(parts.sent).toEqual(['POST /shop/ {"hostname":"h"}']);
    const set = await runCyme(["apps.set", "shop", "--cwd", "/"], { env });
    expect(set.sent.at(-1)).toBe('PUT /shop/ {"cwd":"/"}');
    const added = await runCyme(["-a", "shop", "instances.add", "web"], { env });
    expect(added.sent).toEqual(["POST /shop/instances/web/ {}"]);
  });

  test("one deadline is for all requests of a command", async () => {
    let nowMs = 0;
    using _ = spyOn(performance, "now").mockImplementation(() => (nowMs += 1000));
    const { requests } = await runCyme(["apps.set", "shop", "--cwd", "/", "--timeout", "5"]);
    expect(requests.map(({ timeoutMs }) => timeoutMs)).toEqual([6000, 5000]);
  });
});

describe("--local", () => {
  test("works on the instance directory and wins over --url", async () => {
    const run = await runCyme([
      "-L",
      "-u",
      "http://h:1",
      "-D",
      "/srv/b",
      "-b",
      "amqp://h//",
      "-l",
      "debug",
      "-f",
      "l",
      "apps",
    ]);
    expect(run.local).toEqual([{ instanceDir: "/srv/b", broker: "amqp://h//", loglevel: "DEBUG", logfile: "l" }]);
    expect(run).toMatchObject({ opened: ["local /srv/b"], sent: ["GET /"], closed: 1 });
  });

  test("has a directory by default, and may come from its variable", async () => {
    const run = await runCyme(["apps"], { env: { CYME_LOCAL: "yes" } });
    expect(run.opened).toEqual(["local instances"]);
  });

  test("closes what it opened where the command fails", async () => {
    const answer = { status: 404, text: '{"nok":"No.","error":"not-found"}' };
    expect(await runCyme(["-L", "apps.get", "shop"], { answer })).toMatchObject({ code: 3, closed: 1 });
  });

  test("--instance-dir without it leaves commands for the cluster on --url, and they say so", async () => {
    expect(await runCyme(["-D", "/srv/b", "apps"])).toMatchObject({
      opened: ["http http://127.0.0.1:8000"],
      stderr: expect.stringContaining("warning: --instance-dir counts with -L alone: this asks the branch of --url\n"),
    });
    expect((await runCyme(["apps"], { env: { CYME_INSTANCE_DIR: "/srv/b" } })).stderr).not.toContain("warning");
  });
});

describe("commands for this branch speak to", () => {
  const url = ["-u", "http://h:1"];
  test.each([
    ["the instance directory of -D", ["-D", "d"], {}, false, "local d"],
    ["the instance directory of its variable", [], { CYME_INSTANCE_DIR: "d" }, false, "local d"],
    ["the one of -D although an address is given", ["-D", "d", ...url], {}, false, "local d"],
    ["the default one with -L although an address is given", ["-L", ...url], {}, false, "local instances"],
    ["the branch at -u", url, {}, true, "http http://h:1"],
    ["the branch at CYME_URL", [], { CYME_URL: "http://h:2" }, true, "http http://h:2"],
    ["the default directory where it is one", [], {}, true, "local instances"],
    ["the default address where it is none", [], {}, false, "http http://127.0.0.1:8000"],
  ])("%s", async (_, argv, env, exists, opened) => {
    expect((await runCyme([...argv, "start-all"], { env, exists })).opened).toEqual([opened]);
  });
});
