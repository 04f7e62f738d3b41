import { describe, expect, test } from "bun:test";
import { beyondTuning } from "./tuning-arguments.ts";

const beyond = (text: string) => beyondTuning(text.split(" ").filter((word) => word !== ""));

describe("what only tunes a worker", () => {
  test.each([
    "",
    "-E",
    "-l info",
    "-lINFO",
    "-Elinfo",
    "-EOfair",
    "-E -O fair",
    "--loglevel=DEBUG --without-gossip --without-mingle --without-heartbeat",
    "--heartbeat-interval 5 --prefetch-multiplier=1 --task-events --events --disable-prefetch",
    "--max-tasks-per-child 1 --max-memory-per-child=200000",
    "--time-limit=10.5 --soft-time-limit 9 --optimization=fair",
  ])("is %p", (text) => expect(beyond(text)).toBeUndefined());
});

describe("more than that", () => {
  test.each([
    ["-A shop", "-A"],
    ["-Ashop", "-Ashop"],
    ["--app=shop", "--app"],
    ["-qA shop", "-qA"],
    ["-EAshop", "-EAshop"],
    ["-I os", "-I"],
    ["--include=os", "--include"],
    ["--config evil", "--config"],
    ["--loader=evil", "--loader"],
    ["--result-backend=file:///srv", "--result-backend"],
    ["--workdir=/srv", "--workdir"],
    ["-B -s ../branch.db", "-B"],
    ["-E -s ../branch.db", "-s"],
    ["-EB", "-EB"],
    ["--schedule=../branch.db", "--schedule"],
    ["--schedule-filename=x", "--schedule-filename"],
    ["-S db", "-S"],
    ["-f ../branch.db", "-f"],
    ["-X other", "-X"],
    ["--purge", "--purge"],
    ["-l -s", "-l"],
    ["-l info -s", "-s"],
    ["-l", "-l"],
    ["--loglevel", "--loglevel"],
    ["--loglevel=", "--loglevel"],
    ["--log=info", "--log"],
    ["--task-events=1", "--task-events"],
    ["--time-limit=../x", "--time-limit"],
    ["worker_consumer=evil:Consumer", "worker_consumer"],
    ["-- worker.consumer=evil", "--"],
    ["-", "-"],
    ["-l\ninfo", "-l\ninfo"],
    ["--newer-option", "--newer-option"],
  ])("is %p, by %p", (text, word) => expect(beyond(text)).toBe(word));
});
