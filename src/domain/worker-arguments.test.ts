import { describe, expect, test } from "bun:test";
import { refusal, words } from "./test-support.ts";
import { parseExtraConfig, parseWords, parseWorkerArguments } from "./worker-arguments.ts";

const parse = (text: string) => parseWorkerArguments("arguments", text);

describe("parseWorkerArguments()", () => {
  test.each<[string, string[], string[]]>([
    ["", [], []],
    ["-A proj", ["-A", "proj"], []],
    ["-Aproj", ["-Aproj"], []],
    ["--app=proj", ["--app=proj"], []],
    ["--app proj", ["--app", "proj"], []],
    ["-A 'my proj'", ["-A", "my proj"], []],
    ["-l DEBUG -A proj -E", ["-A", "proj"], ["-l", "DEBUG", "-E"]],
    ["--loglevel=DEBUG", [], ["--loglevel=DEBUG"]],
    ["--max-tasks-per-child 5", [], ["--max-tasks-per-child", "5"]],
    ["--workdir /srv --config=conf -q -C", ["--workdir", "/srv", "--config=conf", "-q", "-C"], []],
    ["--result-backend rpc:// --loader x", ["--result-backend", "rpc://", "--loader", "x"], []],
    ["-O fair -X other -I a,b -s file", [], ["-O", "fair", "-X", "other", "-s", "file"]],
    ["-EB", [], ["-EB"]],
    ["-Ofair", [], ["-Ofair"]],
    ["-lDEBUG", [], ["-lDEBUG"]],
    // What follows an option that takes a value is a value, whatever it looks like.
    ["-l -c", [], ["-l", "-c"]],
    ["-A -b", ["-A", "-b"], []],
    ["--some-new-option", [], ["--some-new-option"]],
    ["-", [], ["-"]],
    ["word", [], ["word"]],
  ])("sorts %j to where Celery wants it", (text, global, worker) => {
    expect(parse(text)).toMatchObject({ global, worker });
  });

  test.each<[string, string[], string[]]>([
    ["-I a", ["a"], []],
    ["-Ia,b", ["a,b"], []],
    ["--include a", ["a"], []],
    ["--include=a", ["a"], []],
    ["-EI a -Ic --include=d -B", ["a", "c", "d"], ["-E", "-B"]],
    ["-EIa", ["a"], ["-E"]],
    ["-l -I", [], ["-l", "-I"]],
    ["-E", [], ["-E"]],
  ])("takes the modules of %j out of the words for the worker", (text, include, worker) => {
    expect(parse(text)).toMatchObject({ include, worker });
  });

  test.each(["-A p", "-Ap", "--app p", "--app=p", "-E -A p"])("%j names an app", (text) =>
    expect(parse(text).hasApp).toBe(true),
  );
  test.each(["", "-E", "--config=app", "-l -A", "A"])("%j names none", (text) =>
    expect(parse(text).hasApp).toBe(false),
  );

  test.each(["-B", "--beat", "-EB", "-BE", "-Bl DEBUG"])("%j has it send scheduled tasks itself", (text) =>
    expect(parse(text).hasBeat).toBe(true),
  );
  test.each(["", "-E", "-l -B", "-s B", "--beats"])("%j has not", (text) => expect(parse(text).hasBeat).toBe(false));

  test.each<[string, string]>([
    ["-b amqp://", "broker"],
    ["-bamqp://", "broker"],
    ["--broker=amqp://", "broker"],
    ["--broker amqp://", "broker"],
    ["-n web", "the instance's name"],
    ["--hostname=web", "the instance's name"],
    ["-Q a", "queues"],
    ["-Qa", "queues"],
    ["--queues=a", "queues"],
    ["-P solo", "pool"],
    ["--pool=solo", "pool"],
    ["-c 4", "max_concurrency and min_concurrency"],
    ["-c4", "max_concurrency and min_concurrency"],
    ["--concurrency 4", "max_concurrency and min_concurrency"],
    ["--autoscale=4,1", "max_concurrency and min_concurrency"],
    ["-D", "nothing"],
    ["--detach", "nothing"],
    ["--pidfile=x", "nothing"],
    ["-f x", "nothing"],
    ["--logfile=x", "nothing"],
    ["-S x", "nothing"],
    ["--statedb=x", "nothing"],
    ["--uid=0", "user"],
    ["--gid 0", "user"],
    // Hidden among others, as Click reads them.
    ["-E -c4", "max_concurrency"],
    ["-Ec4", "max_concurrency"],
    ["-EDB", "nothing"],
    ["-A proj -l INFO --queues a", "queues"],
    ["'-c' 4", "max_concurrency"],
    ["\\-c 4", "max_concurrency"],
  ])("refuses %j, which Cyme sets itself, and says to use %s", (text, instead) => {
    const error = refusal(() => parse(text));
    expect(error.code).toBe("invalid");
    expect(error.message).toContain(`which Cyme sets itself; use ${instead}`);
  });

  test("refuses words after --, which are for extra_config", () => {
    expect(words(() => parse("-E -- a=b"))).toContain("extra_config");
  });

  test.each(["-A", "-E -l", "--app", "-I", "--include"])("refuses %j, whose last option lacks its value", (text) => {
    expect(words(() => parse(text))).toContain("a value after");
  });

  test.each(["'a", '"a', "a\\"])("refuses %j, which is no shell text", (text) => {
    expect(words(() => parse(text))).toContain("words as in a shell, but it");
  });
});

describe("parseExtraConfig()", () => {
  test.each<[string, string, string]>([
    ["a=b", "a", "b"],
    ["a=", "a", ""],
    ["task.acks_late=yes", "task.acks_late", "yes"],
    [".a_1=b", ".a_1", "b"],
    ["a=b=c", "a", "b=c"],
    ["a='b c'", "a", "b c"],
    ["beat.url=x", "beat.url", "x"],
  ])("%j sets %s", (text, key, value) => expect(parseExtraConfig("x", text)).toEqual([{ key, value }]));

  test("takes any number of words", () => {
    expect(parseExtraConfig("x", " a=1\n b=2 ").map(({ key }) => key)).toEqual(["a", "b"]);
    expect(parseExtraConfig("x", " ")).toEqual([]);
  });

  test.each(["a", "=b", "a b=c", "-x=1", "1a=b", "a-b=c", "--=x"])("refuses %j, which is no key=value", (text) => {
    expect(words(() => parseExtraConfig("extra_config", text))).toContain("words of the form key=value");
  });

  test.each(["broker.url", "broker_url", "BROKER_URL", "broker.read_url", "broker_write_url", "broker.write.url"])(
    "refuses %s, which would pass by the parameter broker, and shows no password",
    (key) => {
      const said = words(() => parseExtraConfig("extra_config", `${key}=amqp://me:hush@h`));
      expect(said).toContain("use broker");
      expect(said).not.toContain("hush");
    },
  );
});

test("parseWords() splits as a shell does", () => {
  expect(parseWords("command", "python3 -m 'celery x'")).toEqual(["python3", "-m", "celery x"]);
});
