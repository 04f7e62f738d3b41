import type { Branch, Health, Instance, Queue } from "../api/types.ts";
import { several } from "../kit/numbers.ts";
import { queueKey, type Depth, type Model } from "../state/model.ts";
import { href } from "../state/router.ts";

/** One thing that somebody should look at. */
export interface Subject {
  readonly name: string;
  readonly href: string | null;
  /** One sentence or less; "" where the name says all. */
  readonly detail: string;
  /** Since when; null where that is not known. */
  readonly since: string | null;
}

/** Things of one kind that somebody should look at. */
export interface Concern {
  readonly title: string;
  readonly level: "bad" | "warn";
  /** A list of all of them, where there is one. */
  readonly href: string | null;
  readonly subjects: readonly Subject[];
}

const FULL_DISK_PERCENT = 90;
const MINUTE_MS = 60_000;
const MIN_GROWTH = 10;
const GROWTH_SHARE = 0.2;

/** What needs attention, the most pressing first; kinds of which there is nothing are left out. */
export function concerns(model: Model, nowMs: number): Concern[] {
  const instances = [...model.instances.values()];
  const queues = [...model.queues.values()];
  const branches = [...model.branches.values()];
  const inState = (state: Instance["state"]) => instances.filter((instance) => instance.state === state);
  const away = branches.filter(({ is_up: isUp }) => !isUp);
  const silent = model.silent.filter((id) => !away.some((branch) => branch.id === id));
  const isCovered = ({ branch }: Instance) => silent.includes(branch) || away.some(({ id }) => id === branch);
  const limited = instances.filter(({ state, disabled_reason: why }) => state === "disabled" && why !== null);
  const held = instances.filter(({ is_held: isHeld }) => isHeld);
  const ofState = (title: string, level: Concern["level"], state: Instance["state"]) =>
    concern(title, level, href("instances", { state }), inState(state).map(subjectOf));
  return [
    concern("Parts of this branch do not work", "bad", null, failedParts(model.health)),
    concern("Branches are away", "bad", null, away.map(branchSubject)),
    concern("Branches do not answer", "warn", null, silent.map(silentSubject)),
    concern(
      "Died too often and were disabled",
      "bad",
      href("instances", { state: "disabled" }),
      limited.map(subjectOf),
    ),
    ofState("Do not answer", "bad", "unresponsive"),
    // Those of branches that are named above are not named once more.
    concern(
      "Nobody can say how they are",
      "warn",
      href("instances", { state: "unknown" }),
      inState("unknown")
        .filter((instance) => !isCovered(instance))
        .map(subjectOf),
    ),
    ofState("Died and wait to be started again", "warn", "backoff"),
    concern("Messages that nobody consumes", "bad", href("queues"), queues.filter(isAbandoned).map(queueSubject)),
    concern("Queues that grow", "warn", href("queues"), growing(queues, model.depths, nowMs)),
    concern("Disks are nearly full", "warn", null, branches.filter(isFull).map(diskSubject)),
    concern(
      "Held stopped until they are started",
      "warn",
      href("instances", { state: "stopped" }),
      held.map(subjectOf),
    ),
  ].filter(({ subjects }) => subjects.length > 0);
}

const concern = (title: string, level: Concern["level"], to: string | null, subjects: readonly Subject[]): Concern => ({
  title,
  level,
  href: to,
  subjects,
});

const subjectOf = ({ name, why, since, branch }: Instance): Subject => ({
  name,
  href: href("instances", name),
  detail: why ?? `on ${branch}`,
  since,
});

const branchSubject = ({ id, instances }: Branch): Subject => ({
  name: id,
  href: href("instances", { branch: id }),
  detail: `it has ${several(instances, "instance")}, and what they do is not known`,
  since: null,
});

const silentSubject = (id: string): Subject => ({
  name: id,
  href: href("instances", { branch: id }),
  detail: "what is shown of it may be old",
  since: null,
});

function failedParts(health: Health | null): Subject[] {
  if (!health) return [];
  const { store, bus, supervisor, http, results, brokers } = health;
  const parts = { store, bus, supervisor, http, results };
  const named = [
    ...Object.entries(parts),
    ...Object.entries(brokers).map(([label, component]) => [`broker ${label}`, component] as const),
  ];
  return named
    .filter(([, { state }]) => state === "away" || state === "failed")
    .map(([name, { state, since, why }]) => ({ name, href: null, detail: why ?? state, since }));
}

const isAbandoned = ({ messages, consumers }: Queue) => consumers === 0 && messages !== null && messages > 0;

const queueSubject = ({ app, name, messages }: Queue): Subject => ({
  name,
  href: href("queues", { app, q: name }),
  detail: `${several(messages, "message")} of app ${app}, and no instance consumes`,
  since: null,
});

function growing(queues: readonly Queue[], depths: Model["depths"], nowMs: number): Subject[] {
  return queues.flatMap((queue) => {
    const growth = growthOf(depths.get(queueKey(queue)) ?? [], nowMs);
    if (growth === null || isAbandoned(queue)) return [];
    const { app, name, messages, consumers } = queue;
    const detail = `${several(messages, "message")}, ${growth} more than a minute ago, ${several(consumers, "consumer")}`;
    return [{ name, href: href("queues", { app, q: name }), detail, since: null }];
  });
}

/** By how many messages a queue has grown in the last minute, where that is worth a word; else null. */
export function growthOf(depths: readonly Depth[], nowMs: number): number | null {
  const latest = depths.at(-1);
  const before = depths.findLast(({ atMs }) => atMs <= nowMs - MINUTE_MS);
  if (!latest || !before) return null;
  const growth = latest.messages - before.messages;
  return growth >= Math.max(MIN_GROWTH, before.messages * GROWTH_SHARE) ? growth : null;
}

const isFull = ({ disk_use: use, is_up: isUp }: Branch) => isUp && use !== null && use >= FULL_DISK_PERCENT;

const diskSubject = ({ id, disk_use: use }: Branch): Subject => ({
  name: id,
  href: null,
  detail: `${Math.round(use ?? 0)} % of its disk is used: workers that cannot write their log or state end`,
  since: null,
});
