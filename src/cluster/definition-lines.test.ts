import { describe, expect, test } from "bun:test";
import { appId, queueId } from "../domain/definition.ts";
import { REMEMBERED_MS, nextVersion } from "../domain/version.ts";
import { ManualClock } from "../kit/clock.ts";
import { seededRandom } from "../kit/test-support.ts";
import { Store } from "../store/store.ts";
import { DefinitionLines, newerThan, type DefinitionLine } from "./definition-lines.ts";

const DAY_MS = 24 * 3600 * 1000;

function setUp(): { clock: ManualClock; store: Store; lines: DefinitionLines } {
  const clock = new ManualClock();
  const store = new Store(":memory:");
  return { clock, store, lines: new DefinitionLines(store, clock) };
}

class Undone extends Error {}

describe("the digest", () => {
  test("is that of what there is, whatever was changed, deleted and undone before", () => {
    const { clock, store, lines } = setUp();
    const random = seededRandom(1);
    const pick = (names: readonly string[]) => names[Math.floor(random() * names.length)] ?? "";
    const digests = new Set<string>();
    for (let step = 0; step < 200; step++) {
      const app = pick(["a", "b", "c"]);
      const id = random() < 0.5 ? appId(app) : queueId(app, pick(["q", "r"]));
      try {
        store.write(() => {
          const dice = random();
          if (dice < 0.6) store.noteChanged(id, clock.now());
          else if (dice < 0.8) store.noteDeleted(id, clock.now());
          else store.definitions.remove(id);
          if (random() < 0.3) digests.add(lines.digest);
          if (random() < 0.3) throw new Undone();
        });
      } catch (error) {
        if (!(error instanceof Undone)) throw error;
      }
      const { digest } = lines;
      digests.add(digest);
      const stamps = store.definitions.all();
      const fresh = new Store(":memory:");
      for (const stamp of stamps.toReversed()) fresh.definitions.put(stamp);
      expect(digest).toBe(new DefinitionLines(fresh, clock).digest);
    }
    expect(digests.size).toBeGreaterThan(100);
  });

  test("leaves out deletions that are forgotten, on the same day everywhere", async () => {
    const { clock, store, lines } = setUp();
    const nothing = lines.digest;
    store.noteDeleted(appId("mail"), clock.now());
    expect(lines.digest).not.toBe(nothing);
    await clock.advance(REMEMBERED_MS + 2 * DAY_MS);
    expect(lines.digest).toBe(nothing);
    expect(lines.all()).toEqual([]);
  });
});

test("newerThan() finds what is not known, what was changed later, and what was deleted later", () => {
  const at = (ms: number) => nextVersion(undefined, ms, "b");
  const line = (key: string, ms: number, deletedMs?: number): DefinitionLine => ({
    ...appId(key),
    version: at(ms),
    deletedVersion: deletedMs === undefined ? null : at(deletedMs),
  });
  const known = [line("same", 2), line("older", 2), line("newer", 2), line("deleted", 2), line("forgotten", 2, 1)];
  const lines = [line("same", 2), line("older", 1), line("newer", 3), line("deleted", 2, 1), line("forgotten", 2)];
  const names = newerThan(known, [...lines, line("unknown", 1)]).map(({ key }) => key);
  expect(names).toEqual(["newer", "deleted", "unknown"]);
});
