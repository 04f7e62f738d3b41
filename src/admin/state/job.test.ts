import { afterEach, describe, expect, test } from "bun:test";
import { closeJob, job, runJob, stopJob } from "./job.ts";

const things = (...names: string[]) => names.map((name) => ({ name }));

afterEach(closeJob);

describe("runJob()", () => {
  test("goes on when one fails, says why, and names those that failed", async () => {
    const failed = await runJob("Working", things("a", "b", "c"), async ({ name }) => {
      if (name === "b") throw new Error("b is away");
    });
    expect(failed).toEqual(["b"]);
    expect(job.value).toMatchObject({ is: "over", total: 3, done: 3, failures: [{ name: "b", why: "b is away" }] });
  });

  test("works on four at a time, so that the browser has connections left", async () => {
    let at = 0;
    let most = 0;
    await runJob("Working", things(..."abcdefghij"), async () => {
      most = Math.max(most, ++at);
      await Promise.resolve();
      at--;
    });
    expect(most).toBe(4);
  });

  test("begins no more once it was stopped", async () => {
    const begun: string[] = [];
    await runJob("Working", things(..."abcdefghij"), async ({ name }) => {
      begun.push(name);
      stopJob();
    });
    expect(begun).toEqual(["a"]);
    expect(job.value).toMatchObject({ is: "over", done: 1, total: 10 });
  });
});
