import { expect } from "bun:test";
import { must } from "../lifecycle/work.ts";
import { describePage } from "./stage.ts";

const INSTANCES = 1000;
/** A table of so many rows is only fast where the page holds those alone that can be seen. */
const ROWS_AT_ONCE = 120;

const nameOf = (i: number) => `i${String(i).padStart(4, "0")}`;

describePage(
  import.meta.path,
  ({ test }) => {
    test("1,000 instances: each can be scrolled to, and few are on the page", async ({ page, visit }) => {
      await visit("#/instances");
      await page.getByRole("row", { name: nameOf(0) }).waitFor();
      const seen = new Set<string>();
      const look = () =>
        page.evaluate<string[]>(`[...document.querySelectorAll("tbody tr")].map((row) => row.innerText)`);
      const isEnd = await scrolling(page);
      let isAtEnd = false;
      while (!isAtEnd) {
        const rows = await look();
        expect(rows.length).toBeLessThanOrEqual(ROWS_AT_ONCE);
        for (const row of rows) seen.add(/i\d{4}/.exec(row)?.[0] ?? "");
        isAtEnd = await isEnd();
      }
      for (const row of await look()) seen.add(/i\d{4}/.exec(row)?.[0] ?? "");
      const missing = Array.from({ length: INSTANCES }, (_, i) => nameOf(i)).filter((name) => !seen.has(name));
      expect(missing).toEqual([]);
    });

    test("1,000 instances: one is found by typing, and all are counted", async ({ page, visit }) => {
      await visit("#/");
      await page
        .getByText(/1,?000/)
        .first()
        .waitFor();
      await visit("#/instances");
      await page.getByRole("searchbox").fill(nameOf(777));
      await page.getByRole("row", { name: nameOf(777) }).waitFor();
      await page.getByRole("row", { name: nameOf(0) }).waitFor({ state: "detached" });
    });
  },
  {},
  async (branch) => {
    await must(branch, 201, "POST", "/shop/");
    for (let i = 0; i < INSTANCES; i++) {
      await must(branch, 201, "POST", `/shop/instances/${nameOf(i)}/`, { is_enabled: false });
    }
  },
);
