import { readdir } from "node:fs/promises";
import { AMQPClient } from "@cloudamqp/amqp-client";
import { keepAlive } from "../harness/keep-alive.ts";
import { openPipe, type Pipe } from "../harness/pipe.ts";
import { freshVhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { cheapBranch, untilAllRun, type CheapBranch } from "./crowd-of-workers-client.ts";
import { median, report, residentMb } from "./measure.ts";

/** What a day has, at the default interval of 5 s; SOAK_HOURS for another length. */
const HOURS = Number(process.env["SOAK_HOURS"] ?? 24);
const ROUNDS_AN_HOUR = 720;
const INSTANCES = 50;
const DEATHS_AN_HOUR = INSTANCES;
const ADDED_AN_HOUR = 10;
const TASKS_AN_HOUR = 4000;
const READS_AN_HOUR = 4000;
const OUTAGE_MS = 700;
const HOUR_MS = 300_000;
/** The shortest interval that there is: a day takes about half an hour. */
const ARGS = ["--sup-interval", "0.1", "--wait-after-broker-revived", "1", "--restart-max-rate", "100000/h"];

interface Standing {
  readonly memoryMb: number;
  readonly files: number;
}

/**
 * A day of a branch without its waiting: as many rounds, deaths and restarts, instances added and deleted, tasks sent, questions of the API and
 * outages of the broker. Memory and open files are to stay as they are.
 */
export async function soak(): Promise<void> {
  await using vhost = await freshVhost();
  const pipe = await openPipe(vhost.url);
  try {
    await using cheap = await cheapBranch(pipe.url, INSTANCES, { args: ARGS, direct: vhost.url, spare: ADDED_AN_HOUR });
    await cheap.branch.api("POST", "/bench/queues/jobs/");
    const hours: Standing[] = [];
    for (let hour = 0; hour < HOURS; hour++) {
      await live({ cheap, pipe, broker: vhost.url });
      hours.push(await standing(cheap.branch.pid));
    }
    told(hours);
  } finally {
    await pipe.close();
  }
}

interface World {
  readonly cheap: CheapBranch;
  readonly pipe: Pipe;
  readonly broker: string;
}

/** An hour. */
async function live(world: World): Promise<void> {
  const { cheap, broker } = world;
  const { rounds } = cheap.workers;
  const enough = rounds.length + ROUNDS_AN_HOUR;
  await deaths(cheap);
  await comingAndGoing(cheap);
  await requests(cheap, TASKS_AN_HOUR, "POST /bench/queue/jobs/http://127.0.0.1:9/");
  await requests(cheap, READS_AN_HOUR, "GET /bench/instances/?detail=1");
  await purge(broker);
  await until(() => rounds.length >= enough, { what: "the rounds of an hour", timeoutMs: HOUR_MS, everyMs: 50 });
  await outage(world);
  await untilAllRun(cheap.branch, INSTANCES);
}

async function deaths({ branch }: CheapBranch): Promise<void> {
  const pids = (await branch.workers()).map(({ pid }) => pid).slice(0, DEATHS_AN_HOUR);
  for (const pid of pids) process.kill(pid, "SIGKILL");
  await untilAllRun(branch, INSTANCES);
}

async function comingAndGoing({ branch, spare }: CheapBranch): Promise<void> {
  const path = (name: string) => `/bench/instances/${name}/`;
  await Promise.all(spare.map((name) => branch.api("POST", path(name))));
  await Promise.all(spare.map((name) => branch.api("DELETE", path(name))));
}

async function requests({ branch }: CheapBranch, count: number, request: string): Promise<void> {
  let left = count;
  const lane = async () => {
    using connection = keepAlive(Number(new URL(branch.url).port));
    while (left-- > 0) {
      const { status, body } = await connection.ask(`${request} HTTP/1.1`);
      if (status >= 300) throw new Error(`${request} was answered ${status}: ${body}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
}

async function outage({ pipe, cheap }: World): Promise<void> {
  const health = async () => (await cheap.branch.api<{ state: string }>("GET", "/health/")).body.state;
  pipe.cut();
  await until(async () => (await health()) === "degraded", { what: "the outage to be noticed" });
  await Bun.sleep(OUTAGE_MS);
  pipe.mend();
  await until(async () => (await health()) === "ok", { what: "the broker to be back", timeoutMs: HOUR_MS });
}

async function purge(broker: string): Promise<void> {
  const connection = await new AMQPClient(broker).connect();
  const channel = await connection.channel();
  await channel.queuePurge("jobs");
  await connection.close();
}

async function standing(pid: number): Promise<Standing> {
  return { memoryMb: await residentMb(pid), files: (await readdir(`/proc/${pid}/fd`)).length };
}

function told(hours: readonly Standing[]): void {
  const third = hours.length / 3;
  const of = (part: number, read: (hour: Standing) => number) =>
    median({
      sortedMs: hours
        .slice(part * third, (part + 1) * third)
        .map(read)
        .toSorted((a, b) => a - b),
    });
  const thirds = (read: (hour: Standing) => number) => [0, 1, 2].map((part) => of(part, read));
  const line = (read: (hour: Standing) => number, unit: string) =>
    `${thirds(read)
      .map((value) => value.toFixed(0))
      .join(" → ")}${unit}`;
  const ratio = (read: (hour: Standing) => number) => (of(2, read) / of(1, read)).toFixed(2);
  const memory = ({ memoryMb }: Standing) => memoryMb;
  const files = ({ files: open }: Standing) => open;
  report(
    `${hours.length} hours of a branch with ${INSTANCES} instances, without the waiting: in each ${ROUNDS_AN_HOUR} rounds, ${DEATHS_AN_HOUR} deaths, ` +
      `${ADDED_AN_HOUR} instances added and deleted, ${TASKS_AN_HOUR} tasks, ${READS_AN_HOUR} lists, an outage`,
    `medians of the thirds: resident ${line(memory, " MB")}, open files ${line(files, "")}`,
    `the first and the last hour: ${[hours[0], hours.at(-1)].map((hour) => hour && `${hour.memoryMb.toFixed(0)} MB, ${hour.files} files`).join("; ")}`,
    `last third against the middle one: ${ratio(memory)}× the memory, ${ratio(files)}× the files`,
  );
}
