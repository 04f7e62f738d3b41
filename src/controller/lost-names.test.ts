import { afterEach, describe, expect, test } from "bun:test";
import { Cluster } from "../cluster/cluster.ts";
import { Owners } from "../cluster/owners.ts";
import { rowsToJson, type BranchRow } from "../cluster/rows.ts";
import { ManualClock } from "../kit/clock.ts";
import { silentLog, type Fields, type Log } from "../kit/log.ts";
import { openDatabase } from "../store/database.ts";
import { migrations } from "../store/migrations/index.ts";
import { Store } from "../store/store.ts";
import { appOf, instanceOf, scratchFolder } from "../store/test-support.ts";
import { LostNames } from "./lost-names.ts";

const NOW_MS = 1_700_000_000_000;
const disposables: Disposable[] = [];
afterEach(() => {
  for (const disposable of disposables.splice(0).toReversed()) disposable[Symbol.dispose]();
});

/** The store of branch `one`, which was upgraded with the instance `web`. */
function upgradedStore(): Store {
  const folder = scratchFolder();
  const path = folder.file("branch.db");
  const { client } = openDatabase(
    path,
    migrations.filter(({ tag }) => tag < "0002"),
  );
  client.run("INSERT INTO settings VALUES ('branch_id', 'one')");
  client.run("INSERT INTO apps (name, is_deleted, created_at) VALUES ('shop', 0, 5)");
  client.run(`INSERT INTO instances (name, app, pool, max_concurrency, min_concurrency, is_enabled, is_held, is_deleted,
    restart_seq, is_rolling, created_at) VALUES ('web', 'shop', 'solo', 1, 1, 1, 0, 0, 0, 0, 8)`);
  client.close();
  return opened(new Store(path), folder);
}

/** The store of a branch `one` that began as one of several, with the instance `web`. */
function newStore(): Store {
  const store = opened(new Store(":memory:"));
  store.settings.set("branch_id", "one");
  store.apps.put(appOf("shop"));
  store.instances.put(instanceOf("shop", "web"));
  return store;
}

function opened(store: Store, folder?: Disposable): Store {
  if (folder) disposables.push(folder);
  disposables.push({ [Symbol.dispose]: () => store.close() });
  return store;
}

/** A branch as far as names go. */
function branchOf(store: Store) {
  const clock = new ManualClock();
  const warnings: Fields[] = [];
  const woken: string[] = [];
  const log: Log = { ...silentLog, warning: (_message, fields = {}) => void warnings.push(fields), with: () => log };
  const cluster = new Cluster({ store, clock, log: silentLog, branchId: "one", openBus: undefined });
  const owners = new Owners({ store, clock, log: silentLog, cluster, random: () => 0 });
  const supervisor = { wake: (name: string) => void woken.push(name) };
  const names = new LostNames({ store, clock, log, supervisor, instanceDir: "/inst" });
  owners.onLost((name, to) => names.lost(name, to));
  owners.refresh();
  return {
    warnings,
    woken,
    /** Branch `two` tells that it has `web`, added a moment ago. */
    tell(...branches: BranchRow[]): void {
      const version = store.nextVersion(NOW_MS).replace("-one", "-two");
      const owner = { name: "web", app: "shop", branch: "two", version, isDeleted: false };
      owners.take(rowsToJson({ owners: [owner], branches }));
    },
    refresh: () => owners.refresh(),
  };
}

describe("an instance whose name another branch has by now", () => {
  test("is disabled, and that is told once, in the log and in its history", () => {
    const store = newStore();
    const branch = branchOf(store);
    branch.tell();
    branch.refresh();
    const disabledReason = 'its name belongs to branch "two" by now';
    expect(store.instances.get("web")).toMatchObject({ isEnabled: false, disabledReason });
    expect(branch.woken).toEqual(["web"]);
    expect(branch.warnings).toEqual([{ instance: "web", app: "shop", branch: "two" }]);
    expect(store.history.of("web")).toMatchObject([
      { did: "disabled", why: disabledReason, evidence: { branch: "two" } },
    ]);
  });

  test("stays as it is where it was there before clusters, and what to do is told once, in the log and in its history", () => {
    const store = upgradedStore();
    const branch = branchOf(store);
    branch.tell();
    branch.refresh();
    expect(store.instances.get("web")).toMatchObject({ isEnabled: true, disabledReason: null });
    expect(branch.woken).toEqual([]);
    expect(branch.warnings).toEqual([
      { instance: "web", app: "shop", branch: "two", delete: "cyme -L -D /inst -a shop instances.delete web" },
    ]);
    expect(store.history.of("web")).toMatchObject([{ did: "kept", evidence: { branch: "two" } }]);
  });

  test("is warned of again after a restart of its branch, and not recorded again", () => {
    const store = upgradedStore();
    branchOf(store).tell();
    expect(branchOf(store).warnings.length).toBe(1);
    expect(store.history.of("web").length).toBe(1);
  });

  test("is disabled where its branch was forgotten meanwhile, also when it was there before clusters", () => {
    const store = upgradedStore();
    const branch = branchOf(store);
    branch.tell({ id: "one", url: null, isForgotten: true, version: store.nextVersion(NOW_MS) });
    expect(store.instances.get("web")?.isEnabled).toBe(false);
  });
});

test("the name of an instance from before clusters is the cluster's once it was deleted", () => {
  const store = upgradedStore();
  expect(store.earlyInstances.get("web")).toEqual({ name: "web", rival: null });
  store.instances.remove("web");
  expect(store.earlyInstances.get("web")).toBeUndefined();
});
