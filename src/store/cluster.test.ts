import { describe, expect, test } from "bun:test";
import { appId, queueId } from "../domain/definition.ts";
import { parseVersion } from "../domain/version.ts";
import { openDatabase } from "./database.ts";
import { migrations } from "./migrations/index.ts";
import type { Owner } from "./owners.ts";
import { Store } from "./store.ts";
import { appOf, queueOf, scratchFolder } from "./test-support.ts";

const NOW_MS = 1_700_000_000_000;
const at = (ms: number, branch = "b1") => `${String(ms).padStart(15, "0")}-000000-${branch}`;
const NOTHING = { deletedVersion: null, ancestry: {} };

function newStore(): Store {
  const store = new Store(":memory:");
  store.settings.set("branch_id", "b1");
  return store;
}

const owner = (name: string, fields: Partial<Owner> = {}): Owner => ({
  name,
  app: "mail",
  branch: "b2",
  version: at(1),
  isDeleted: false,
  ...fields,
});

test("a database from before clusters says when and where its apps, queues and instances were made", () => {
  using folder = scratchFolder();
  const path = folder.file("branch.db");
  const { client } = openDatabase(
    path,
    migrations.filter(({ tag }) => tag < "0002"),
  );
  client.run("INSERT INTO settings VALUES ('branch_id', 'b1')");
  client.run("INSERT INTO apps (name, is_deleted, created_at) VALUES ('mail', 0, 5), ('going', 1, 6)");
  for (const app of ["mail", "going"]) {
    client.run(`INSERT INTO queues VALUES ('${app}', 'q', 'q', 'direct', 'q', NULL, 7)`);
    client.run(`INSERT INTO instances (name, app, pool, max_concurrency, min_concurrency, is_enabled, is_held, is_deleted,
      restart_seq, is_rolling, created_at) VALUES ('${app}1', '${app}', 'solo', 1, 1, 1, 0, 0, 0, 0, 8)`);
  }
  client.close();
  const store = new Store(path);
  expect(store.definitions.all()).toEqual([
    { ...appId("mail"), version: at(5), ...NOTHING },
    { ...queueId("mail", "q"), version: at(7), ...NOTHING },
  ]);
  // Also one whose app is being deleted: its name is not free before it is gone.
  expect(store.owners.all()).toEqual([
    owner("going1", { app: "going", branch: "b1", version: at(8) }),
    owner("mail1", { branch: "b1", version: at(8) }),
  ]);
  store.close();
});

describe("nextVersion()", () => {
  test("is this branch's, by the clock", () => {
    expect(newStore().nextVersion(NOW_MS)).toBe(at(NOW_MS));
  });

  test.each<[string, (store: Store) => void]>([
    ["definition", (store) => store.definitions.put({ ...appId("mail"), version: at(NOW_MS + 9, "b2"), ...NOTHING })],
    ["owner", (store) => store.owners.put(owner("web", { version: at(NOW_MS + 9, "b2") }))],
    [
      "branch",
      (store) =>
        store.knownBranches.put({
          id: "b2",
          url: null,
          lastSeenAtMs: null,
          isForgotten: false,
          version: at(NOW_MS + 9, "b2"),
        }),
    ],
  ])("is later than that of any %s", (_, put) => {
    const store = newStore();
    put(store);
    expect(store.nextVersion(NOW_MS)).toBe(`${String(NOW_MS + 9).padStart(15, "0")}-000001-b1`);
  });
});

describe("what is noted of a change", () => {
  test("is later with each, and knows those of others", () => {
    const store = newStore();
    store.definitions.put({ ...appId("mail"), version: at(NOW_MS + 9, "b2"), ...NOTHING });
    store.noteChanged(appId("mail"), NOW_MS);
    store.noteChanged(appId("mail"), NOW_MS);
    const known = store.definitions.get(appId("mail"));
    expect(known?.ancestry["b2"]).toBe(at(NOW_MS + 9, "b2"));
    expect(parseVersion(known?.version ?? "")).toEqual({ ms: NOW_MS + 9, counter: 2, branch: "b1" });
  });

  test("says what is deleted, and since when also of what was made anew", () => {
    const store = newStore();
    store.apps.put(appOf("mail"));
    store.noteChanged(appId("mail"), NOW_MS);
    expect(store.definition(appId("mail"))?.value).toEqual(appOf("mail"));
    store.noteDeleted(appId("mail"), NOW_MS + 1);
    expect(store.definition(appId("mail"))).toMatchObject({ version: at(NOW_MS + 1), value: null });
    store.noteChanged(appId("mail"), NOW_MS + 2);
    expect(store.definition(appId("mail"))).toMatchObject({
      version: at(NOW_MS + 2),
      deletedVersion: at(NOW_MS + 1),
      value: appOf("mail"),
    });
  });

  test("of a deleted app takes its queues along, and no others", () => {
    const store = newStore();
    for (const app of ["mail", "mail.b", "mail-b", "mail0"]) {
      store.apps.put(appOf(app));
      store.queues.put(queueOf(app, "q"));
      store.noteChanged(appId(app), NOW_MS);
      store.noteChanged(queueId(app, "q"), NOW_MS);
    }
    store.noteDeleted(appId("mail"), NOW_MS);
    const queues = store.definitions.all().filter(({ kind }) => kind === "queue");
    expect(queues.map(({ key }) => key)).toEqual(["mail-b/q", "mail.b/q", "mail0/q"]);
  });
});

describe("deletions of definitions", () => {
  test("are forgotten before a version, also of what was made anew", () => {
    const store = newStore();
    const put = (name: string, version: string, deletedVersion: string) =>
      store.definitions.put({ ...appId(name), version, deletedVersion, ancestry: {} });
    put("anew", at(9), at(1));
    put("gone", at(1), at(1));
    put("later", at(5), at(5));
    expect(store.definitions.hasDeletedBefore(at(5))).toBe(true);
    store.definitions.forgetDeletedBefore(at(5));
    expect(store.definitions.all().map(({ key, deletedVersion }) => [key, deletedVersion])).toEqual([
      ["anew", null],
      ["later", at(5)],
    ]);
    expect(store.definitions.hasDeletedBefore(at(5))).toBe(false);
  });
});

describe("owners", () => {
  test("are told by app and by branch, without those deleted, sorted", () => {
    const store = newStore();
    const all = [
      owner("a", { branch: "b1" }),
      owner("b"),
      owner("c", { isDeleted: true }),
      owner("d", { app: "post" }),
    ];
    for (const one of all.toReversed()) store.owners.put(one);
    const names = (owners: readonly Owner[]) => owners.map(({ name }) => name);
    expect(store.owners.all()).toEqual(all);
    expect(names(store.owners.ofApp("mail"))).toEqual(["a", "b"]);
    expect(names(store.owners.ofBranch("b2"))).toEqual(["b", "d"]);
  });

  test("are replaced by what is newer alone", () => {
    const store = newStore();
    expect(store.owners.putNewer(owner("web", { version: at(2) }))).toBe(true);
    expect(store.owners.putNewer(owner("web", { version: at(2), branch: "b3" }))).toBe(false);
    expect(store.owners.putNewer(owner("web", { version: at(1), branch: "b3" }))).toBe(false);
    expect(store.owners.get("web")?.branch).toBe("b2");
    expect(store.owners.putNewer(owner("web", { version: at(3), branch: "b3" }))).toBe(true);
    expect(store.owners.get("web")?.branch).toBe("b3");
  });

  test("are forgotten some time after they were deleted", () => {
    const store = newStore();
    store.owners.put(owner("a", { branch: "b1" }));
    store.owners.put(owner("b", { isDeleted: true, version: at(2) }));
    store.owners.put(owner("c", { isDeleted: true, version: at(1) }));
    store.owners.forgetDeletedBefore(at(2));
    expect(store.owners.all().map(({ name }) => name)).toEqual(["a", "b"]);
  });
});

test("the key of a branch is made once, and is another one for each branch", () => {
  using folder = scratchFolder();
  const [a, b] = ["a.db", "b.db"].map((file) => new Store(folder.file(file)));
  const key = a?.settings.branchKey() ?? "";
  expect(Buffer.from(key, "base64url").length).toBe(32);
  expect(b?.settings.branchKey()).not.toBe(key);
  const again = new Store(folder.file("a.db"));
  expect(again.settings.branchKey()).toBe(key);
  for (const store of [a, b, again]) store?.close();
});
