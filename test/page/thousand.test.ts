import { expect } from "bun:test";
import { must } from "../lifecycle/work.ts";
import { describePage } from "./stage.ts";

const INSTANCES = 1000;
/** A table of so many rows is only fast where the page holds those alone that can be seen. */
const ROWS_AT_ONCE = 120;

/** Scrolls the table on by its height and waits until that was drawn; gives whether it was at its end already. */
const SCROLL_ON = `new Promise((done) => {
  const grid = document.querySelector("[role=grid]");
  const isAtEnd = grid.scrollTop + grid.clientHeight >= grid.scrollHeight - 1;
  grid.scrollTop += grid.clientHeight - 40;
  requestAnimationFrame(() => requestAnimationFrame(() => done(isAtEnd)));
})`;

const nameOf = (i: number) => `i${String(i).padStart(4, "0")}`;

describePage(
  import.meta.path,
  ({ test }) => {
    test("1,000 instances: each can be scrolled to, and few are on the page", async ({ page, visit }) => {
      await visit("#/instances");
      await page.getByRole("row", { name: nameOf(0) }).waitFor();
      const seen = new Set<string>();
      const grid = page.getByRole("grid", { name: "Instances" });
      expect(await grid.getAttribute("aria-rowcount")).toBe(String(INSTANCES + 1));
      let isAtEnd = false;
      while (!isAtEnd) {
        const rows = await page.getByRole("row").allInnerTexts();
        expect(rows.length).toBeLessThanOrEqual(ROWS_AT_ONCE);
        for (const row of rows) seen.add(/i\d{4}/.exec(row)?.[0] ?? "");
        isAtEnd = await page.evaluate<boolean>(SCROLL_ON);
      }
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
