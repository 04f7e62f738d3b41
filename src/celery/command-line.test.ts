import { describe, expect, test } from "bun:test";
import { parseBrokerUrl } from "../domain/broker.ts";
import { POOLS, type Instance } from "../domain/instance.ts";
import { NO_LAUNCH, resolveLaunch, type Launch } from "../domain/launch.ts";
import { WORKER_VARIABLE, workerCommandLine } from "./command-line.ts";

const URL = "amqp://me:p%40%2F%25ss@h:1/v";
const FOLDER = "/var/my branch/web";
const WEBHOOK_DIR = "/var/my branch/branch.python";

interface Parts {
  readonly instance?: Partial<Pick<Instance, "pool" | "maxConcurrency" | "minConcurrency">>;
  readonly launch?: Partial<Launch>;
  readonly inherited?: Record<string, string | undefined>;
  readonly isRevival?: boolean;
}

function made({ instance = {}, launch = {}, inherited = {}, isRevival = false }: Parts = {}) {
  const defaults = { broker: parseBrokerUrl("broker", URL), command: "celery" };
  return workerCommandLine({
    instance: { name: "web", pool: "prefork", maxConcurrency: 1, minConcurrency: 1, ...instance },
    launch: resolveLaunch({ ...NO_LAUNCH, ...launch }, NO_LAUNCH, defaults),
    node: "web@b1",
    home: FOLDER,
    folder: FOLDER,
    webhookDir: WEBHOOK_DIR,
    inherited,
    isRevival,
  });
}

/** The words after `--`, and those before. */
function split(argv: readonly string[]): { options: readonly string[]; config: readonly string[] } {
  const at = argv.indexOf("--");
  return at < 0 ? { options: argv, config: [] } : { options: argv.slice(0, at), config: argv.slice(at + 1) };
}

describe("the command line of a worker", () => {
  test("is this one where nothing is said", () => {
    expect(made().argv).toEqual([
      "celery",
      "worker",
      "--hostname=web@b1",
      "--queues=dq.web",
      "--pool=processes",
      "--autoscale=1,1",
      "--task-events",
      "--loglevel=INFO",
      "--statedb=/var/my branch/web/worker.statedb",
      "--prefetch-multiplier",
      "10",
      "--include=cyme_webhook",
      "--",
      "task.acks_late=yes",
      "result.expires=3600",
      "task.send_sent_event=yes",
    ]);
  });

  test.each([...POOLS])("runs %s as asked; only prefork scales", (pool) => {
    const { argv } = made({ instance: { pool, maxConcurrency: 4, minConcurrency: 2 } });
    expect(argv).toContain(`--pool=${pool === "prefork" ? "processes" : pool}`);
    const concurrency = argv.filter((word) => /^--(autoscale|concurrency)/.test(word));
    expect(concurrency).toEqual([pool === "prefork" ? "--autoscale=4,2" : "--concurrency=4"]);
  });

  test("calls Celery by the words of `command`", () => {
    const { argv } = made({ launch: { command: "'/my venv/bin/python' -m celery" } });
    expect(argv.slice(0, 4)).toEqual(["/my venv/bin/python", "-m", "celery", "worker"]);
  });

  test("puts words of `arguments` before `worker` where Celery wants them there, the others after ours, to win", () => {
    const { options } = split(made({ launch: { arguments: "-l DEBUG -A 'my proj' -q -O fair" } }).argv);
    expect(options.slice(0, 5)).toEqual(["celery", "-A", "my proj", "-q", "worker"]);
    expect(options.slice(-5, -1)).toEqual(["-l", "DEBUG", "-O", "fair"]);
    expect(options.indexOf("--loglevel=INFO")).toBeLessThan(options.indexOf("-l"));
  });

  test.each<[string, Partial<Launch>]>([
    ["-A", { arguments: "-A proj" }],
    ["--app", { arguments: "--app=proj" }],
    ["CELERY_APP", { env: { CELERY_APP: "proj" } }],
    ["APP", { env: { APP: "proj" } }],
  ])("leaves the user's app its own configuration where %s names one", (_how, launch) => {
    const { options, config } = split(made({ launch }).argv);
    expect(config).toEqual([]);
    expect(options).not.toContain("--prefetch-multiplier");
  });

  test("passes extra_config after --, with an app too", () => {
    const launch = { arguments: "-A proj", extraConfig: "task.acks_late=no worker_x='a b' y=c=d" };
    expect(split(made({ launch }).argv).config).toEqual(["task.acks_late=no", "worker_x=a b", "y=c=d"]);
  });

  test("lets extra_config win over the configuration of a worker without an app", () => {
    const { config } = split(made({ launch: { extraConfig: "result.expires=5" } }).argv);
    expect(config.indexOf("result.expires=5")).toBeGreaterThan(config.indexOf("result.expires=3600"));
  });

  test.each(["worker_prefetch_multiplier", "worker.prefetch_multiplier"])(
    "turns %s of extra_config into the option, the last one of several, since after -- it has no effect",
    (key) => {
      const { options, config } = split(made({ launch: { extraConfig: `${key}=3 a=b ${key}=4` } }).argv);
      expect(options.slice(-2)).toEqual(["--prefetch-multiplier", "4"]);
      expect(config.filter((word) => word.includes("prefetch"))).toEqual([]);
      expect(config).toContain("a=b");
    },
  );

  test("includes the module of the URL task, after those that the user includes", () => {
    const { options } = split(made({ launch: { arguments: "-A proj -I a,b -E --include=c" } }).argv);
    expect(options.filter((word) => word.startsWith("-I") || word.startsWith("--include"))).toEqual([
      "--include=a,b,c,cyme_webhook",
    ]);
  });

  test("leaves out the news of neighbours where it replaces a worker that died", () => {
    expect(made({ isRevival: true }).argv).toContain("--without-mingle");
    expect(made().argv).not.toContain("--without-mingle");
  });
});

describe("the directory of a worker", () => {
  test("is the instance's folder, or `cwd`", () => {
    expect([made().cwd, made({ launch: { cwd: "/srv/shop" } }).cwd]).toEqual([FOLDER, "/srv/shop"]);
  });
});

describe("the environment of a worker", () => {
  test("tells it the broker, and says whose worker it is", () => {
    expect(made().env).toEqual({
      CELERY_BROKER_URL: URL,
      CELERY_BROKER_READ_URL: URL,
      CELERY_BROKER_WRITE_URL: URL,
      PYTHONPATH: WEBHOOK_DIR,
      [WORKER_VARIABLE]: FOLDER,
    });
  });

  test("has what the branch has, and the user's variables over it", () => {
    const { env } = made({
      inherited: { PATH: "/bin", HOME: "/root", NONE: undefined },
      launch: { env: { HOME: "/x", A: "" } },
    });
    expect(env).toMatchObject({ PATH: "/bin", HOME: "/x", A: "" });
    expect("NONE" in env).toBe(false);
  });

  test.each<[string, Parts]>([
    ["inherited", { inherited: { PYTHONPATH: "/a:/b" } }],
    ["the user's", { inherited: { PYTHONPATH: "/x" }, launch: { env: { PYTHONPATH: "/a:/b" } } }],
  ])("finds the module of the URL task after what the %s PYTHONPATH names", (_whose, parts) => {
    expect(made(parts).env["PYTHONPATH"]).toBe(`/a:/b:${WEBHOOK_DIR}`);
  });

  test("names no empty place in PYTHONPATH, which would be the current directory", () => {
    expect(made({ launch: { env: { PYTHONPATH: "" } } }).env["PYTHONPATH"]).toBe(WEBHOOK_DIR);
  });

  test.each([
    "BROKER_URL",
    "RESULT_BACKEND",
    "APP",
    "LOADER",
    "CONFIG_MODULE",
    "REMAP_SIGTERM",
    "CELERY_APP",
    "CELERY_RESULT_BACKEND",
    "CELERY_BROKER_URL",
    "CYME_TOKEN",
    "CYME_BROKER",
    "BUN_OPTIONS",
  ])("does not inherit %s, but takes it from the user", (name) => {
    const inherited = made({ inherited: { [name]: "inherited" } }).env;
    expect(Object.values(inherited)).not.toContain("inherited");
    if (name !== "CELERY_BROKER_URL") expect(made({ launch: { env: { [name]: "own" } } }).env[name]).toBe("own");
  });

  test.each(["APPLE", "MY_BROKER_URL", "XCELERY_APP", "LOADERS"])(
    "inherits %s, which only looks like one of those",
    (name) => {
      expect(made({ inherited: { [name]: "kept" } }).env[name]).toBe("kept");
    },
  );

  test("cannot be taken for another worker's", () => {
    expect(made({ launch: { env: { [WORKER_VARIABLE]: "/other" } } }).env[WORKER_VARIABLE]).toBe(FOLDER);
  });
});

test("the broker's user and password stand in no word of the command line", () => {
  const { argv } = made({ launch: { arguments: "-A proj", extraConfig: "a=b" } });
  expect(argv.join(" ")).not.toMatch(/p@|p%40|amqp|me:/);
});
