import type { AppDetail } from "../controller/apps.ts";
import type { Controller } from "../controller/controller.ts";
import type { Status } from "../controller/instances.ts";
import type { Wishes } from "../controller/live.ts";
import type { Broker } from "../domain/broker.ts";
import type { Instance } from "../domain/instance.ts";
import type { Queue } from "../domain/queue.ts";
import type { Clock } from "../kit/clock.ts";
import { LiveItem, NO_ITEMS, renewed, type LiveItems } from "./live-items.ts";
import { appView, branchView, healthView, instanceView, queueView } from "./views.ts";

export interface OwnParts {
  readonly controller: Pick<Controller, "live" | "branches" | "health" | "depths">;
  readonly brokerOf: (detail: { app: string; broker: Broker | null }) => Broker;
  readonly clock: Clock;
}

/** What changes without anybody doing anything, as the load, is looked at so often. */
const SELDOM_MS = 5_000;

/** The instances of this branch and itself: what it tells other branches too. */
export class OwnItems {
  readonly #parts: OwnParts;
  readonly #shown = new Map<
    string,
    { readonly instance: Instance; readonly status: Status; readonly item: LiveItem }
  >();
  readonly #branch: Seldom;
  #items: LiveItems = NO_ITEMS;

  constructor(parts: OwnParts) {
    this.#parts = parts;
    this.#branch = new Seldom(parts.clock, () => {
      const view = branchView(parts.controller.branches.own());
      return new LiveItem("branch", { id: view.id }, { ...view, is_up: true });
    });
  }

  /** The same map as before where nothing changed. */
  look(): LiveItems {
    const { instances } = this.#parts.controller.live.wishes();
    const items = instances.flatMap((instance) => this.#show(instance) ?? []);
    this.#items = renewed(this.#items, [this.#branch.item(), ...items]);
    if (this.#shown.size > items.length) this.#forgetAllBut(new Set(items));
    return this.#items;
  }

  /** Undefined before the first look at it, a moment after it was added or the branch has started. */
  #show(instance: Instance): LiveItem | undefined {
    const { controller, brokerOf } = this.#parts;
    const { name } = instance;
    const status = controller.live.seen(name);
    if (!status) return undefined;
    const known = this.#shown.get(name);
    if (known?.instance === instance && known.status === status) return known.item;
    const view = instanceView({ instance, status }, controller.live.branchId, brokerOf(instance));
    const item = new LiveItem("instance", { name }, view);
    this.#shown.set(name, { instance, status, item });
    return item;
  }

  #forgetAllBut(items: ReadonlySet<LiveItem>): void {
    for (const [name, { item }] of this.#shown) if (!items.has(item)) this.#shown.delete(name);
  }
}

/** Apps and queues, which are the same on every branch, with what their broker counts, and how this branch does. */
export class SharedItems {
  readonly #parts: OwnParts;
  readonly #health: Seldom;
  #wishes: Wishes | undefined;
  #counts: object | undefined;
  #definitions: readonly LiveItem[] = [];
  #items: LiveItems = NO_ITEMS;

  constructor(parts: OwnParts) {
    this.#parts = parts;
    this.#health = new Seldom(
      parts.clock,
      () => new LiveItem("health", {}, healthView(parts.controller.health.report())),
    );
  }

  /** The same map as before where nothing changed. */
  look(): LiveItems {
    const { live, depths } = this.#parts.controller;
    const wishes = live.wishes();
    const { counts } = depths;
    if (this.#wishes !== wishes || this.#counts !== counts) {
      this.#definitions = [
        ...wishes.apps.map((detail) => this.#showApp(detail)),
        ...wishes.queues.map((queue) => this.#showQueue(queue)),
      ];
    }
    this.#wishes = wishes;
    this.#counts = counts;
    this.#items = renewed(this.#items, [...this.#definitions, this.#health.item()]);
    return this.#items;
  }

  #showApp(detail: AppDetail): LiveItem {
    const { broker, name } = detail.app;
    const { instances: _instances, ...view } = appView(detail, this.#parts.brokerOf({ app: "", broker }));
    return new LiveItem("app", { name }, view);
  }

  #showQueue(queue: Queue): LiveItem {
    const { app, name } = queue;
    const count = this.#parts.controller.depths.of(app, name);
    const counted = { messages: count?.messages ?? null, consumers: count?.consumers ?? null };
    return new LiveItem("queue", { app, name }, { app, ...queueView(queue), ...counted });
  }
}

/** An item that is made anew only now and then. */
class Seldom {
  readonly #clock: Clock;
  readonly #make: () => LiveItem;
  #made: { readonly atMs: number; readonly item: LiveItem } | undefined;

  constructor(clock: Clock, make: () => LiveItem) {
    this.#clock = clock;
    this.#make = make;
  }

  item(): LiveItem {
    const nowMs = this.#clock.now();
    // Also where the clock was set back.
    if (this.#made && Math.abs(nowMs - this.#made.atMs) < SELDOM_MS) return this.#made.item;
    const item = this.#make();
    this.#made = { atMs: nowMs, item };
    return item;
  }
}
