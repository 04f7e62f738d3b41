import { describe, expect, test } from "bun:test";
import { appId, queueId, type Definition } from "../domain/definition.ts";
import { nextVersion, versionsBefore, type Version } from "../domain/version.ts";
import { silentLog } from "../kit/log.ts";
import { appOf, queueOf } from "../store/test-support.ts";
import { TestBranch } from "../supervisor/test-support.ts";
import { RemoteDefinitions } from "./remote-definitions.ts";

const S = 1000;

/** A branch, and what another one changes, each change later than the one before. */
class Remote implements AsyncDisposable {
  readonly branch = new TestBranch();
  readonly #taker: RemoteDefinitions;
  #latest: Version | undefined;

  constructor() {
    const { store, clock, supervisor, broker } = this.branch;
    store.settings.set("branch_id", "b1");
    const parts = { store, clock, supervisor, owners: { refresh: async () => {} }, defaultBroker: broker.broker };
    this.#taker = new RemoteDefinitions(parts, silentLog);
  }

  get store() {
    return this.branch.store;
  }

  app(name: string, fields: Parameters<typeof appOf>[1] = {}, deletedVersion: Version | null = null): Definition {
    return { ...appId(name), kind: "app", ...this.#stamp(deletedVersion), value: appOf(name, fields) };
  }

  queue(app: string, name: string, fields: Parameters<typeof queueOf>[2] = {}): Definition {
    return { ...queueId(app, name), kind: "queue", ...this.#stamp(null), value: queueOf(app, name, fields) };
  }

  /** The deletion of what is given, made now. */
  deleted(definition: Definition): Definition {
    const { version, ancestry } = this.#stamp(null);
    return { ...definition, version, deletedVersion: version, ancestry, value: null };
  }

  async take(...definitions: Definition[]): Promise<void> {
    this.#taker.take(definitions);
    await this.branch.clock.advance(S);
  }

  async takeInstead(...definitions: Definition[]): Promise<void> {
    this.#taker.takeInstead(definitions, definitions);
    await this.branch.clock.advance(S);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.branch[Symbol.asyncDispose]();
  }

  #stamp(deletedVersion: Version | null) {
    this.#latest = nextVersion(this.#latest, this.branch.clock.now(), "b2");
    return { version: this.#latest, deletedVersion, ancestry: {} };
  }
}

describe("take()", () => {
  test("keeps what is newer, in whatever order it comes", async () => {
    await using remote = new Remote();
    const [app, queue] = [remote.app("mail"), remote.queue("mail", "q")];
    const [newApp, newQueue] = [
      remote.app("mail", { arguments: "-A x" }),
      remote.queue("mail", "q", { exchange: "x" }),
    ];
    await remote.take(newQueue, newApp);
    await remote.take(queue, app);
    expect(remote.store.apps.get("mail")?.arguments).toBe("-A x");
    expect(remote.store.queues.get("mail", "q")?.exchange).toBe("x");
  });

  test("does nothing the second time", async () => {
    await using remote = new Remote();
    const all = [remote.app("mail"), remote.queue("mail", "q")];
    await remote.take(...all);
    await remote.branch.add("web", { queues: ["q"] }, "mail");
    await remote.branch.clock.advance(S);
    remote.branch.processes.did.length = 0;
    await remote.take(...all);
    expect(remote.branch.processes.did).toEqual([]);
  });

  test("leaves a queue alone whose app is not there, or was deleted since", async () => {
    await using remote = new Remote();
    const [app, queue] = [remote.app("mail"), remote.queue("mail", "q")];
    await remote.take(queue);
    const deleted = remote.deleted(app);
    await remote.take(deleted, queue);
    await remote.take(remote.app("mail", {}, deleted.version), queue);
    expect(remote.store.queues.names("mail")).toEqual([]);
    expect(remote.store.definitions.all().map(({ key }) => key)).toEqual(["mail"]);
  });

  test("does not bring back what was deleted later", async () => {
    await using remote = new Remote();
    const [app, queue] = [remote.app("mail"), remote.queue("mail", "q")];
    await remote.take(app, queue, remote.deleted(queue));
    await remote.take(queue);
    expect(remote.store.queues.names("mail")).toEqual([]);
    await remote.take(remote.deleted(app));
    await remote.take(app);
    expect(remote.store.apps.get("mail")).toBeUndefined();
  });

  test("begins an app anew while its instances are still being stopped, without its old queues", async () => {
    await using remote = new Remote();
    const [app, queue] = [remote.app("mail"), remote.queue("mail", "q")];
    await remote.take(app, queue);
    remote.branch.processes.next = { isBusy: true };
    await remote.branch.add("web", { queues: ["q"] }, "mail");
    const deleted = remote.deleted(app);
    await remote.take(deleted);
    expect(remote.store.apps.get("mail")?.isDeleted).toBe(true);
    await remote.take(remote.app("mail", { arguments: "-A x" }, deleted.version));
    expect(remote.store.apps.get("mail")).toMatchObject({ isDeleted: false, arguments: "-A x" });
    expect(remote.store.queues.names("mail")).toEqual([]);
    expect(remote.branch.instance("web").isDeleted).toBe(true);
  });

  test("forgets a deletion that others should have forgotten", async () => {
    await using remote = new Remote();
    const old = `${versionsBefore(S)}-000000-b2`;
    await remote.take({ ...remote.deleted(remote.app("mail")), version: old, deletedVersion: old });
    expect(remote.store.definitions.all()).toEqual([]);
  });
});

describe("takeInstead()", () => {
  test("takes an older change for a newer one, and keeps what instances consume from", async () => {
    await using remote = new Remote();
    const [app, queue] = [remote.app("mail"), remote.queue("mail", "q")];
    const [newApp, newQueue] = [
      remote.app("mail", { arguments: "-A x" }),
      remote.queue("mail", "q", { exchange: "x" }),
    ];
    await remote.take(newApp, newQueue);
    await remote.branch.add("web", { queues: ["q"] }, "mail");
    await remote.takeInstead(app, queue);
    expect(remote.store.apps.get("mail")?.arguments).toBeNull();
    expect(remote.store.queues.get("mail", "q")?.exchange).toBe("q");
    expect(remote.branch.instance("web").queues).toEqual(["q"]);
  });

  test("leaves nothing of what is not among it but instances, which are disabled and can be deleted", async () => {
    await using remote = new Remote();
    await remote.take(remote.app("mail"), remote.queue("mail", "q"), remote.app("empty"));
    await remote.branch.add("web", { queues: ["q"] }, "mail");
    await remote.branch.clock.advance(S);
    await remote.takeInstead(remote.app("post"));
    expect(remote.store.apps.names()).toEqual(["post", "shop"]);
    expect(remote.store.apps.get("empty")).toBeUndefined();
    expect(remote.branch.instance("web")).toMatchObject({ isEnabled: false, queues: [] });
    await remote.branch.wish("web", { isDeleted: true });
    await remote.branch.clock.advance(S);
    expect(remote.store.apps.get("mail")).toBeUndefined();
  });
});
