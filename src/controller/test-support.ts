import type { BrokerPool } from "../celery/brokers.ts";
import type { TaskMessage } from "../celery/task-message.ts";
import { Claims } from "../cluster/claims.ts";
import { Cluster } from "../cluster/cluster.ts";
import { Owners } from "../cluster/owners.ts";
import type { CymeError } from "../domain/errors.ts";
import type { Queue } from "../domain/queue.ts";
import { silentLog } from "../kit/log.ts";
import { AmqpAway, type AMQPChannel, type LinkState } from "../kit/amqp.ts";
import { FakeBroker, type TestBranch } from "../supervisor/test-support.ts";
import type { CallOptions } from "./context.ts";
import { Controller } from "./controller.ts";
import type { SelfReport } from "./health.ts";
import { Results } from "./results.ts";

/** Waits for the effect, for less time than the supervisor takes to try again what was refused. */
export const PATIENT: CallOptions = { nowait: false, timeoutMs: 10_000 };
export const NOWAIT: CallOptions = { nowait: true, timeoutMs: 10_000 };

/** What can be asked of a branch without its outside; over `brokers` where they are not those of its supervisor. */
export function controllerOf(
  branch: TestBranch,
  brokers: BrokerPool = branch.brokers,
  taskBroker = new FakeTaskBroker(),
  self?: SelfReport,
): Controller {
  const { store, supervisor, clock, instanceDir, broker } = branch;
  const log = silentLog;
  const results = new Results({ store, clock, log, keptMs: 1000 });
  const tasks = { taskBrokers: { use: () => taskBroker }, results, log, nowaitSendMs: 600_000 };
  const own = { instanceDir, branchId: "b1", defaultBroker: broker.broker };
  const cluster = new Cluster({ store, clock, log, branchId: "b1", openBus: undefined });
  const owners = new Owners({ store, clock, log, cluster, random: () => 0 });
  const claims = new Claims({ store, clock, cluster, owners, random: () => 0 });
  const parts = { store, brokers, supervisor, clock, cluster, owners, claims, ...tasks, ...own };
  const unasked = () => {
    throw new Error("nobody was expected to ask about the branch itself");
  };
  return new Controller(parts, { identity: unasked, shutDown: unasked, self });
}

/** Keeps what is sent over it, and says to each what the test says. */
export class FakeTaskBroker {
  readonly sent: { queue: Queue; message: TaskMessage; deadlineMs: number }[] = [];
  /** What becomes of the next sends. */
  outcome: () => Promise<void> = () => Promise.resolve();

  send(queue: Queue, message: TaskMessage, deadlineMs: number): Promise<void> {
    this.sent.push({ queue, message, deadlineMs });
    return this.outcome();
  }

  caughtUp(): Promise<void> {
    return Promise.resolve();
  }
}

type Answer = Record<string, unknown>;

/** Lets the branch live until `call` is answered: with `ok`, or with what the user is told. */
export async function answerOf(branch: TestBranch, call: Promise<unknown>): Promise<Answer> {
  const answer: { given?: Answer } = {};
  const told = (error: CymeError) => ({ error: error.code, nok: error.message, ...error.facts });
  const answered = call.then(() => ({ ok: "ok" }), told).then((given) => (answer.given = given));
  await branch.clock.advance(0);
  while (!answer.given) await branch.clock.advance(100);
  return answered;
}

/** A broker that was just named: to begin with it is neither up nor away. Any broker of the pool is this one. */
export class NewBroker extends FakeBroker implements BrokerPool {
  #isConnecting = true;

  constructor({ broker, clock, processes }: TestBranch) {
    super(broker.broker, clock, processes);
  }

  override get state(): LinkState {
    return this.#isConnecting ? { is: "connecting", sinceMs: 0 } : super.state;
  }

  override comeBack(): void {
    this.#isConnecting = false;
    super.comeBack();
  }

  override goAway(refused?: boolean): void {
    this.#isConnecting = false;
    super.goAway(refused);
  }

  override async withChannel<T>(work: (channel: AMQPChannel) => Promise<T>): Promise<T> {
    if (this.#isConnecting) throw new AmqpAway("it has not answered yet");
    return super.withChannel(work);
  }

  use(): this {
    return this;
  }

  inUse(): this[] {
    return [this];
  }

  keepOnly(): void {}

  async stop(): Promise<void> {}
}
