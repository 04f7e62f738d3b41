import { expect } from "bun:test";
import { must, untilInstance } from "../lifecycle/work.ts";
import { describePage } from "./stage.ts";

describePage(
  import.meta.path,
  ({ test }) => {
    test("says that the connection is lost, and mends it once the branch is back", async (scene) => {
      const { page, branch, visit, problems, picture } = scene;
      await must(branch, 201, "POST", "/shop/instances/stays/", { is_enabled: false });
      await must(branch, 201, "POST", "/shop/instances/goes/", { is_enabled: false });
      await visit("#/instances");
      await page.getByRole("row", { name: /goes/ }).waitFor();
      problems.outage();
      await branch.stop();
      await page
        .getByText(/connection lost/i)
        .first()
        .waitFor();
      await picture("the connection is lost");
      // While nobody listens: what is gone must go from the page too.
      await branch.restart();
      await must(branch, 200, "DELETE", "/shop/instances/goes/");
      await must(branch, 201, "POST", "/shop/instances/comes/", { is_enabled: false });
      await page.getByRole("row", { name: /comes/ }).waitFor({ timeout: 30_000 });
      await page.getByRole("row", { name: /goes/ }).waitFor({ state: "detached" });
      await page.getByRole("row", { name: /stays/ }).waitFor();
      await page
        .getByText(/connection lost/i)
        .first()
        .waitFor({ state: "detached" });
    });

    test("shows at once what happens to a worker", async ({ page, branch, visit }) => {
      await must(branch, 201, "POST", "/shop/instances/live/", { pool: "solo" });
      await visit("#/instances");
      const row = page.getByRole("row", { name: /live/ });
      await row.getByText("running").waitFor();
      const { pid } = await untilInstance(branch, "live", "running", ({ state }) => state === "running");
      await must(branch, 200, "POST", "/shop/instances/live/disable/");
      await row.getByText("disabled").waitFor();
      await must(branch, 200, "POST", "/shop/instances/live/enable/");
      await row.getByText("running").waitFor();
      const again = await untilInstance(branch, "live", "running", ({ state }) => state === "running");
      expect(again.pid).not.toBe(pid);
    });
  },
  {},
  async (branch) => {
    await must(branch, 201, "POST", "/shop/", { stop_timeout: 5 });
  },
);
