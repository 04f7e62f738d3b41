import { afterEach, describe, expect, test } from "bun:test";
import { Cluster } from "../cluster/cluster.ts";
import { Owners } from "../cluster/owners.ts";
import { ManualClock } from "../kit/clock.ts";
import { silentLog } from "../kit/log.ts";
import { openDatabase } from "../store/database.ts";
import { migrations } from "../store/migrations/index.ts";
import { Store } from "../store/store.ts";
import { scratchFolder } from "../store/test-support.ts";
import { settleBranchId } from "./compose.ts";

const opened: Store[] = [];
afterEach(() => {
  for (const store of opened.splice(0)) store.close();
});

function open(path: string): Store {
  const store = new Store(path);
  opened.push(store);
  return store;
}

/** The database of a branch `one` from before clusters, with the instance `web`. */
function oldDatabase(path: string): void {
  const { client } = openDatabase(
    path,
    migrations.filter(({ tag }) => tag < "0002"),
  );
  client.run("INSERT INTO settings VALUES ('branch_id', 'one')");
  client.run("INSERT INTO apps (name, is_deleted, created_at) VALUES ('shop', 0, 5)");
  client.run(`INSERT INTO instances (name, app, pool, max_concurrency, min_concurrency, is_enabled, is_held, is_deleted,
    restart_seq, is_rolling, created_at) VALUES ('web', 'shop', 'solo', 1, 1, 1, 0, 0, 0, 0, 8)`);
  client.close();
}

/** The names that a branch of that store takes for lost to another one. */
function lostNames(store: Store, branchId: string): string[] {
  const parts = { store, clock: new ManualClock(), log: silentLog };
  const owners = new Owners({
    ...parts,
    cluster: new Cluster({ ...parts, branchId, openBus: undefined }),
    random: () => 0,
  });
  const lost: string[] = [];
  owners.onLost((name) => lost.push(name));
  owners.refresh();
  return lost;
}

describe("settleBranchId()", () => {
  test("gives the stored id where none is asked for", () => {
    const store = open(":memory:");
    expect(settleBranchId(store, "one", 0, silentLog)).toBe("one");
    expect(settleBranchId(store, undefined, 0, silentLog)).toBe("one");
  });

  test("of another id leaves the branch its instances, also in a database from before clusters", () => {
    using folder = scratchFolder();
    oldDatabase(folder.file("branch.db"));
    const store = open(folder.file("branch.db"));
    expect(settleBranchId(store, "two", 0, silentLog)).toBe("two");
    expect(lostNames(store, "two")).toEqual([]);
    expect(store.owners.get("web")?.branch).toBe("two");
  });

  test("of another id takes no name that was given to another branch meanwhile", () => {
    const store = open(":memory:");
    settleBranchId(store, "one", 0, silentLog);
    const owner = { name: "web", app: "shop", branch: "one", version: store.nextVersion(5), isDeleted: false };
    store.owners.put(owner);
    const given = { ...owner, branch: "three", version: store.nextVersion(6) };
    settleBranchId(store, "two", 0, silentLog);
    expect(store.owners.putNewer(owner)).toBe(false);
    expect(store.owners.putNewer(given)).toBe(true);
  });

  test("leaves other branches what is theirs", () => {
    const store = open(":memory:");
    settleBranchId(store, "one", 0, silentLog);
    const owner = { name: "web", app: "shop", branch: "three", version: store.nextVersion(5), isDeleted: false };
    store.owners.put(owner);
    settleBranchId(store, "two", 0, silentLog);
    expect(store.owners.get("web")).toEqual(owner);
  });
});
