import { appName, instanceName, isPlainName } from "../../domain/names.ts";
import type { LiveKind } from "../takes.ts";
import type { Wanted } from "./wanted.ts";

/** Reads a route of the API; rejects where there is no good answer. */
export type Read = (path: string, query?: Readonly<Record<string, string>>) => Promise<Heard>;

interface Heard {
  readonly body: unknown;
  /** Branches that did not answer. */
  readonly silent: readonly string[];
}

/** Each app is a question of its own, and part of the names would be completed wrongly: with more apps there are none. */
const MAX_APPS = 50;
/** As many as a person can tell apart by looking. */
const MAX_TASKS = "100";
/** The queue of Celery that needs no declaration. */
const UNDECLARED = "celery";

/**
 * What the word can become, in the order in which it is to be shown. Rejects where the branch does not say. Text that is no name is
 * left out, so that nothing in them means anything to a shell, whoever answered.
 */
export async function liveNames(wanted: Wanted, read: Read): Promise<string[]> {
  const names = await ASK[wanted.kind]({ app: wanted.values.text("app"), instance: wanted.instance, read });
  const taken = new Set(wanted.before.split(","));
  return [...new Set(names)]
    .filter((name): name is string => typeof name === "string" && isPlainName(name))
    .filter((name) => name.startsWith(wanted.typed) && !taken.has(name))
    .map((name) => `${wanted.before}${name}`);
}

interface Question {
  readonly app: string | undefined;
  readonly instance: string | undefined;
  readonly read: Read;
}

const ASK: Record<LiveKind, (question: Question) => Promise<unknown[]>> = {
  app: ({ read }) => list(read, "/"),
  instance: ({ app, read }) => (app === undefined ? instancesOfAll(read) : instancesOf(app, read)),
  queue: queuesOf,
  queues: queuesOf,
  "task-queue": async (question) => [...(await queuesOf(question)), UNDECLARED].toSorted(),
  async "consumed-queue"({ instance, read }) {
    const { queues } = await instanceOf(instance, read);
    return Array.isArray(queues) ? queues : [];
  },
  branch: ({ read }) => list(read, "/branches/"),
  // Whoever asks all branches is told who is away.
  "lost-branch": async ({ read }) => [...(await read("/api/tasks/", { limit: "1" })).silent],
  async task({ app, read }) {
    const { body } = await read("/api/tasks/", { ...(app === undefined ? {} : { app }), limit: MAX_TASKS });
    return fieldsOf(body, "uuid");
  },
  user: async ({ read }) => fieldsOf((await read("/api/users/")).body, "name"),
  token: async ({ read }) => fieldsOf((await read("/api/tokens/")).body, "name"),
};

const instancesOf = (app: string, read: Read) => list(read, `/${appName(app)}/instances/`);

async function instancesOfAll(read: Read): Promise<unknown[]> {
  const apps = await list(read, "/");
  if (apps.length > MAX_APPS) return [];
  const names = await Promise.all(apps.map((app) => instancesOf(String(app), read)));
  return names.flat().toSorted();
}

/** Without an app those of the app of the instance. */
async function queuesOf({ app, instance, read }: Question): Promise<unknown[]> {
  const its = app ?? String((await instanceOf(instance, read))["app"]);
  return list(read, `/${appName(its)}/queues/`);
}

async function instanceOf(name = "", read: Read): Promise<Record<string, unknown>> {
  const { body } = await read(`/instances/${instanceName(name)}/`);
  return isObject(body) ? body : {};
}

async function list(read: Read, path: string): Promise<unknown[]> {
  const { body } = await read(path);
  return Array.isArray(body) ? body : [];
}

const fieldsOf = (body: unknown, field: string): unknown[] =>
  Array.isArray(body) ? body.map((row) => (isObject(row) ? row[field] : undefined)) : [];

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
