import { expect } from "bun:test";
import type { BrowserContextOptions, Page } from "playwright-core";
import { must } from "../lifecycle/work.ts";
import { send } from "../tasks/work.ts";
import { violations } from "./accessible.ts";
import { addPeople, logIn } from "./people.ts";
import { describePage, PHONE } from "./stage.ts";

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
  ["#/api", "API"],
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

const LOOKS: readonly { readonly name: string; readonly options: BrowserContextOptions }[] = [
  { name: "light", options: { colorScheme: "light" } },
  { name: "dark", options: { colorScheme: "dark" } },
  { name: "dark, on a phone", options: { colorScheme: "dark", viewport: PHONE, hasTouch: true, isMobile: true } },
];

/** What is wrong with the page as it stands, in words. */
async function faults(page: Page): Promise<string[]> {
  const isWide = await page.evaluate<boolean>(SIDEWAYS);
  return [...(isWide ? ["it scrolls sideways"] : []), ...(await violations(page))];
}

describePage(
  import.meta.path,
  ({ test }) => {
    for (const { name, options } of LOOKS) {
      test(
        `every page in ${name}`,
        async ({ page, branch, visit, picture }) => {
          await logIn(page.context(), branch, "admin");
          const found: Record<string, readonly string[]> = {};
          for (const [place, word] of PLACES) {
            await visit(place);
            await page.getByRole("main").getByRole("heading", { level: 1 }).waitFor();
            await page.getByRole("main").getByText(word).first().waitFor();
            found[place] = await faults(page);
            await picture(`${place} in ${name}`);
          }
          expect(found).toEqual(Object.fromEntries(PLACES.map(([place]) => [place, []])));
        },
        options,
      );

      test(
        `every form in ${name}`,
        async ({ page, branch, visit, picture }) => {
          await logIn(page.context(), branch, "admin");
          const found: Record<string, readonly string[]> = {};
          for (const [place, button] of FORMS) {
            await visit(place);
            await page.getByRole("main").getByRole("button", { name: button, exact: true }).click();
            await page.getByRole("dialog").waitFor();
            found[button] = await faults(page);
            await picture(`${button} in ${name}`);
            await page.keyboard.press("Escape");
            await page.getByRole("dialog").waitFor({ state: "detached" });
          }
          expect(found).toEqual(Object.fromEntries(FORMS.map(([, button]) => [button, []])));
        },
        options,
      );

      test(
        `the login form in ${name}`,
        async ({ page, visit, problems }) => {
          problems.meant(401, "/api/session/");
          await visit("#/");
          await page.getByRole("button", { name: "Log in" }).waitFor();
          expect(await faults(page)).toEqual([]);
        },
        options,
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
