import type { CymeError } from "../domain/errors.ts";
import type { Bus, BusOptions, BusState, BusCallOptions, Gathered, Json, Member, MemberChange } from "./bus.ts";
import { Calls } from "./calls.ts";
import { Desk } from "./desk.ts";
import { Listeners } from "./listeners.ts";
import { Locks } from "./locks.ts";
import { parse, PROTOCOL, type Foreign } from "./messages.ts";
import { Announcer } from "./presence.ts";
import { Recent } from "./recent.ts";
import { Roll, type Listed } from "./roll.ts";
import type { Send, Wire } from "./wire.ts";

/** Kept from the time for a stop, to say goodbye. */
const GOODBYE_MS = 1_000;
const WARNED_OF = 100;

/** The bus over any wire: what branches say to each other, and what they make of it. */
export class WireBus implements Bus {
  readonly #options: BusOptions;
  readonly #incarnation: string;
  readonly #wire: Wire;
  readonly #roll: Roll;
  readonly #announcer: Announcer;
  readonly #calls: Calls;
  readonly #desk: Desk;
  readonly #locks: Locks;
  readonly #stateListeners: Listeners<[BusState]>;
  readonly #memberListeners: Listeners<[MemberChange, Member]>;
  readonly #warnedOf = new Recent(WARNED_OF);
  /** Who joined while nothing can be sent: told of when the bus is up, since whoever hears of them asks them. */
  readonly #untold = new Map<string, Member>();
  #state: BusState;
  #stopped: Promise<void> | undefined;
  #isRefused = false;
  #heard = 0;

  constructor(options: BusOptions, incarnation: string, wire: Wire) {
    const { self, clock, log, maxBytes } = options;
    this.#options = options;
    this.#incarnation = incarnation;
    this.#wire = wire;
    this.#state = { is: "connecting", sinceMs: clock.now() };
    this.#stateListeners = new Listeners(log);
    this.#memberListeners = new Listeners(log);
    this.#roll = new Roll(clock, (change, listed) => this.#onMember(change, listed));
    const roll = this.#roll;
    const announcer = new Announcer(
      {
        self,
        clock,
        log,
        wire,
        roll,
        onServing: () => this.#become({ is: "up" }),
        onRefused: (why) => this.#refused(why),
      },
      incarnation,
    );
    this.#announcer = announcer;
    const whyNot = () => this.#whyNot();
    const ownAddress = () => ({ inbox: wire.inbox, ear: wire.ear, incarnation });
    this.#calls = new Calls({ self: { id: self.id, incarnation }, maxBytes, clock, wire, roll, ownAddress, whyNot });
    this.#desk = new Desk({ ...options, wire, roll, isOurs: () => announcer.isOurs });
    this.#locks = new Locks({ clock, wire, whyNot });
  }

  get state(): BusState {
    return this.#state;
  }

  onState(listener: (state: BusState) => void): () => void {
    return this.#stateListeners.add(listener);
  }

  get turns(): number {
    return this.#state.is === "up" ? this.#heard : this.#wire.turns;
  }

  start(): void {
    this.#wire.start({
      onState: (state) => this.#onWire(state),
      onHeard: (body) => this.#onHeard(body),
      onRequest: (body, answer) => this.#onRequest(body, answer),
    });
  }

  stop(deadlineMs: number): Promise<void> {
    this.#stopped ??= this.#stop(deadlineMs);
    return this.#stopped;
  }

  members(): readonly Member[] {
    const byId = (a: Member, b: Member) => (a.id < b.id ? -1 : 1);
    return [...this.#roll.members(), this.#announcer.member].toSorted(byId);
  }

  onMember(listener: (change: MemberChange, member: Member) => void): () => void {
    return this.#memberListeners.add(listener);
  }

  announce(): void {
    this.#announcer.announce();
  }

  call(to: string, method: string, args: Json, timeoutMs: number, options?: BusCallOptions): Promise<Json> {
    return this.#calls.call(to, method, args, timeoutMs, options);
  }

  cast(to: string | null, method: string, args: Json): Promise<void> {
    return this.#calls.cast(to, method, args);
  }

  gather(to: readonly string[], method: string, args: Json, timeoutMs: number): Promise<Gathered> {
    return this.#calls.gather(to, method, args, timeoutMs);
  }

  withLock<T>(name: string, timeoutMs: number, work: (lost: AbortSignal) => Promise<T>): Promise<T> {
    return this.#locks.withLock(name, timeoutMs, work);
  }

  async #stop(deadlineMs: number): Promise<void> {
    await this.#desk.close(deadlineMs - GOODBYE_MS);
    await this.#before(deadlineMs, this.#announcer.sayGoodbye());
    await this.#wire.stop(deadlineMs);
    this.#lost("the bus was stopped");
    this.#roll.clear();
  }

  async #before(deadlineMs: number, work: Promise<void>): Promise<void> {
    const { clock } = this.#options;
    const enough = new AbortController();
    await Promise.race([work, clock.sleep(deadlineMs - clock.now(), enough.signal)]);
    enough.abort();
  }

  #onWire(state: BusState): void {
    if (this.#isRefused) return;
    if (state.is === "up") {
      if (this.#announcer.isServing) this.#become({ is: "up" });
      void this.#announcer.open();
    } else if (state.is === "away") {
      this.#announcer.close();
      this.#lost(state.reason ?? "the broker is away");
    }
  }

  #refused(why: CymeError): void {
    const { clock, log, onRefused } = this.#options;
    this.#isRefused = true;
    this.#roll.clear();
    this.#lost(why.message);
    // A moment for the goodbye, without which others would speak to us until they have missed our heartbeats.
    void this.#wire.stop(clock.now() + GOODBYE_MS);
    try {
      onRefused(why);
    } catch (error) {
      log.error("the refusal of this branch could not be told", { error });
    }
  }

  /** Nothing can be sent, and nothing that is waited for will come. */
  #lost(reason: string): void {
    this.#become({ is: "away", reason });
    this.#calls.lost(reason);
    this.#locks.lost(reason);
  }

  #become(next: Pick<BusState, "is" | "reason">): void {
    const { is, sinceMs, reason } = this.#state;
    if (is === next.is && reason === next.reason) return;
    this.#state = { ...next, sinceMs: is === next.is ? sinceMs : this.#options.clock.now() };
    // Before the state: who waits for that is to know by then whether there are others.
    if (next.is === "up") this.#tellUntold();
    this.#stateListeners.tell(this.#state);
  }

  #whyNot(): string | undefined {
    const { is, reason } = this.#state;
    if (is === "up") return undefined;
    return is === "away" && reason !== undefined ? reason : "this branch is not on the bus yet";
  }

  #onMember(change: MemberChange, listed: Listed): void {
    if (change !== "changed") this.#options.log.info("the cluster changed", { branch: listed.member.id, change });
    this.#tellMember(change, listed.member);
    if (change !== "left") return;
    this.#calls.left(listed);
    this.#desk.left(listed);
  }

  #tellMember(change: MemberChange, member: Member): void {
    const isUntold = this.#untold.has(member.id) || (change === "joined" && this.#state.is !== "up");
    if (!isUntold) return this.#memberListeners.tell(change, member);
    if (change === "left") this.#untold.delete(member.id);
    else this.#untold.set(member.id, member);
  }

  #tellUntold(): void {
    const untold = [...this.#untold.values()];
    this.#untold.clear();
    for (const member of untold) this.#memberListeners.tell("joined", member);
  }

  /** Presence, casts to everybody, answers, and what is said of calls on their way. */
  #onHeard(body: Uint8Array): void {
    this.#heard++;
    const message = parse(body);
    switch (message.kind) {
      case "presence":
      case "ask":
      case "goodbye":
        return this.#announcer.hear(message);
      case "answer":
      case "failure":
        return this.#calls.hear(message);
      case "ready":
        return this.#calls.isReady(message);
      case "go":
        return this.#desk.hear(message);
      case "cancel":
        return this.#desk.cancel(message);
      case "cast":
        if (message.incarnation !== this.#incarnation) void this.#desk.receive(message, noAnswer);
        return;
      case "foreign":
        return this.#hearForeign(message);
      case "call":
        return this.#dropped("a call has its place in the inbox", body);
      case "unreadable":
        return this.#dropped(message.why, body);
      default:
        message satisfies never;
    }
  }

  async #onRequest(body: Uint8Array, answer: Send): Promise<void> {
    const message = parse(body);
    switch (message.kind) {
      case "call":
      case "cast":
        return this.#desk.receive(message, answer);
      case "foreign":
        return this.#desk.receiveForeign(message, answer);
      case "unreadable":
        return this.#dropped(message.why, body);
      default:
        return this.#dropped(`a message of kind ${message.kind} has no place in the inbox`, body);
    }
  }

  #hearForeign(message: Foreign): void {
    this.#calls.hear(message);
    const { version } = message;
    if (!this.#warnedOf.add(String(version))) return;
    this.#options.log.warning("somebody speaks another version of the bus", { version, wanted: PROTOCOL });
  }

  #dropped(why: string, body: Uint8Array): void {
    this.#options.log.warning("a message on the bus cannot be read", { why, bytes: body.byteLength });
  }
}

/** Nobody waits for the answer to a cast. */
const noAnswer: Send = () => Promise.resolve("taken");
