import { freshVhost } from "../harness/rabbit.ts";
import { cheapBranch, type CheapBranch } from "./crowd-of-workers-client.ts";
import { cpuOver, median, ms, report, residentMb, shown, type Sample } from "./measure.ts";

const MANY = 1000;
const FEW = 100;
const INTERVAL_MS = 5000;
const OVER_MS = 60_000;
const ANSWERS_APART_MS = 97;
/** By then what starting left to do is done. */
const SETTLED_MS = 10_000;

interface Cost {
  /** From the question to the answer of the last worker. */
  readonly rounds: Sample;
  readonly cpu: number;
  readonly residentMb: number;
  readonly startedMs: number;
  /** Of an answer of the API meanwhile. */
  readonly answers: Sample;
}

/**
 * What looking after many instances costs at the default interval. Their processes do nothing; who answers for them has each worker's
 * mailbox on a real broker and answers with what Celery answers, from one other process.
 */
export async function rounds(): Promise<void> {
  const few = await cost(FEW);
  const many = await cost(MANY);
  report(
    `a round over ${MANY} instances, one every ${INTERVAL_MS / 1000} s`,
    `${shown(many.rounds)} until the last has answered (goal ≤ 2 s), ${many.cpu.toFixed(1)} % of a processor (goal ≤ 10 %), answers of the API meanwhile: ${shown(many.answers)}`,
    `${FEW} instances: ${shown(few.rounds)}, ${few.cpu.toFixed(1)} %, ${shown(few.answers)}`,
    `${MANY / FEW}× the instances: ${(median(many.rounds) / median(few.rounds)).toFixed(1)}× the time, ${(many.cpu / few.cpu).toFixed(1)}× the processor`,
  );
  report(
    `memory of a branch with ${MANY} instances`,
    `resident: ${many.residentMb.toFixed(0)} MB; all of them added, started and answering after ${ms(many.startedMs)}`,
    `${FEW} instances: ${few.residentMb.toFixed(0)} MB; ${ms(few.startedMs)}`,
    `${((1024 * (many.residentMb - few.residentMb)) / (MANY - FEW)).toFixed(0)} KiB for each instance`,
  );
}

async function cost(count: number): Promise<Cost> {
  await using vhost = await freshVhost();
  await using cheap = await cheapBranch(vhost.url, count);
  await Bun.sleep(SETTLED_MS);
  const from = cheap.workers.rounds.length;
  const [cpu, answers] = await Promise.all([cpuOver(cheap.branch.pid, OVER_MS), answersOver(cheap)]);
  const times = cheap.workers.rounds
    .slice(from)
    .flatMap(({ askedMs, answeredMs }) => (answeredMs === undefined ? [] : [answeredMs - askedMs]));
  const { startedMs } = cheap;
  return {
    rounds: { sortedMs: times.toSorted((a, b) => a - b) },
    cpu,
    answers,
    startedMs,
    residentMb: await residentMb(cheap.branch.pid),
  };
}

/** Few enough that they cost next to nothing. */
async function answersOver({ branch, names }: CheapBranch): Promise<Sample> {
  const [name = ""] = names;
  const times: number[] = [];
  for (const endMs = performance.now() + OVER_MS; performance.now() < endMs; await Bun.sleep(ANSWERS_APART_MS)) {
    const beginMs = performance.now();
    await branch.api("GET", `/bench/instances/${name}/`);
    times.push(performance.now() - beginMs);
  }
  return { sortedMs: times.toSorted((a, b) => a - b) };
}
