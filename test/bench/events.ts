import { freshVhost } from "../harness/rabbit.ts";
import { Events } from "../harness/events.ts";
import { until } from "../harness/wait.ts";
import { cheapBranch, type CheapBranch } from "./crowd-of-workers-client.ts";
import { cpuOver, ms, report, residentMb } from "./measure.ts";

const INSTANCES = 1_000;
const READERS = 20;
const OVER_MS = 40_000;
/** By then what starting left to do is done. */
const SETTLED_MS = 15_000;

/** Reads all that comes and keeps nothing: what it costs is to be the branch's. */
async function drain(url: string, left: AbortSignal): Promise<void> {
  const { body } = await fetch(`${url}/api/events/`, { signal: left });
  const nowhere = new WritableStream<Uint8Array>();
  await body?.pipeTo(nowhere);
}

async function first(url: string): Promise<{ bytes: number; gzipped: number; tookMs: number }> {
  const beginMs = performance.now();
  const { body } = await fetch(`${url}/api/events/`);
  if (!body) throw new Error("The events have no body");
  await using told = new Events(body);
  await until(() => told.last("ready"), { what: "all that there is", everyMs: 1 });
  const tookMs = performance.now() - beginMs;
  const bytes = new TextEncoder().encode(told.text);
  return { bytes: bytes.length, gzipped: Bun.gzipSync(bytes).length, tookMs };
}

/** What open pages cost the branch, that has many instances: each follows its events. Printed as ratio against none. */
export async function events(): Promise<void> {
  await using vhost = await freshVhost();
  await using cheap = await cheapBranch(vhost.url, INSTANCES);
  await Bun.sleep(SETTLED_MS);
  const { bytes, gzipped, tookMs } = await first(cheap.branch.url);
  report(
    `the first that GET /api/events/ tells of ${INSTANCES} instances`,
    `${(bytes / 1024).toFixed(0)} KiB in ${ms(tookMs)}`,
    `the same by gzip: ${(gzipped / 1024).toFixed(0)} KiB`,
    `${(bytes / INSTANCES).toFixed(0)} bytes for each instance`,
  );
  const none = await cost(cheap, 0);
  const one = await cost(cheap, 1);
  const many = await cost(cheap, READERS);
  report(
    `${READERS} open pages on a branch with ${INSTANCES} instances`,
    `${many.cpu.toFixed(1)} % of a processor, ${many.residentMb.toFixed(0)} MB resident; one page: ${one.cpu.toFixed(1)} %`,
    `no page: ${none.cpu.toFixed(1)} %, ${none.residentMb.toFixed(0)} MB`,
    `${(many.cpu / none.cpu).toFixed(2)}× the processor`,
  );
}

async function cost({ branch }: CheapBranch, readers: number): Promise<{ cpu: number; residentMb: number }> {
  const leaving = new AbortController();
  const all = Array.from({ length: readers }, () => drain(branch.url, leaving.signal).catch(() => {}));
  // Without what they are told first.
  await Bun.sleep(3_000);
  const cpu = await cpuOver(branch.pid, OVER_MS);
  const resident = await residentMb(branch.pid);
  leaving.abort();
  await Promise.all(all);
  return { cpu, residentMb: resident };
}
