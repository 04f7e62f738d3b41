import { invalid } from "./errors.ts";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const WANTED = "1 to 128 characters of A-Z a-z 0-9 . _ -, starting with a letter or digit";
const BRANCH_ID_LENGTH = 64;

const RESERVED_APPS = [
  "admin",
  "api",
  "branches",
  "favicon.ico",
  "health",
  "instances",
  "metrics",
  "openapi.json",
  "ping",
  "queues",
  "robots.txt",
  "static",
];

/** Whether text could be a name at all, of whatever it is; nothing in such a name means anything to a shell. */
export const isPlainName = (text: string): boolean => NAME.test(text);

function plainName(parameter: string, name: string): string {
  if (!isPlainName(name)) throw invalid(parameter, WANTED, name);
  return name;
}

/** Returns the name, or throws `invalid`. Reserved are the top-level routes, today's and the documented later ones. */
export function appName(name: string): string {
  if (RESERVED_APPS.includes(name)) {
    throw invalid("app name", `none of ${RESERVED_APPS.join(" ")}, which are routes of the API`, name);
  }
  return plainName("app name", name);
}

/** Files of the branch in its instance directory start with `branch.`; an instance's folder lies beside them. */
export function instanceName(name: string): string {
  if (name.startsWith("branch.")) throw invalid("instance name", "a name that does not start with branch.", name);
  return plainName("instance name", name);
}

/** `dq.` marks the direct queues of instances, `amq.` belongs to the broker. */
export function queueName(name: string): string {
  if (/^(dq|amq)\./.test(name)) throw invalid("queue name", "a name that does not start with dq. or amq.", name);
  return plainName("queue name", name);
}

/** A branch id is part of every node name, so it is shorter: `<instance>@<id>` names a broker queue of at most 255 bytes. */
export function branchId(id: string): string {
  if (id.length > BRANCH_ID_LENGTH) throw invalid("branch id", `at most ${BRANCH_ID_LENGTH} characters`, id);
  return plainName("branch id", id);
}

/** Users log in by it. */
export const userName = (name: string) => plainName("user name", name);

/** What people call a token by; it is not shown to log in. */
export const tokenName = (name: string) => plainName("token name", name);

/** The queue that only this instance consumes from. */
export const directQueue = (instance: string) => `dq.${instance}`;

/** Celery's name of the worker of an instance; always with an @, since Celery takes text without one for a host. */
export const nodeName = (instance: string, branch: string) => `${instance}@${branch}`;

const STANDIN = "~standin";

/** What the worker is called that stands in for an instance's own: no instance can have that name. */
export const standinName = (instance: string) => `${instance}${STANDIN}`;

/** The instance that a worker belongs to, its own one or the one that stands in for it. */
export const instanceOfWorker = (worker: string) =>
  worker.endsWith(STANDIN) ? worker.slice(0, -STANDIN.length) : worker;
