import type { Queue } from "../domain/queue.ts";
import { AmqpRefused } from "../kit/amqp.ts";
import type { Clock } from "../kit/clock.ts";

/** The declaration of one queue, which many messages may wait for. Never rejects. */
export interface Declaration {
  /** Undefined while it is under way. */
  readonly outcome: DeclarationOutcome | undefined;
  readonly done: Promise<DeclarationOutcome>;
}

/** `error` is what the declaration was rejected with. */
type DeclarationOutcome = { readonly is: "declared" } | { readonly is: "failed"; readonly error: unknown };

/** What costs the whole connection, as an exchange type that the broker does not know, is not tried again for each message. */
const COSTLY_CODE = 500;
const COSTLY_MS = 60_000;

/** Which queues have been declared over the present connection, each once however many ask. */
export class Declarations {
  readonly #declare: (queue: Queue) => Promise<void>;
  readonly #clock: Clock;
  #byQueue = new Map<string, Declaration>();
  readonly #costly = new Map<string, { readonly declaration: Declaration; readonly untilMs: number }>();

  constructor(declare: (queue: Queue) => Promise<void>, clock: Clock) {
    this.#declare = declare;
    this.#clock = clock;
  }

  /** Begins it where it is not known. */
  of(queue: Queue): Declaration {
    const key = keyOf(queue);
    const costly = this.#costly.get(key);
    if (costly && costly.untilMs > this.#clock.now()) return costly.declaration;
    const declaration = this.#byQueue.get(key) ?? this.#begin(key, queue);
    this.#byQueue.set(key, declaration);
    return declaration;
  }

  /** Has the queue declared anew, unless somebody did so since `declaration`. */
  forget(queue: Queue, declaration: Declaration): void {
    const key = keyOf(queue);
    if (this.#byQueue.get(key) === declaration) this.#byQueue.delete(key);
  }

  forgetAll(): void {
    this.#byQueue = new Map();
  }

  #begin(key: string, queue: Queue): Declaration {
    const declaring = this.#declare(queue).then(
      (): DeclarationOutcome => ({ is: "declared" }),
      (error: unknown): DeclarationOutcome => ({ is: "failed", error }),
    );
    const declaration: { outcome: DeclarationOutcome | undefined; done: Promise<DeclarationOutcome> } = {
      outcome: undefined,
      done: declaring.then((outcome) => {
        declaration.outcome = outcome;
        if (outcome.is === "failed") this.#failed(key, queue, declaration, outcome.error);
        return outcome;
      }),
    };
    return declaration;
  }

  #failed(key: string, queue: Queue, declaration: Declaration, error: unknown): void {
    this.forget(queue, declaration);
    const nowMs = this.#clock.now();
    for (const [old, { untilMs }] of this.#costly) if (untilMs <= nowMs) this.#costly.delete(old);
    if (!(error instanceof AmqpRefused) || error.replyCode < COSTLY_CODE) return;
    this.#costly.set(key, { declaration, untilMs: nowMs + COSTLY_MS });
  }
}

const keyOf = ({ name, exchange, exchangeType, routingKey, options }: Queue) =>
  JSON.stringify([name, exchange, exchangeType, routingKey, options]);
