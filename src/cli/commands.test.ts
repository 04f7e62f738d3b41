import { describe, expect, test } from "bun:test";
import { runCyme } from "./test-run.ts";
import { COMMANDS, optionsOf } from "./table.ts";

const UUID = "1f0c1a52-6a4e-4c2c-9d8e-0d6a4f1f7a10";

/** Command line → requests, in order. Words are split at spaces; "''" is an empty word. */
const SENDS: [command: string, requests: string[]][] = [
  ["branches", ["GET /branches/"]],
  ["branches.get b1", ["GET /branches/b1/"]],
  ["branches.shutdown b1", ["DELETE /branches/b1/"]],
  ["branches.forget b1", ["DELETE /branches/b1/?forget=1"]],
  ["apps", ["GET /"]],
  ["apps.add shop", ["POST /shop/ {}"]],
  ["apps.add shop amqp://h// '' a=1", ['POST /shop/ {"broker":"amqp://h//","extra_config":"a=1"}']],
  ["apps.add shop -b amqp://h//", ['POST /shop/ {"broker":"amqp://h//"}']],
  ["apps.add shop --hostname h --port 99", ['POST /shop/ {"hostname":"h","port":"99"}']],
  ["apps.get shop", ["GET /shop/"]],
  ["apps.set shop --cwd= --env A=1 --env B=x=y", ["GET /shop/", 'PUT /shop/ {"cwd":null,"env":{"A":"1","B":"x=y"}}']],
  ["apps.set shop --env=", ["GET /shop/", 'PUT /shop/ {"env":null}']],
  ["apps.delete shop", ["DELETE /shop/"]],
  ["-n apps.delete shop", ["DELETE /!/shop/"]],
  ["-a shop instances", ["GET /shop/instances/"]],
  ["-a shop instances.add", ["POST /shop/instances/ {}"]],
  ["-a shop instances add web", ["POST /shop/instances/web/ {}"]],
  ["-a shop instances.add '' amqp://h//", ['POST /shop/instances/ {"broker":"amqp://h//"}']],
  [
    "-a shop instances.add web --pool solo --queues a,b --max-concurrency 4 --min-concurrency 1 --branch b1 --is-enabled no",
    [
      'POST /shop/instances/web/ {"branch":"b1","pool":"solo","queues":"a,b","max_concurrency":"4","min_concurrency":"1","is_enabled":"no"}',
    ],
  ],
  ["-a shop instances.get web", ["GET /shop/instances/web/"]],
  ["instances.get web", ["GET /instances/web/"]],
  ["instances.set web --stop-timeout 5", ["GET /instances/web/", 'PUT /instances/web/ {"stop_timeout":"5"}']],
  ["-a shop instances.delete web -n", ["DELETE /shop/instances/!/web/"]],
  ["-a shop instances.stats web", ["GET /shop/instances/web/stats/"]],
  ["-a shop instances.restart web", ["POST /shop/instances/web/restart/"]],
  ["-a shop instances.enable web", ["POST /shop/instances/web/enable/"]],
  ["-a shop instances.move web machine2", ["POST /shop/instances/web/move/?branch=machine2"]],
  ["-a shop instances.disable web --timeout 9", ["POST /shop/instances/web/disable/?timeout=9"]],
  ["instances.autoscale web", ["GET /instances/web/autoscale/"]],
  ["instances.autoscale web 4", ['POST /instances/web/autoscale/ {"max":"4"}']],
  ["instances.autoscale web 4 2", ['POST /instances/web/autoscale/ {"max":"4","min":"2"}']],
  ["instances.autoscale web '' 2", ['POST /instances/web/autoscale/ {"min":"2"}']],
  ["instances.log web", ["GET /instances/web/log/"]],
  ["instances.log web --lines 7 --follow", ["GET /instances/web/log/?lines=7&follow=1"]],
  ["instances.history web", ["GET /instances/web/history/"]],
  ["-a shop queues", ["GET /shop/queues/"]],
  ["-a shop queues.add t2", ["POST /shop/queues/t2/ {}"]],
  [
    '-a shop queues.add t2 e topic k {"durable":false}',
    [
      'POST /shop/queues/t2/ {"exchange":"e","exchange_type":"topic","routing_key":"k","options":"{\\"durable\\":false}"}',
    ],
  ],
  ["-a shop queues.get t2", ["GET /shop/queues/t2/"]],
  ["-a shop queues.delete t2", ["DELETE /shop/queues/t2/"]],
  ["-a shop consumers web", ["GET /shop/instances/web/queues/"]],
  ["consumers web", ["GET /instances/web/queues/"]],
  ["-a shop consumers.add web t2", ["POST /shop/instances/web/queues/t2/"]],
  ["-a shop consumers.delete web t2 -n", ["DELETE /shop/instances/!/web/queues/t2/"]],
  ["-a shop tasks.send t2 http://m/a%2Fb?x=1", ["GET /shop/queue/t2/http%3A%2F%2Fm%2Fa%252Fb%3Fx%3D1"]],
  ["-a shop tasks.send t2 http://m/ -X trace", ["TRACE /shop/queue/t2/http%3A%2F%2Fm%2F"]],
  ["-a shop tasks.send t2 http://m/ -d a=1", ["POST /shop/queue/t2/http%3A%2F%2Fm%2F a=1"]],
  ["-a shop tasks.send t2 http://m/ -d a=1 -d b=2 -X Put", ["PUT /shop/queue/t2/http%3A%2F%2Fm%2F a=1&b=2"]],
  ["-a shop tasks send t2 http://m/ -n --timeout 5", ["GET /shop/queue/!/t2/http%3A%2F%2Fm%2F"]],
  [`-a shop tasks.state ${UUID}`, [`GET /shop/query/${UUID}/state/`]],
  [`-a shop tasks.result ${UUID}`, [`GET /shop/query/${UUID}/result/`]],
  [`-a shop tasks.wait ${UUID} --timeout 7200`, [`GET /shop/query/${UUID}/wait/?timeout=7200`]],
  ["createsuperuser ann", ['POST /api/users/ann/ {"password":"correct horse","role":"admin"}']],
  ["users", ["GET /api/users/"]],
  ["users.add ann", ['POST /api/users/ann/ {"password":"correct horse","role":"viewer"}']],
  ["users.set ann --role operator", ["GET /api/users/ann/", 'PUT /api/users/ann/ {"role":"operator"}']],
  ["users.delete ann", ["DELETE /api/users/ann/"]],
  ["tokens", ["GET /api/tokens/"]],
  ["tokens.add ci", ['POST /api/tokens/ci/ {"role":"viewer"}']],
  ["tokens.add ci --role admin --expires 90d", ['POST /api/tokens/ci/ {"role":"admin","expires":"90d"}']],
  ["tokens.delete ci", ["DELETE /api/tokens/ci/"]],
  ["audit", ["GET /api/audit/"]],
  ["audit --limit 5", ["GET /api/audit/?limit=5"]],
  ["status", ["GET /api/status/"]],
  ["start-all", ["POST /api/workers/start/"]],
  ["restart-all", ["POST /api/workers/restart/"]],
  ["shutdown-all", ["POST /api/workers/shutdown/"]],
];

const split = (command: string) => command.split(" ").map((word) => (word === "''" ? "" : word));

const repeated = (words: string[]) => words.filter((word, index) => words.indexOf(word) !== index);

describe("the table of commands", () => {
  test.each(SENDS)("cyme %s sends %j", async (command, requests) => {
    const run = await runCyme(split(command), { files: { "-": "correct horse\n" } });
    expect(run).toMatchObject({ code: 0, stderr: "", sent: requests });
  });

  test("has no client command that is not shown above", () => {
    const shown = new Set(SENDS.flatMap(([command]) => split(command)));
    const missing = COMMANDS.filter(({ kind, name }) => kind === "client" && !shown.has(name));
    expect(missing.map(({ name }) => name)).toEqual([]);
  });

  test("has no two commands of one name, and no two options of one name or letter in a command", () => {
    expect(repeated(COMMANDS.map(({ name }) => name))).toEqual([]);
    for (const command of COMMANDS) {
      const options = optionsOf(command);
      expect(repeated(options.flatMap(({ name, short }) => (short === undefined ? [name] : [name, short])))).toEqual(
        [],
      );
    }
  });

  test("has options that mean the same kind of thing and the same letter in all commands, since they may stand before the command", () => {
    const kinds = new Map<string, string>();
    const owners = new Map<string, string>();
    for (const { name, short, value } of COMMANDS.flatMap(optionsOf)) {
      const kind = value === undefined ? "flag" : "value";
      expect(`${name} ${kinds.get(name) ?? kind}`).toBe(`${name} ${kind}`);
      kinds.set(name, kind);
      if (short === undefined) continue;
      expect(`${short} ${owners.get(short) ?? name}`).toBe(`${short} ${name}`);
      owners.set(short, name);
    }
  });

  test("has options before, after and between, and -- ends them", async () => {
    const lines = [
      ["-a", "shop", "instances.add", "web", "--pool=solo"],
      ["instances.add", "-ashop", "--pool", "solo", "web"],
      ["--pool=solo", "instances", "add", "web", "--app=shop"],
      ["--pool=solo", "instances", "add", "--app=shop", "--", "web"],
    ];
    for (const argv of lines) {
      expect((await runCyme(argv)).sent).toEqual(['POST /shop/instances/web/ {"pool":"solo"}']);
    }
  });

  test("takes a value that starts with - behind = or behind --", async () => {
    const wanted = ['POST /shop/ {"arguments":"-A proj"}'];
    expect((await runCyme(["apps.add", "shop", "--arguments=-A proj"])).sent).toEqual(wanted);
    expect((await runCyme(["apps.add", "--", "shop", "", "-A proj"])).sent).toEqual(wanted);
  });

  test("takes a word behind -- for an argument, not for a part of the command", async () => {
    expect((await runCyme(["consumers", "--", "add"])).sent).toEqual(["GET /instances/add/queues/"]);
  });
});
