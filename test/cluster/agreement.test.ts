import { describe, test } from "bun:test";
import { expectAgreement, IDS, upheaval } from "./agreement.ts";
import { MemoryCluster } from "./memory.ts";

describe.each([1, 2, 3])("five branches, whatever happened to them (seed %d)", (seed) => {
  test("agree on what there is and who has it, and each worker that runs is wanted where it runs", async () => {
    await using cluster = await MemoryCluster.of(...IDS);
    const tally = await upheaval(cluster, { seed, steps: 300, maxPauseMs: 2_000, calmMs: 90_000 });
    await expectAgreement(cluster, tally);
  }, 60_000);
});
