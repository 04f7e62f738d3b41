import { raw, type RawAnswer, type RawRequest } from "../api/raw.ts";
import { startBranch, type Answer, type Branch, type BranchOptions } from "../harness/branch.ts";
import { until } from "../harness/wait.ts";
import { instanceOf, must } from "../lifecycle/work.ts";

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The answer to a send. */
export interface Sent {
  readonly uuid: string;
  readonly url: string;
  readonly queue: string;
  readonly method: string;
  readonly params: Record<string, unknown>;
  readonly data: string | null;
  readonly is_base64: boolean;
  readonly broker: Record<string, unknown>;
}

/** The answer to `/result/` and `/wait/`; `result` is that of a URL task where it was one. */
export interface Outcome {
  readonly result: WebAnswer | null;
  readonly error?: { readonly type: string; readonly message: string };
}

interface WebAnswer {
  readonly status_code: number;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly content: string;
  readonly is_base64: boolean;
}

/** A branch with the app `shop`, its queue `t2`, and an instance `web` that consumes it with 4 threads; `instance` changes that. */
export async function startShop(options: BranchOptions, instance: Record<string, unknown> = {}): Promise<Branch> {
  const branch = await startBranch(options);
  try {
    await must(branch, 201, "POST", "/shop/", { stop_timeout: 5 });
    await must(branch, 201, "POST", "/shop/queues/t2/");
    const fields = { queues: ["t2"], pool: "threads", max_concurrency: 4, ...instance };
    await must(branch, 201, "POST", "/shop/instances/web/", fields);
    return branch;
  } catch (error) {
    await branch[Symbol.asyncDispose]();
    throw error;
  }
}

/** Asks for a URL task, byte for byte: `url` stands behind `/shop/queue/t2/`, or behind another `place`. */
export function ask(
  branch: Branch,
  url: string,
  { place = "/shop/queue/t2/", method = "GET", ...rest }: Partial<RawRequest> & { readonly place?: string } = {},
): Promise<RawAnswer> {
  return raw(branch.url, { method, path: `${place}${url}`, ...rest });
}

/** The same where it must be accepted; gives the uuid. */
export async function send(branch: Branch, url: string, options?: Parameters<typeof ask>[2]): Promise<string> {
  const { status, headers, text } = await ask(branch, url, options);
  const uuid = headers.get("x-cyme-task");
  if (status !== 202 || uuid === null) throw new Error(`The send was answered ${status}: ${text}`);
  return uuid;
}

/** Whatever JSON a query is answered with; `what` is `state/`, `result/`, `wait/?timeout=1` or nothing. */
export const query = (
  branch: Branch,
  uuid: string,
  what = "",
  app = "shop",
): Promise<Answer<Record<string, unknown>>> => branch.api("GET", `/${app}/query/${uuid}/${what}`);

/** What became of a task, once it has come to its end. */
export const outcome = (branch: Branch, uuid: string): Promise<Outcome> =>
  must<Outcome>(branch, 200, "GET", `/shop/query/${uuid}/wait/?timeout=40`);

export const stateOf = async (branch: Branch, uuid: string): Promise<unknown> =>
  (await query(branch, uuid, "state/")).body["state"];

export const untilState = (branch: Branch, uuid: string, state: string): Promise<unknown> =>
  until(async () => (await stateOf(branch, uuid)) === state, { what: `${uuid} to be ${state}`, timeoutMs: 20_000 });

/** The pid of the worker of `web`. */
export const workerPid = async (branch: Branch): Promise<number | null> => (await instanceOf(branch, "web")).pid;

/** Does `work` with each item, `atOnce` of them at a time; results in the order of the items. */
export async function forEach<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const rest = items.entries();
  const worker = async () => {
    for (const [at, item] of rest) results[at] = await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}
