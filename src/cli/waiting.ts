import type { Calls } from "../client/calls/calls.ts";
import type { InstanceAnswer } from "../client/types.ts";

/** Says, as the branch tells it now, what a change still waits for; "" where there is nothing to say. */
export type Waiting = () => Promise<string>;

type Seen = Partial<InstanceAnswer>;

const NAMES = 3;
/** Each is a question to its worker. */
const MOST_ASKED = 10;

/** `2 of 5 stopped, waiting for mail, web`. */
function untilAll(names: readonly string[], left: readonly string[], done: string): string {
  if (names.length === 0 || left.length === 0) return "";
  const shown = left.slice(0, NAMES).join(", ");
  const more = left.length > NAMES ? ` and ${left.length - NAMES} more` : "";
  return `${names.length - left.length} of ${names.length} ${done}, waiting for ${shown}${more}`;
}

const nameOf = ({ name = "" }: Seen) => name;

/** All workers of the branch, until they are as `isDone` says, given how they were before. */
function ofAll(client: Calls, done: string, isDone: (now: Seen, before: Seen | undefined) => boolean): Waiting {
  const first = client.workers.status().then(({ instances }) => new Map(instances.map((one) => [nameOf(one), one])));
  // Nobody may ask for it.
  first.catch(() => {});
  return async () => {
    const [before, { instances }] = await Promise.all([first, client.workers.status()]);
    const wanted = instances.filter((one) => one.is_enabled !== false);
    const left = wanted.filter((one) => !isDone(one, before.get(nameOf(one))));
    return untilAll(wanted.map(nameOf), left.map(nameOf), done);
  };
}

export const startOfAll = (client: Calls) => ofAll(client, "started", ({ state }) => state === "running");

export const stopOfAll = (client: Calls) =>
  ofAll(client, "stopped", ({ state }) => state === "stopped" || state === "disabled");

/** Another process than before runs. */
export const restartOfAll = (client: Calls) =>
  ofAll(client, "restarted", ({ state, pid }, before) => state === "running" && pid !== before?.pid);

/** One instance, whatever is done to it: how it is. */
export function instanceState(client: Calls, app: string | undefined, name: string): Waiting {
  return async () => {
    const { state, branch, standin_pid: standin } = await client.instances(app).get(name);
    return `it is ${state} on ${branch}${standin === null || standin === undefined ? "" : ", its stand-in consumes meanwhile"}`;
  };
}

/** The instances of an app that is being deleted. */
export function appDeletion(client: Calls, app: string): Waiting {
  const first = client.instances(app).list();
  first.catch(() => {});
  return async () => untilAll(await first, await client.instances(app).list(), "deleted");
}

/** The instances that consume from a queue that is being deleted. */
export function queueDeletion(client: Calls, app: string, queue: string): Waiting {
  const first = client.instances(app).details();
  first.catch(() => {});
  return async () => {
    const consumers = (await first).filter(({ queues, state }) => queues.includes(queue) && state === "running");
    const names = consumers.map(nameOf);
    const isLeft = async (name: string) => queue in (await client.consumers(app).list(name));
    const asked = await Promise.all(names.slice(0, MOST_ASKED).map(isLeft));
    return untilAll(
      names,
      names.filter((_, at) => asked[at] ?? true),
      "stopped consuming",
    );
  };
}
