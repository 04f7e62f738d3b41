import { expect } from "bun:test";
import { must } from "../lifecycle/work.ts";
import { violations } from "./accessible.ts";
import { addPeople, logIn } from "./people.ts";
import { describePage, PHONE } from "./stage.ts";

const PLACES = ["#/", "#/instances", "#/instances/web", "#/apps", "#/queues", "#/tasks", "#/users", "#/audit"] as const;

describePage(
  import.meta.path,
  ({ test }) => {
    for (const colorScheme of ["light", "dark"] as const) {
      for (const place of PLACES) {
        test(
          `${place} in ${colorScheme}`,
          async ({ page, branch, visit }) => {
            await logIn(page.context(), branch, "admin");
            await visit(place);
            await page.getByRole("main").getByRole("heading", { level: 1 }).waitFor();
            expect(await violations(page)).toEqual([]);
          },
          { colorScheme },
        );
      }

      test(
        `the login form in ${colorScheme}`,
        async ({ page, visit, problems }) => {
          problems.meant(401, "/api/session/");
          await visit("#/");
          await page.getByRole("button", { name: "Log in" }).waitFor();
          expect(await violations(page)).toEqual([]);
        },
        { colorScheme },
      );
    }

    for (const place of PLACES) {
      test(
        `${place} on a phone scrolls in one direction alone`,
        async ({ page, branch, visit }) => {
          await logIn(page.context(), branch, "admin");
          await visit(place);
          await page.getByRole("main").getByRole("heading", { level: 1 }).waitFor();
          const [wide, screen] = await page.evaluate<[number, number]>(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
          );
          expect(wide).toBeLessThanOrEqual(screen);
          expect(await violations(page)).toEqual([]);
        },
        { viewport: PHONE, hasTouch: true, isMobile: true },
      );
    }
  },
  {},
  async (branch) => {
    await must(branch, 201, "POST", "/shop/", { stop_timeout: 5 });
    await must(branch, 201, "POST", "/shop/queues/t2/");
    await must(branch, 201, "POST", "/shop/instances/web/", { pool: "solo", queues: ["t2"] });
    await must(branch, 201, "POST", "/shop/instances/off/", { is_enabled: false });
    await addPeople(branch);
  },
);
