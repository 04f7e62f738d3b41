import { AmqpAway, type AmqpRefused, type Publisher, type PublishingLink } from "../kit/amqp.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Sent } from "./wire.ts";

const RETRY_MS = 1_000;
/** The broker closes the channel for a time that it finds too long; this one comes from other branches. */
const LONGEST_MS = 24 * 3600 * 1000;

export interface AmqpOutletOptions {
  readonly link: PublishingLink;
  readonly clock: Clock;
  readonly log: Log;
  /** It opened, or closed. */
  readonly onChange: () => void;
  /** The broker closed the channel because of a message: runs before another is opened, and never rejects. */
  readonly repair: () => Promise<void>;
}

/** Publishes over one connection whenever there is one. */
export class AmqpOutlet {
  readonly #options: AmqpOutletOptions;
  #publisher: Publisher | undefined;
  #isOpening = false;
  #sent = 0;

  constructor(options: AmqpOutletOptions) {
    this.#options = options;
    options.link.onState((state) => {
      if (state.is === "up") void this.#open();
      else this.#set(undefined);
    });
  }

  get isOpen(): boolean {
    return this.#publisher !== undefined;
  }

  /** Never rejects. */
  async publish(exchange: string, routingKey: string, body: Uint8Array, expiresMs: number): Promise<Sent> {
    if (!this.#publisher) return "lost";
    const correlationId = String(++this.#sent);
    const expiration = String(Math.ceil(Math.min(Math.max(1, expiresMs), LONGEST_MS)));
    const properties = { contentType: "application/json", deliveryMode: 1, correlationId, expiration };
    try {
      return (await this.#publisher.publish({ exchange, routingKey, body, properties })).is;
    } catch (error) {
      // An address longer than a name of the broker: it comes from another branch.
      this.#options.log.warning("a message on the bus cannot be sent", { error });
      return "returned";
    }
  }

  async #open(): Promise<void> {
    if (this.#isOpening) return;
    this.#isOpening = true;
    const { link, clock, log } = this.#options;
    while (link.state.is === "up" && !this.#publisher) {
      try {
        let isClosed = false;
        const publisher = await link.openPublisher((why) => {
          isClosed = true;
          this.#onClosed(why);
        });
        if (!isClosed) this.#set(publisher);
      } catch (error) {
        log.warning("a channel of the bus cannot be opened", { error });
        await clock.sleep(RETRY_MS);
      }
    }
    this.#isOpening = false;
  }

  #onClosed(why: AmqpAway | AmqpRefused): void {
    this.#set(undefined);
    if (why instanceof AmqpAway) return;
    const { log, repair } = this.#options;
    log.warning("the broker closed a channel of the bus", { error: why });
    void repair().then(() => this.#open());
  }

  #set(publisher: Publisher | undefined): void {
    if (this.#publisher === publisher) return;
    this.#publisher = publisher;
    this.#options.onChange();
  }
}
