import { expect } from "bun:test";
import { must } from "../lifecycle/work.ts";
import { describePage } from "./stage.ts";

const INSTANCES = 1000;
/** A table of so many rows is only fast where the page holds those alone that can be seen. */
const ROWS_AT_ONCE = 120;

/** Scrolls through the table by its height, and gives the names in sight and the number of rows drawn at each step. */
const SCROLL_THROUGH = `(async () => {
  const grid = document.querySelector("[role=grid]");
  const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const steps = [];
  for (let isAtEnd = false; !isAtEnd; ) {
    const rows = [...grid.querySelectorAll("[role=row]")].map((row) => row.innerText);
    steps.push({ drawn: rows.length, names: rows.flatMap((text) => /i\\d{4}/.exec(text) ?? []) });
    isAtEnd = grid.scrollTop + grid.clientHeight >= grid.scrollHeight - 1;
    grid.scrollTop += grid.clientHeight - 80;
    await drawn();
  }
  return steps;
})()`;

interface Step {
  readonly drawn: number;
  readonly names: readonly string[];
}

const nameOf = (i: number) => `i${String(i).padStart(4, "0")}`;

describePage(
  import.meta.path,
  ({ test }) => {
    test("1,000 instances: each can be scrolled to, and few are on the page", async ({ page, visit }) => {
      await visit("#/instances");
      await page.getByRole("row", { name: nameOf(0) }).waitFor();
      const grid = page.getByRole("grid", { name: "Instances" });
      expect(await grid.getAttribute("aria-rowcount")).toBe(String(INSTANCES + 1));
      const steps = await page.evaluate<Step[]>(SCROLL_THROUGH);
      expect(Math.max(...steps.map(({ drawn }) => drawn))).toBeLessThanOrEqual(ROWS_AT_ONCE);
      const seen = new Set(steps.flatMap(({ names }) => names));
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
