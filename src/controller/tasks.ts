import { MaybeSent, Overloaded } from "../celery/task-broker.ts";
import type { TaskMessage } from "../celery/task-message.ts";
import { urlTaskMessage } from "../celery/url-task.ts";
import type { Broker } from "../domain/broker.ts";
import { conflict, CymeError, notFound, unavailable } from "../domain/errors.ts";
import { isoMoment } from "../domain/named-task.ts";
import { changedQueue, type Queue } from "../domain/queue.ts";
import { isReady, taskId, type NamedRequest, type SentTask, type Task, type UrlRequest } from "../domain/task.ts";
import { AmqpAway, AmqpRefused } from "../kit/amqp.ts";
import { Batch } from "../kit/batch.ts";
import type { Log } from "../kit/log.ts";
import { appBroker, findApp, type CallOptions, type Parts } from "./context.ts";
import { ResultBackends } from "./result-backends.ts";
import type { Results } from "./results.ts";
import { Unsettled } from "./unsettled.ts";

/** A place for tasks on one broker, as `TaskBroker` in celery/task-broker.ts is one. */
interface TaskBroker {
  send(queue: Queue, message: TaskMessage, deadlineMs: number): Promise<void>;
  caughtUp(timeoutMs: number): Promise<void>;
}

export interface TaskParts extends Parts {
  readonly taskBrokers: { use(broker: Broker): TaskBroker };
  readonly results: Results;
  readonly log: Log;
  /** How long a send that nobody waits for is tried. */
  readonly nowaitSendMs: number;
}

/** How long a caller waits for the broker to take a message: longer than RabbitMQ needs to start again. */
const SEND_MS = 15_000;
const WRITE_AGAIN_MS = 2000;
const CATCH_UP_MS = 2000;
const DEFAULT_QUEUE = "celery";

export interface Sent {
  readonly sent: SentTask;
  readonly broker: Broker;
}

/** What is known of a task, and what to say of the app's result backend where results do not come here. */
export interface TaskDetail {
  readonly id: string;
  readonly task: Task | undefined;
  readonly resultBackend: string | undefined;
}

/** Sends tasks, and knows what became of them. */
export class Tasks {
  readonly #parts: TaskParts;
  readonly #backends: ResultBackends;
  readonly #recording: Batch<Sent>;
  #isUnwritable = false;
  readonly #unsettled = new Unsettled();
  /** Sends that nobody waits for; each resolves to what went wrong. */
  readonly #unawaited = new Set<Promise<CymeError | undefined>>();

  constructor(parts: TaskParts) {
    this.#parts = parts;
    this.#backends = new ResultBackends(parts);
    this.#recording = new Batch((items) => this.#record(items));
  }

  /**
   * Has a worker perform a request. Resolves once the broker has confirmed the message; with nowait at once. `queue` is
   * undefined for Celery's default one. A send under an `id` that was sent before is that one: another request under it is `conflict`.
   */
  async sendUrl(
    app: string,
    queue: string | undefined,
    request: UrlRequest,
    id: string | undefined,
    options: CallOptions,
  ): Promise<Sent> {
    const { method, url } = request;
    return this.#send(app, queue, { method, url, request }, (uuid) => urlTaskMessage(uuid, request), id, options);
  }

  /** The same for a task of the user's app, and the kind of result backend that its workers have, where one says so. */
  async sendNamed(
    app: string,
    queue: string,
    request: NamedRequest,
    id: string | undefined,
    options: CallOptions,
  ): Promise<Sent & { readonly resultBackend: string | undefined }> {
    const { name, expires, ...rest } = request;
    const { clock } = this.#parts;
    const expiresAt = typeof expires === "number" ? isoMoment(clock.now() + expires * 1000) : expires;
    const message = (uuid: string): TaskMessage => ({
      id: uuid,
      task: name,
      ...rest,
      ...(expiresAt === undefined ? {} : { expires: expiresAt }),
      argsRepr: JSON.stringify(request.args),
      kwargsRepr: JSON.stringify(request.kwargs),
    });
    const sent = await this.#send(app, queue, { method: null, url: null, request }, message, id, options);
    const resultBackend = options.nowait ? undefined : await this.#backends.of(findApp(this.#parts.store, app));
    return { ...sent, resultBackend };
  }

  /** Whether this branch sent the task, is sending it, or heard of it. */
  knows(id: string): boolean {
    return this.#unsettled.get(id) !== undefined || this.#parts.store.tasks.get(id) !== undefined;
  }

  /** What is known of a task now. */
  async get(app: string, id: string): Promise<TaskDetail> {
    const known = this.#ownTask(app, taskId("uuid", id));
    if (known && isReady(known.state)) return this.#detail(app, id, known);
    await this.#caughtUp(app, CATCH_UP_MS);
    return this.#detail(app, id, this.#ownTask(app, taskId("uuid", id)));
  }

  /** The task once it has come to its end; `timeout` after the caller's time. */
  async wait(app: string, id: string, options: CallOptions, left: AbortSignal): Promise<TaskDetail> {
    const { results } = this.#parts;
    const uuid = taskId("uuid", id);
    this.#ownTask(app, uuid);
    // Opens the connection that results come by, where none of this app was sent since the start.
    void this.#caughtUp(app, CATCH_UP_MS);
    await results.until(uuid, options.timeoutMs, left);
    const task = this.#ownTask(app, uuid);
    if (task && isReady(task.state)) return this.#detail(app, id, task);
    if (results.isStopped) throw unavailable("The branch is stopping: ask again when it is back", { uuid });
    const state = task?.state ?? "PENDING";
    const { resultBackend } = await this.#detail(app, id, task);
    const elsewhere = resultBackend === undefined ? "" : `; ${backendNote(resultBackend)}`;
    const message = `Task ${uuid} is ${state} after ${options.timeoutMs / 1000} s${elsewhere}`;
    throw new CymeError("timeout", message, { uuid, state });
  }

  /** Resolves when everything that was sent without waiting has been taken by the broker, or given up: to what was not sent, and why. */
  async finish(): Promise<readonly CymeError[]> {
    const failures = await Promise.all(this.#unawaited);
    return failures.filter((failure) => failure !== undefined);
  }

  /** A task was taken when nobody waited for it any more. */
  takenLate(id: string): void {
    const late = this.#unsettled.get(id);
    if (late?.is === "maybe") void this.#recording.add(late);
  }

  async #send(
    appName: string,
    queueName: string | undefined,
    { request, ...what }: Pick<SentTask, "method" | "url"> & { readonly request: UrlRequest | NamedRequest },
    messageOf: (id: string) => TaskMessage,
    givenId: string | undefined,
    options: CallOptions,
  ): Promise<Sent> {
    const app = findApp(this.#parts.store, appName);
    const queue = this.#queue(appName, queueName);
    const broker = appBroker(this.#parts, app);
    // In the order of time: rows that come together lie together, which halves what it costs to write them down.
    const id = givenId === undefined ? Bun.randomUUIDv7() : taskId("X-Cyme-Task", givenId);
    const message = messageOf(id);
    const sent: SentTask = {
      id,
      app: appName,
      queue: queue.name,
      name: message.task,
      ...what,
      fingerprint: fingerprint(appName, queue.name, request),
      sentAtMs: this.#parts.clock.now(),
    };
    const known = givenId === undefined ? undefined : this.#known(sent);
    const done = known ?? this.#publish(sent, queue, broker, message, options);
    if (!known && givenId !== undefined) this.#unsettled.set({ sent, broker, is: done });
    if (!options.nowait) return { sent: await done, broker };
    await this.#leave(id, done);
    return { sent, broker };
  }

  /** The send under that id, if there is one already; throws `conflict` where it was another one. */
  #known({ id, fingerprint }: SentTask): Promise<SentTask> | undefined {
    const unsettled = this.#unsettled.get(id);
    const before = unsettled?.sent ?? this.#parts.store.tasks.get(id)?.sent;
    if (!before) return undefined;
    if (before.fingerprint !== fingerprint) {
      const message = `Task ${id} was sent before, and was another one: send this one under an id of its own`;
      throw conflict(message, { uuid: id });
    }
    // One that may have been taken is sent again: under the same id it is the same.
    if (unsettled?.is === "maybe") return undefined;
    return typeof unsettled?.is === "object" ? unsettled.is : Promise.resolve(before);
  }

  /** Goes on without anybody waiting. What is known to fail already is told. */
  async #leave(id: string, done: Promise<SentTask>): Promise<void> {
    const { log } = this.#parts;
    await Promise.race([done, new Promise((resolve) => setImmediate(resolve))]);
    const failure = (error: unknown): CymeError => {
      log.error("a task that nobody waited for was not sent", { id, error });
      return error instanceof CymeError ? error : new CymeError("internal", String(error), { uuid: id });
    };
    const ended: Promise<CymeError | undefined> = done
      .then(() => undefined, failure)
      .finally(() => this.#unawaited.delete(ended));
    this.#unawaited.add(ended);
  }

  async #publish(
    sent: SentTask,
    queue: Queue,
    broker: Broker,
    message: TaskMessage,
    { nowait, timeoutMs }: CallOptions,
  ): Promise<SentTask> {
    const { taskBrokers, clock, nowaitSendMs } = this.#parts;
    const forMs = nowait ? nowaitSendMs : Math.min(SEND_MS, timeoutMs);
    try {
      await taskBrokers.use(broker).send(queue, message, clock.now() + forMs);
    } catch (error) {
      if (error instanceof MaybeSent) this.#unsettled.set({ sent, broker, is: "maybe" });
      else this.#unsettled.delete(sent.id);
      throw explained(error, sent);
    }
    await this.#recording.add({ sent, broker });
    return sent;
  }

  /** Never throws: the broker has them, so they are going to be done, and to say anything else would have them sent twice. */
  #record(items: readonly Sent[]): void {
    const { store, log } = this.#parts;
    const all = this.#isUnwritable ? [...this.#unsettled.taken(), ...items] : items;
    try {
      store.write(() => {
        for (const { sent, broker } of all) store.tasks.addSent(sent, broker);
      });
      for (const { sent } of all) this.#unsettled.delete(sent.id);
      if (this.#isUnwritable) log.info("what is sent is written down again");
      this.#isUnwritable = false;
    } catch (error) {
      this.#keep(items, error);
    }
  }

  #keep(items: readonly Sent[], error: unknown): void {
    const { clock, log } = this.#parts;
    for (const { sent, broker } of items) this.#unsettled.set({ sent, broker, is: "taken" });
    if (this.#isUnwritable) return;
    // Once for each outage: thousands may be sent in a second.
    log.error("tasks are sent that cannot be written down yet", { id: items[0]?.sent.id, error });
    this.#isUnwritable = true;
    const again = () => {
      this.#record([]);
      if (this.#isUnwritable) clock.after(WRITE_AGAIN_MS, again);
    };
    clock.after(WRITE_AGAIN_MS, again);
  }

  /** Of an app that is there. Celery's default queue needs no declaration. */
  #queue(app: string, name = DEFAULT_QUEUE): Queue {
    const { store, clock } = this.#parts;
    const queue = store.queues.get(app, name);
    if (queue) return queue;
    if (name !== DEFAULT_QUEUE) throw notFound("queue", name);
    return changedQueue({ app, name, nowMs: clock.now() }, undefined, {});
  }

  /** A task that was sent for another app is unknown to this one. */
  #ownTask(app: string, id: string): Task | undefined {
    const { store } = this.#parts;
    findApp(store, app);
    const task = store.tasks.get(id);
    return task?.sent && task.sent.app !== app ? undefined : task;
  }

  async #caughtUp(app: string, timeoutMs: number): Promise<void> {
    const { taskBrokers, results, store } = this.#parts;
    const broker = appBroker(this.#parts, findApp(store, app));
    if (!results.isStopped) await taskBrokers.use(broker).caughtUp(timeoutMs);
  }

  async #detail(app: string, id: string, task: Task | undefined): Promise<TaskDetail> {
    const isOwnTask = task?.sent && task.sent.url === null && !isReady(task.state);
    const kind = isOwnTask ? await this.#backends.of(findApp(this.#parts.store, app)) : undefined;
    return { id: taskId("uuid", id), task, resultBackend: kind === "rpc" ? undefined : kind };
  }
}

/** What to tell of a result backend that sends no results here. */
export const backendNote = (kind: string): string =>
  kind === "disabled"
    ? "the app's workers have no result backend: no result will come (result_backend rpc:// sends them here)"
    : `the app's result backend is ${kind}, where the result is to be asked for; only rpc:// sends results here`;

const fingerprint = (app: string, queue: string, request: UrlRequest | NamedRequest): string =>
  new Bun.CryptoHasher("sha256").update(JSON.stringify([app, queue, request])).digest("base64");

/** For the caller. Under the same id a task can be sent again without harm. */
function explained(error: unknown, { id, queue }: SentTask): unknown {
  if (error instanceof AmqpRefused) {
    const facts = { uuid: id, queue, broker_says: error.replyText };
    return conflict(`The broker does not take a task for queue "${queue}": ${error.replyText}`, facts);
  }
  if (error instanceof Overloaded) {
    return unavailable(`The task was not sent: ${error.message}`, { uuid: id, stored: false });
  }
  if (error instanceof MaybeSent) {
    const message = `Nobody knows whether the broker took the task: ${error.reason}; send it again with X-Cyme-Task: ${id}`;
    return unavailable(message, { uuid: id, stored: false, maybe_sent: true });
  }
  if (error instanceof AmqpAway) {
    const message = `The task was not sent: ${error.reason}; send it again with X-Cyme-Task: ${id}`;
    return unavailable(message, { uuid: id, stored: false });
  }
  return error;
}
