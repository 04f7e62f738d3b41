import { expect } from "bun:test";
import { must } from "../lifecycle/work.ts";
import { send } from "../tasks/work.ts";
import { violations } from "./accessible.ts";
import { addPeople, logIn } from "./people.ts";
import { describePage, PHONE, type Scene } from "./stage.ts";

/** Every page, and a word that it shows once all of it is there. */
const PLACES = [
  ["#/", "Overview"],
  ["#/instances", "web"],
  ["#/instances/web", "Consumes from"],
  ["#/instances/web?tab=log", "ready."],
  ["#/instances/web?tab=history", "asked for"],
  ["#/instances/web?tab=stats", "prefetch_count"],
  ["#/apps", "shop"],
  ["#/apps/shop", "How its workers are started"],
  ["#/queues", "t2"],
  ["#/tasks", "/sent"],
  ["#/users", "operator"],
  ["#/audit", "/api/session"],
] as const;

/** Every form: where its button stands. */
const FORMS = [
  ["#/instances", "Add instance"],
  ["#/instances/web", "Edit"],
  ["#/instances/web", "Delete"],
  ["#/apps", "Add app"],
  ["#/queues", "Declare queue"],
  ["#/tasks", "Send a URL"],
  ["#/tasks", "Send a task"],
  ["#/users", "Add user"],
  ["#/users", "Add token"],
] as const;

const SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth";

async function show({ page, branch, visit }: Scene, place: string, word: string): Promise<void> {
  await logIn(page.context(), branch, "admin");
  await visit(place);
  await page.getByRole("main").getByRole("heading", { level: 1 }).waitFor();
  await page.getByRole("main").getByText(word).first().waitFor();
}

describePage(
  import.meta.path,
  ({ test }) => {
    for (const colorScheme of ["light", "dark"] as const) {
      for (const [place, word] of PLACES) {
        test(
          `${place} in ${colorScheme}`,
          async (scene) => {
            await show(scene, place, word);
            expect(await violations(scene.page)).toEqual([]);
          },
          { colorScheme },
        );
      }

      test(
        `every form in ${colorScheme}`,
        async (scene) => {
          const { page, picture } = scene;
          for (const [place, button] of FORMS) {
            await show(scene, place, "");
            await page.getByRole("main").getByRole("button", { name: button, exact: true }).click();
            await page.getByRole("dialog").waitFor();
            expect(await violations(page)).toEqual([]);
            await picture(`${button} in ${colorScheme}`);
            await page.keyboard.press("Escape");
            await page.getByRole("dialog").waitFor({ state: "detached" });
          }
        },
        { colorScheme },
      );

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

    for (const [place, word] of PLACES) {
      test(
        `${place} on a phone scrolls in one direction alone`,
        async (scene) => {
          await show(scene, place, word);
          expect(await scene.page.evaluate<boolean>(SIDEWAYS)).toBe(false);
          expect(await violations(scene.page)).toEqual([]);
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
    await send(branch, "http://127.0.0.1:1/sent", { place: "/shop/queue/celery/" });
    await addPeople(branch);
  },
);
