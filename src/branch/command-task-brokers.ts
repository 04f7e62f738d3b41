import type { TaskBroker, TaskBrokerOptions } from "../celery/task-broker.ts";
import { TaskBrokers } from "../celery/task-brokers.ts";
import { brokerUrl, type Broker } from "../domain/broker.ts";
import type { FileLock } from "../kit/file-lock.ts";

const GOODBYE_MS = 1000;

/**
 * The brokers of tasks for one command. Results are taken from a broker only while the instance directory is held: by a command that
 * sends as long as it runs, by others as long as they catch up. So a command and the daemon, which holds it all its life, never take
 * them from each other, and who waits at the daemon is woken.
 */
export class CommandTaskBrokers {
  readonly #options: TaskBrokerOptions;
  readonly #hold: (forMs: number) => Promise<FileLock | undefined>;
  /** By URL. The keys hold passwords. */
  readonly #used = new Map<string, Broker>();
  #sending: TaskBrokers | undefined;
  #catching: Promise<void> | undefined;
  #isStopped = false;

  /** `hold` takes the directory, and gives undefined where somebody else has it all the time that it is given. */
  constructor(options: TaskBrokerOptions, hold: (forMs: number) => Promise<FileLock | undefined>) {
    this.#options = options;
    this.#hold = hold;
  }

  /** Sending is for who holds the directory already. */
  use(broker: Broker): Pick<TaskBroker, "send" | "caughtUp"> {
    this.#used.set(brokerUrl(broker), broker);
    return {
      send: (...message) => {
        this.#sending ??= new TaskBrokers(this.#options);
        return this.#sending.use(broker).send(...message);
      },
      caughtUp: (timeoutMs) => this.catchUp(timeoutMs),
    };
  }

  /** Stores the results that wait on the brokers which were used; nothing where another one holds the directory. */
  catchUp(timeoutMs: number): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    this.#catching ??= this.#catchUp(timeoutMs).finally(() => (this.#catching = undefined));
    return this.#catching;
  }

  /** Ends sending, at the latest at `deadlineMs` (clock time); safe twice. */
  async stop(deadlineMs: number): Promise<void> {
    this.#isStopped = true;
    await Promise.all([this.#catching, this.#sending?.stop(deadlineMs)]);
  }

  async #catchUp(timeoutMs: number): Promise<void> {
    const { clock } = this.#options;
    const untilMs = clock.now() + timeoutMs;
    const lock = await this.#hold(timeoutMs);
    if (!lock) return;
    const brokers = new TaskBrokers(this.#options);
    try {
      const leftMs = Math.max(0, untilMs - clock.now());
      await Promise.all([...this.#used.values()].map((broker) => brokers.use(broker).caughtUp(leftMs)));
    } finally {
      await brokers.stop(clock.now() + GOODBYE_MS);
      lock.release();
    }
  }
}
