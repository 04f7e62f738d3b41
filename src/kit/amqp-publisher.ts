import { AMQPError, type AMQPChannel, type AMQPMessage, type AMQPProperties } from "@cloudamqp/amqp-client";

/** A message for an exchange. Its `correlationId` must be unique among those that are on their way. */
export interface Outgoing {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Uint8Array;
  readonly properties: AMQPProperties;
}

/** What became of a message. */
export type Published =
  /** It is in a queue, on disk where both are durable. */
  | { readonly is: "taken" }
  /** There is no queue for it. */
  | { readonly is: "returned"; readonly replyCode: number; readonly replyText: string }
  /** The broker did not want it now: a queue that is full and rejects. */
  | { readonly is: "refused" }
  /** The channel ended: nobody knows. */
  | { readonly is: "lost" };

/** A channel for publishing with confirms. */
export interface Publisher {
  /** Resolves with the broker's verdict. Rejects, having sent nothing, where the properties cannot be written: one frame must hold them. */
  publish(message: Outgoing): Promise<Published>;
}

/** The client's error for it. */
const NEGATIVE_CONFIRM = "Message rejected";
const TAKEN: Published = { is: "taken" };

export class AmqpPublisher implements Publisher {
  readonly #channel: AMQPChannel;
  readonly #returned = new Map<string | undefined, Published>();

  constructor(channel: AMQPChannel) {
    this.#channel = channel;
    channel.onReturn = (message) => this.#onReturn(message);
  }

  async publish({ exchange, routingKey, body, properties }: Outgoing): Promise<Published> {
    const id = properties.correlationId;
    try {
      await this.#channel.basicPublish(exchange, routingKey, body, properties, true);
      return this.#returned.get(id) ?? TAKEN;
    } catch (error) {
      if (error instanceof AMQPError || this.#channel.closed) return { is: "lost" };
      if (error instanceof Error && error.message === NEGATIVE_CONFIRM) return { is: "refused" };
      throw error;
    } finally {
      this.#returned.delete(id);
    }
  }

  /** Comes before the confirm of the same message. */
  #onReturn({ properties, replyCode = 0, replyText = "" }: AMQPMessage): void {
    this.#returned.set(properties.correlationId, { is: "returned", replyCode, replyText });
  }
}
