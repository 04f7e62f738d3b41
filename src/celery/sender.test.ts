import { describe, expect, test } from "bun:test";
import { reasonOf } from "../../test/celery/away.ts";
import type { Queue } from "../domain/queue.ts";
import { AmqpAway, AmqpRefused, type LinkState, type Outgoing, type Published } from "../kit/amqp.ts";
import type { PublishingLink } from "../kit/amqp.ts";
import { ManualClock } from "../kit/clock.ts";
import { MaybeSent, Overloaded, Sender } from "./sender.ts";
import type { TaskMessage } from "./task-message.ts";

const NO_EXCHANGE = new AmqpRefused(404, "NOT_FOUND - no exchange 'e' in vhost '/'");
const WINDOW = 256;

interface Flight {
  readonly id: string;
  readonly outgoing: Outgoing;
  land(published?: Published): void;
  fail(error: Error): void;
}

/** A link to a broker that does what the test says. */
class FakeLink implements PublishingLink {
  state: LinkState = { is: "connecting", sinceMs: 0 };
  /** What was published and has not been answered, over all channels. */
  flights: Flight[] = [];
  channels = 0;
  /** What opening a channel is answered with. */
  refuses: Error | undefined;
  readonly #listeners = new Set<(state: LinkState) => void>();
  #onClosed: ((error: AmqpAway | AmqpRefused) => void) | undefined;

  become(state: LinkState): void {
    this.state = state;
    for (const listener of this.#listeners) listener(state);
  }

  up(): void {
    this.become({ is: "up", sinceMs: 0 });
  }

  away(reason: string, refused = false): void {
    this.become({ is: "away", sinceMs: 0, reason, refused });
  }

  /** The connection is lost. */
  lose(): void {
    this.closeChannel(new AmqpAway("it broke"));
    this.away("it broke");
  }

  closeChannel(error: AmqpAway | AmqpRefused): void {
    this.flights = [];
    this.#onClosed?.(error);
  }

  async openPublisher(onClosed: (error: AmqpAway | AmqpRefused) => void) {
    if (this.refuses) throw this.refuses;
    this.channels++;
    this.#onClosed = onClosed;
    return { publish: (outgoing: Outgoing) => this.#publish(outgoing) };
  }

  onState(listener: (state: LinkState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  whenUp(): Promise<void> {
    throw new Error("not asked for");
  }

  withChannel<T>(): Promise<T> {
    throw new Error("not asked for");
  }

  #publish(outgoing: Outgoing): Promise<Published> {
    const { promise, resolve, reject } = Promise.withResolvers<Published>();
    const id = outgoing.properties.correlationId ?? "";
    const land = (settle: () => void) => {
      this.flights = this.flights.filter((other) => other !== flight);
      settle();
    };
    const flight: Flight = {
      id,
      outgoing,
      land: (published = { is: "taken" }) => land(() => resolve(published)),
      fail: (error) => land(() => reject(error)),
    };
    this.flights.push(flight);
    return promise;
  }
}

function setup({ isUp = true }: { isUp?: boolean } = {}) {
  const clock = new ManualClock();
  const link = new FakeLink();
  const declared: string[] = [];
  const refuses = new Map<string, Error>();
  const declare = async ({ name }: Queue) => {
    declared.push(name);
    const error = refuses.get(name);
    if (error) throw error;
  };
  const takenLate: string[] = [];
  const onTakenLate = (id: string) => void takenLate.push(id);
  const sender = new Sender({ link, clock, replyTo: "results", declare, onTakenLate });
  if (isUp) link.up();
  const send = (id: string, parts: Partial<Queue> & { bytes?: number; forMs?: number } = {}) => {
    const { bytes = 10, forMs = 10_000, ...queue } = parts;
    return sender.send(queueOf(queue), messageOf(id, bytes), clock.now() + forMs);
  };
  const ids = () => link.flights.map(({ id }) => id);
  /** Lets what has been begun run on. */
  const settle = () => clock.advance(0);
  return { takenLate, clock, link, declared, refuses, sender, send, ids, settle };
}

const queueOf = (parts: Partial<Queue>): Queue => ({
  app: "a",
  name: "q",
  exchange: "e",
  exchangeType: "direct",
  routingKey: "k",
  options: null,
  createdAtMs: 0,
  ...parts,
});

const messageOf = (id: string, bytes: number): TaskMessage => ({
  id,
  task: "t",
  args: ["x".repeat(bytes)],
  kwargs: {},
  argsRepr: "()",
  kwargsRepr: "{}",
});

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `m${i}`);
const outcome = (promise: Promise<unknown>) =>
  promise.then(
    () => "sent",
    (error: unknown) => error,
  );

describe("a send", () => {
  test("declares the queue, publishes by exchange and routing key, and resolves when the broker has taken it", async () => {
    const all = setup();
    let isSent = false;
    const sent = all.send("one").then(() => (isSent = true));
    await all.settle();
    const [flight] = all.link.flights;
    expect([all.declared, flight?.outgoing.exchange, flight?.outgoing.routingKey, isSent]).toEqual([
      ["q"],
      "e",
      "k",
      false,
    ]);
    expect(flight?.outgoing.properties.replyTo).toBe("results");
    flight?.land();
    await sent;
  });

  test("declares once for many, and anew on another connection", async () => {
    const all = setup();
    const sent = numbered(3).map((id) => all.send(id));
    await all.settle();
    expect(all.declared).toEqual(["q"]);
    all.link.lose();
    all.link.up();
    await all.settle();
    expect(all.declared).toEqual(["q", "q"]);
    for (const flight of all.link.flights) flight.land();
    await Promise.all(sent);
  });

  test("waits for a broker that is not there yet", async () => {
    const all = setup({ isUp: false });
    const sent = all.send("one");
    await all.settle();
    expect(all.declared).toEqual([]);
    all.link.up();
    await all.settle();
    all.link.flights[0]?.land();
    await sent;
  });

  test("is rejected with the broker's words where the declaration is refused", async () => {
    const all = setup();
    all.refuses.set("q", new AmqpRefused(406, "it differs"));
    await expect(all.send("one")).rejects.toMatchObject({ replyCode: 406 });
    expect(all.ids()).toEqual([]);
  });

  test("of a queue that a worker has for itself goes out, though the declaration is refused", async () => {
    const all = setup();
    all.refuses.set("q", new AmqpRefused(405, "RESOURCE_LOCKED"));
    const sent = all.send("one", { options: { exclusive: true } });
    await all.settle();
    all.link.flights[0]?.land();
    await sent;
    await expect(all.send("two")).rejects.toMatchObject({ replyCode: 405 });
  });

  test("that would cost the connection is not declared again for a minute", async () => {
    const all = setup();
    all.refuses.set("q", new AmqpRefused(503, "unknown exchange type"));
    await expect(all.send("one")).rejects.toMatchObject({ replyCode: 503 });
    await expect(all.send("two")).rejects.toMatchObject({ replyCode: 503 });
    expect(all.declared).toHaveLength(1);
    await all.clock.advance(60_000);
    await expect(all.send("three")).rejects.toMatchObject({ replyCode: 503 });
    expect(all.declared).toHaveLength(2);
  });

  test("to an exchange of headers carries what the queue is bound with, but how to compare", async () => {
    const all = setup();
    const options = { binding_arguments: { "x-match": "all", kind: "import" } };
    const sent = all.send("one", { exchangeType: "headers", options });
    await all.settle();
    const headers = all.link.flights[0]?.outgoing.properties.headers;
    expect([headers?.["kind"], headers?.["x-match"], headers?.["id"]]).toEqual(["import", undefined, "one"]);
    all.link.flights[0]?.land();
    await sent;
  });

  test("whose headers do not fit is refused alone", async () => {
    const all = setup();
    const [bad, good] = [outcome(all.send("bad")), all.send("good")];
    await all.settle();
    all.link.flights[0]?.fail(new RangeError("out of bounds"));
    all.link.flights[0]?.land();
    expect(await bad).toMatchObject({ code: "invalid" });
    await good;
  });

  test("of an id that is on its way joins the first", async () => {
    const all = setup();
    const sent = [all.send("one"), all.send("one", { forMs: 100 })];
    await all.settle();
    expect(all.ids()).toEqual(["one"]);
    all.link.flights[0]?.land();
    await Promise.all(sent);
  });

  test("of an id that was taken is another message", async () => {
    const all = setup();
    for (const _ of numbered(2)) {
      const sent = all.send("one");
      await all.settle();
      all.link.flights[0]?.land();
      await sent;
    }
  });
});

describe("many sends", () => {
  test("keep their order, and no more are on their way than the window holds", async () => {
    const all = setup();
    const sent = numbered(1_000).map((id) => all.send(id));
    const taken: string[] = [];
    while (taken.length < 1_000) {
      await all.settle();
      expect(all.link.flights.length).toBe(Math.min(WINDOW, 1_000 - taken.length));
      for (const flight of all.link.flights.slice(0, 100)) {
        taken.push(flight.id);
        flight.land();
      }
    }
    await Promise.all(sent);
    expect(taken).toEqual(numbered(1_000));
  });

  test("of large messages are fewer at a time; one that is too large for the window goes alone", async () => {
    const all = setup();
    const sizes = [5 * 2 ** 20, 4 * 2 ** 20, 20 * 2 ** 20, 10];
    const sent = sizes.map((bytes, i) => all.send(`m${i}`, { bytes }));
    for (const id of ["m0", "m1", "m2", "m3"]) {
      await all.settle();
      expect(all.ids()).toEqual([id]);
      all.link.flights[0]?.land();
    }
    await Promise.all(sent);
  });

  test("are bounded in number: one too many is refused at once", async () => {
    const all = setup({ isUp: false });
    const held = numbered(10_000).map((id) => outcome(all.send(id)));
    await expect(all.send("more")).rejects.toBeInstanceOf(Overloaded);
    await all.sender.stop(all.clock.now());
    expect(await held[9_999]).toBeInstanceOf(AmqpAway);
  });

  test("are bounded in bytes; a larger body is taken where nothing else waits", async () => {
    const all = setup({ isUp: false });
    const large = outcome(all.send("large", { bytes: 65 * 2 ** 20 }));
    await expect(all.send("small")).rejects.toBeInstanceOf(Overloaded);
    await all.sender.stop(all.clock.now());
    expect(await large).toBeInstanceOf(AmqpAway);
  });

  test("that have ended, one way or the other, make room", async () => {
    const all = setup();
    for (const round of numbered(3)) {
      const sent = [all.send(`${round}a`, { bytes: 40 * 2 ** 20 }), all.send(`${round}b`, { bytes: 20 * 2 ** 20 })];
      const [, second] = sent.map(outcome);
      await all.settle();
      all.link.flights[0]?.land();
      await sent[0];
      all.link.away("it is gone");
      await all.clock.advance(10_000);
      expect(await second).toBeInstanceOf(AmqpAway);
      all.link.closeChannel(new AmqpAway("it is gone"));
      all.link.up();
    }
  });
});

describe("a send whose time is over", () => {
  test("is rejected with why the broker is away, and goes out no more", async () => {
    const all = setup({ isUp: false });
    all.link.away("it is gone");
    const reason = reasonOf(all.send("one"));
    await all.clock.advance(10_000);
    expect(await reason).toBe("it is gone");
    all.link.up();
    await all.settle();
    expect(all.ids()).toEqual([]);
  });

  test("and that is on its way is not published again; a second send of it joins what is there", async () => {
    const all = setup();
    const late = reasonOf(all.send("one"));
    await all.clock.advance(10_000);
    expect(await late).toBe("it did not confirm a message in time");
    const second = all.send("one");
    await all.settle();
    expect(all.ids()).toEqual(["one"]);
    all.link.flights[0]?.land();
    await second;
  });

  test("and that is on its way when the connection is lost is forgotten", async () => {
    const all = setup();
    const late = reasonOf(all.send("one"));
    await all.clock.advance(10_000);
    await late;
    all.link.lose();
    all.link.up();
    await all.settle();
    expect(all.ids()).toEqual([]);
  });

  test("is rejected at once where the login is refused", async () => {
    const all = setup({ isUp: false });
    const reason = reasonOf(all.send("one"));
    all.link.away("ACCESS_REFUSED", true);
    expect(await reason).toBe("ACCESS_REFUSED");
    await expect(all.send("two")).rejects.toMatchObject({ refused: true });
  });

  test("that is taken when nobody waits any more is told of", async () => {
    const all = setup();
    const late = reasonOf(all.send("one"));
    await all.settle();
    await all.clock.advance(10_000);
    await late;
    expect(all.takenLate).toEqual([]);
    all.link.flights[0]?.land();
    await all.settle();
    expect(all.takenLate).toEqual(["one"]);
    expect(all.sender.isIdle).toBe(true);
  });

  test("may have been taken where it was published, and was not where it never was", async () => {
    const all = setup();
    const published = all.send("one").catch((error: unknown) => error);
    await all.settle();
    all.link.lose();
    const waiting = all.send("two").catch((error: unknown) => error);
    await all.clock.advance(10_000);
    expect(await published).toBeInstanceOf(MaybeSent);
    expect(await waiting).toBeInstanceOf(AmqpAway);
    expect(await waiting).not.toBeInstanceOf(MaybeSent);
  });

  test("by a stop had until its deadline", async () => {
    const all = setup();
    const [kept, lost] = [all.send("kept"), reasonOf(all.send("lost", { forMs: 60_000 }))];
    await all.settle();
    const stopping = all.sender.stop(all.clock.now() + 5_000);
    expect(await reasonOf(all.send("new"))).toBe("the connection was stopped");
    all.link.flights[0]?.land();
    await kept;
    await all.clock.advance(5_000);
    await stopping;
    expect(await lost).toBe("the connection was stopped");
  });

  test("does not end with a stop where the broker comes back in time", async () => {
    const all = setup({ isUp: false });
    const sent = all.send("one");
    const stopping = all.sender.stop(all.clock.now() + 5_000);
    all.link.up();
    await all.settle();
    all.link.flights[0]?.land();
    await sent;
    await stopping;
  });

  test("does not hold up a stop", async () => {
    const all = setup();
    const late = reasonOf(all.send("one"));
    await all.clock.advance(10_000);
    await late;
    await all.sender.stop(all.clock.now() + 60_000);
  });
});

describe("when the connection is lost", () => {
  test("what was not confirmed goes out again, in order and before the rest; what was confirmed does not", async () => {
    const all = setup();
    const sent = numbered(WINDOW + 10).map((id) => all.send(id));
    await all.settle();
    for (const flight of all.link.flights.slice(0, 5)) flight.land();
    await all.settle();
    all.link.lose();
    all.link.up();
    await all.settle();
    expect(all.ids()).toEqual(numbered(WINDOW + 5).slice(5));
    while (all.link.flights.length > 0) {
      all.link.flights[0]?.land();
      await all.settle();
    }
    await Promise.all(sent);
  });

  test("a verdict over the old channel is not taken for one over the new", async () => {
    const all = setup();
    const sent = all.send("one");
    await all.settle();
    const [old] = all.link.flights;
    all.link.lose();
    all.link.up();
    await all.settle();
    old?.land({ is: "refused" });
    await all.settle();
    expect(all.ids()).toEqual(["one"]);
    all.link.flights[0]?.land();
    await sent;
  });

  test("nothing is published to a broker that blocks, and nothing again when it goes on", async () => {
    const all = setup();
    const first = all.send("one");
    await all.settle();
    all.link.away("it accepts no messages now: low on memory");
    const second = all.send("two");
    await all.settle();
    expect(all.ids()).toEqual(["one"]);
    all.link.up();
    await all.settle();
    expect([all.ids(), all.link.channels]).toEqual([["one", "two"], 1]);
    for (const flight of all.link.flights) flight.land();
    await Promise.all([first, second]);
  });

  test("a channel that cannot be opened is tried again", async () => {
    const all = setup({ isUp: false });
    all.link.refuses = new AmqpAway("no answer within 5 s");
    all.link.up();
    const sent = all.send("one");
    await all.settle();
    all.link.refuses = undefined;
    await all.clock.advance(1_000);
    all.link.flights[0]?.land();
    await sent;
  });
});

describe("a message for which there is no way", () => {
  const NO_ROUTE: Published = { is: "returned", replyCode: 312, replyText: "NO_ROUTE" };

  test("is tried again once after its queue was declared anew", async () => {
    const all = setup();
    const sent = all.send("one");
    await all.settle();
    all.link.flights[0]?.land(NO_ROUTE);
    await all.settle();
    expect(all.declared).toEqual(["q", "q"]);
    all.link.flights[0]?.land();
    await sent;
  });

  test("is refused the second time", async () => {
    const all = setup();
    const sent = outcome(all.send("one"));
    for (const _ of numbered(2)) {
      await all.settle();
      all.link.flights[0]?.land(NO_ROUTE);
    }
    expect(await sent).toMatchObject({ replyCode: 312, replyText: "NO_ROUTE" });
  });

  test("has the queue declared once, however many there are", async () => {
    const all = setup();
    const sent = numbered(100).map((id) => all.send(id));
    await all.settle();
    for (const flight of all.link.flights) flight.land(NO_ROUTE);
    await all.settle();
    expect(all.declared).toEqual(["q", "q"]);
    for (const flight of all.link.flights) flight.land();
    await Promise.all(sent);
  });
});

describe("a message that the broker does not want now", () => {
  test("is tried again after a moment, and holds up nothing else", async () => {
    const all = setup();
    const [refused, other] = [all.send("refused"), all.send("other", { name: "r" })];
    await all.settle();
    all.link.flights[0]?.land({ is: "refused" });
    all.link.flights[0]?.land();
    await other;
    await all.clock.advance(1_000);
    all.link.flights[0]?.land();
    await refused;
  });

  test("is given up when its time is over, and the reason names the queue", async () => {
    const all = setup();
    const reason = reasonOf(all.send("one", { forMs: 5_000 }));
    for (const _ of numbered(5)) {
      await all.settle();
      all.link.flights[0]?.land({ is: "refused" });
      await all.clock.advance(1_000);
    }
    expect(await reason).toBe('the broker takes no message for queue "q" now: is it full (x-max-length)?');
  });
});

describe("when the broker closes the channel because of a message", () => {
  const TOO_LARGE = new AmqpRefused(406, "PRECONDITION_FAILED - message size is larger than configured max size");

  test("each of those on their way is tried alone, and only the one that does it again is refused", async () => {
    const all = setup();
    const sent = numbered(4).map((id) => outcome(all.send(id)));
    await all.settle();
    all.link.closeChannel(TOO_LARGE);
    for (const id of ["m0", "m1", "m2", "m3"]) {
      await all.settle();
      expect(all.ids()).toEqual([id]);
      if (id === "m2") all.link.closeChannel(TOO_LARGE);
      else all.link.flights[0]?.land();
    }
    expect(await Promise.all(sent)).toEqual(["sent", "sent", TOO_LARGE, "sent"]);
    expect(all.link.channels).toBe(3);
  });

  test("who is told apart by the size that the broker names is the only one tried alone", async () => {
    const all = setup();
    const sent = [outcome(all.send("a")), outcome(all.send("large", { bytes: 5_000 })), outcome(all.send("b"))];
    await all.settle();
    const size = all.link.flights[1]?.outgoing.body.byteLength;
    const words = new AmqpRefused(
      406,
      `PRECONDITION_FAILED - message size ${size} is larger than configured max size 4000`,
    );
    all.link.closeChannel(words);
    await all.settle();
    expect(all.ids()).toEqual(["a", "b"]);
    for (const flight of all.link.flights) flight.land();
    expect(await Promise.all(sent)).toEqual(["sent", words, "sent"]);
  });

  test("a missing exchange is declared anew", async () => {
    const all = setup();
    const sent = numbered(3).map((id) => all.send(id));
    await all.settle();
    all.link.closeChannel(NO_EXCHANGE);
    for (const _ of numbered(3)) {
      await all.settle();
      all.link.flights[0]?.land();
    }
    await Promise.all(sent);
    expect([all.declared, all.link.channels]).toEqual([["q", "q"], 2]);
  });

  test("one whose exchange is missing again is refused", async () => {
    const all = setup();
    const sent = outcome(all.send("one"));
    for (const _ of numbered(2)) {
      await all.settle();
      all.link.closeChannel(NO_EXCHANGE);
    }
    expect(await sent).toBe(NO_EXCHANGE);
  });

  test("those that waited behind are sent as ever once the suspects are through", async () => {
    const all = setup();
    const sent = numbered(2).map((id) => all.send(id));
    await all.settle();
    all.link.closeChannel(TOO_LARGE);
    sent.push(...["n0", "n1"].map((id) => all.send(id)));
    for (const ids of [["m0"], ["m1"], ["n0", "n1"]]) {
      await all.settle();
      expect(all.ids()).toEqual(ids);
      for (const flight of all.link.flights) flight.land();
    }
    await Promise.all(sent);
  });
});
