import { describe, expect, test } from "bun:test";
import type { Environment } from "./io.ts";
import { refused, runCyme } from "./test-run.ts";

const optionsOf = async (argv: string[], env: Environment = {}) => {
  const run = await runCyme(["branch", ...argv], { env });
  expect(run).toMatchObject({ code: 0, stdout: "", stderr: "" });
  return run.branches[0];
};

const DEFAULTS = {
  host: "127.0.0.1",
  port: 8000,
  id: undefined,
  broker: "amqp://guest:guest@127.0.0.1:5672//",
  instanceDir: "instances",
  numc: 2,
  supIntervalS: 5,
  withoutHttpd: false,
  loglevel: "INFO",
  logfile: undefined,
  detach: false,
  pidfile: undefined,
  command: "celery",
  restartMaxRate: "1/m",
  retryDisabledS: 0,
  waitAfterBrokerRevivedS: 35,
  unresponsiveAfterS: 60,
  webhookAllow: [],
  resultExpiresS: 86_400,
  allowedHost: [],
  corsOrigin: undefined,
  tlsCert: undefined,
  tlsKey: undefined,
  tlsCa: undefined,
  logMaxBytes: 100 * 1024 * 1024,
  maxBodyBytes: 10 * 1024 * 1024,
  insecure: false,
} as const;

describe("cyme branch", () => {
  test("has the documented defaults", async () => expect(await optionsOf([])).toEqual(DEFAULTS));

  test.each([
    ["8001", "127.0.0.1", 8001],
    [":8001", "127.0.0.1", 8001],
    ["0", "127.0.0.1", 0],
    ["0.0.0.0:80", "0.0.0.0", 80],
    ["[::1]:8001", "::1", 8001],
    ["localhost:8001", "localhost", 8001],
  ])("at %s listens on %s, port %d", async (address, host, port) => {
    expect(await optionsOf([address])).toMatchObject({ host, port });
  });

  test("takes every option", async () => {
    const argv =
      "-i b1 -b amqp://u:p@h:1/v -D d -C 3 --sup-interval 0.5 --without-httpd -l debug -f log --detach --pidfile pid --restart-max-rate 3/h --retry-disabled 600 " +
      "--wait-after-broker-revived 0 --unresponsive-after 5 --webhook-allow *.a --webhook-allow 10.0.0.0/8 --allowed-host h --cors-origin http://o " +
      "--result-expires 60 --tls-cert c --tls-key k --tls-ca a --max-body 512k --log-max-size 1M --insecure 9000";
    expect(await optionsOf([...argv.split(" "), "--command", "python3 -m celery"])).toEqual({
      host: "127.0.0.1",
      port: 9000,
      id: "b1",
      broker: "amqp://u:p@h:1/v",
      instanceDir: "d",
      numc: 3,
      supIntervalS: 0.5,
      withoutHttpd: true,
      loglevel: "DEBUG",
      logfile: "log",
      detach: true,
      pidfile: "pid",
      command: "python3 -m celery",
      restartMaxRate: "3/h",
      retryDisabledS: 600,
      waitAfterBrokerRevivedS: 0,
      unresponsiveAfterS: 5,
      webhookAllow: ["*.a", "10.0.0.0/8"],
      resultExpiresS: 60,
      allowedHost: ["h"],
      corsOrigin: "http://o",
      tlsCert: "c",
      tlsKey: "k",
      tlsCa: "a",
      logMaxBytes: 1024 * 1024,
      maxBodyBytes: 512 * 1024,
      insecure: true,
    });
  });

  test("takes every option, and the address, from its variable", async () => {
    const env = {
      CYME_ADDRESS: ":8001",
      CYME_ID: "b1",
      CYME_BROKER: "amqp://h//",
      CYME_INSTANCE_DIR: "d",
      CYME_NUMC: "3",
      CYME_SUP_INTERVAL: "1",
      CYME_WITHOUT_HTTPD: "yes",
      CYME_LOGLEVEL: "ERROR",
      CYME_LOGFILE: "log",
      CYME_DETACH: "1",
      CYME_PIDFILE: "pid",
      CYME_COMMAND: "c",
      CYME_RESTART_MAX_RATE: "2/s",
      CYME_RETRY_DISABLED: "30",
      CYME_WAIT_AFTER_BROKER_REVIVED: "1",
      CYME_UNRESPONSIVE_AFTER: "2",
      CYME_WEBHOOK_ALLOW: "a, b",
      CYME_RESULT_EXPIRES: "604800",
      CYME_ALLOWED_HOST: "h i",
      CYME_CORS_ORIGIN: "o",
      CYME_TLS_CERT: "c",
      CYME_TLS_KEY: "k",
      CYME_TLS_CA: "a",
      CYME_MAX_BODY: "1G",
      CYME_INSECURE: "on",
    };
    expect(await optionsOf([], env)).toEqual({
      ...DEFAULTS,
      port: 8001,
      id: "b1",
      broker: "amqp://h//",
      instanceDir: "d",
      numc: 3,
      supIntervalS: 1,
      withoutHttpd: true,
      loglevel: "ERROR",
      logfile: "log",
      detach: true,
      pidfile: "pid",
      command: "c",
      restartMaxRate: "2/s",
      retryDisabledS: 30,
      waitAfterBrokerRevivedS: 1,
      unresponsiveAfterS: 2,
      webhookAllow: ["a", "b"],
      resultExpiresS: 604_800,
      allowedHost: ["h", "i"],
      corsOrigin: "o",
      tlsCert: "c",
      tlsKey: "k",
      tlsCa: "a",
      maxBodyBytes: 2 ** 30,
      insecure: true,
    });
  });

  test("takes a flag over its variable", async () => {
    expect(await optionsOf(["--id", "flag"], { CYME_ID: "env" })).toMatchObject({ id: "flag" });
    expect(await optionsOf(["8002"], { CYME_ADDRESS: ":8001" })).toMatchObject({ port: 8002 });
  });

  test("knows --without-http as well", async () => {
    expect(await optionsOf(["--without-http"])).toMatchObject({ withoutHttpd: true });
  });

  test.each([["99999"], ["127.0.0.1"], ["::1"], ["host:"], ["a b:80"], ["80x"]])(
    "refuses the address %s",
    async (address) => {
      expect(await refused(["branch", address])).toContain("Cannot use address: wanted a port, ip:port or :port");
    },
  );

  test.each([
    ["--id", "a/b"],
    ["--numc", "0"],
    ["--sup-interval", "0"],
    ["--restart-max-rate", "0/m"],
    ["--restart-max-rate", "1/d"],
    ["--log-max-size", "0"],
    ["--max-body", "lots"],
    ["--max-body", "0"],
    ["--webhook-allow", "http://a"],
    ["--loglevel", "LOUD"],
    ["--result-expires", "59"],
    ["--result-expires", "604801"],
    ["--tls-cert", "c"],
    ["--tls-ca", "c"],
    ["--broker", "http://x"],
  ])("refuses %s %s", async (option, value) => {
    expect(await refused(["branch", `${option}=${value}`])).toContain("error: Cannot use ");
  });

  test.each<[string, string[], Record<string, string>]>([
    ["--webhook-allow", ["--webhook-allow="], {}],
    ["--webhook-allow", ["--webhook-allow", " "], { CYME_WEBHOOK_ALLOW: "a" }],
    ["--webhook-allow", ["--webhook-allow", "a", "--webhook-allow="], {}],
    ["CYME_WEBHOOK_ALLOW", [], { CYME_WEBHOOK_ALLOW: "" }],
    ["CYME_WEBHOOK_ALLOW", [], { CYME_WEBHOOK_ALLOW: " , " }],
  ])("refuses an empty %s, which would restrict nothing: %j %j", async (name, argv, env) => {
    const message = await refused(["branch", ...argv], env);
    expect(message).toContain(`Cannot use ${name}: wanted host names`);
    expect(message).toContain("; left out, nothing is restricted");
  });

  test("takes what URL tasks may reach from the option alone, where the variable is empty", async () => {
    const options = await optionsOf(["--webhook-allow", "a"], { CYME_WEBHOOK_ALLOW: "" });
    expect(options).toMatchObject({ webhookAllow: ["a"] });
  });

  test("names the variable of an address that it refuses", async () => {
    expect(await refused(["branch"], { CYME_ADDRESS: "host:" })).toContain("Cannot use CYME_ADDRESS: wanted a port");
  });

  test("does not show the password of a broker that it refuses", async () => {
    const message = await refused(["branch"], { CYME_BROKER: "amqp://u:s3cret@h:x/" });
    expect(message).toContain("Cannot use");
    expect(message).not.toContain("s3cret");
  });
});
