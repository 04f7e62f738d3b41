import { expect } from "bun:test";
import type { Page } from "playwright-core";
import { anyCelery } from "../harness/celery.ts";
import { alive } from "../harness/processes.ts";
import { until } from "../harness/wait.ts";
import { consumed, instanceOf, must, pidOf, untilInstance } from "../lifecycle/work.ts";
import { describePage } from "./stage.ts";

const rowOf = (page: Page, name: string) => page.getByRole("row", { name: new RegExp(name) });

/** One after the other: there is one mouse. */
async function select(page: Page, ...names: string[]): Promise<void> {
  for (const name of names) await page.getByRole("checkbox", { name: `Select ${name}`, exact: true }).check();
}

async function confirm(page: Page, verb: string): Promise<void> {
  const question = page.getByRole("dialog");
  await question.getByRole("button", { name: verb, exact: true }).click();
  await question.waitFor({ state: "detached" });
}

const bulk = (page: Page, verb: string) =>
  page.getByRole("toolbar", { name: "Selected instances" }).getByRole("button", { name: verb, exact: true });

describePage(
  import.meta.path,
  ({ test }) => {
    test("adds an instance that consumes a queue, and shows what the API refuses at the field", async (scene) => {
      const { page, branch, brokerUrl, visit, problems } = scene;
      await visit("#/instances");
      await page.getByRole("button", { name: "Add instance" }).click();
      const form = page.getByRole("dialog", { name: "Add an instance" });
      await form.getByLabel("Name").fill("web");
      await form.getByLabel("Most processes").fill("0");
      problems.meant(400, "/shop/instances/web/");
      await form.getByRole("button", { name: "Add instance" }).click();
      await form.getByText(/Cannot use “Most processes”/).waitFor();
      expect(await form.getByLabel("Most processes").getAttribute("aria-invalid")).toBe("true");
      await form.getByLabel("Most processes").fill("1");
      await form.getByRole("checkbox", { name: "orders" }).check();
      await form.getByRole("button", { name: "Add instance" }).click();
      await page.getByRole("heading", { name: /web/ }).getByText("running").waitFor();
      expect(alive(await pidOf(branch, "web"))).toBe(true);
      expect(await consumed(anyCelery(), brokerUrl, branch, "web")).toEqual(["dq.web", "orders"]);
    });

    test("says why a worker does not come up, and keeps what was typed", async ({ page, branch, visit, problems }) => {
      await visit("#/instances?add=1");
      const form = page.getByRole("dialog", { name: "Add an instance" });
      await form.getByLabel("Name").fill("broken");
      await form.getByText(/^More/).click();
      await form.getByLabel("Arguments").fill("-A nothing");
      problems.meant(502, "/shop/instances/broken/");
      await form.getByRole("button", { name: "Add instance" }).click();
      await form.getByText(/did not come up/).waitFor();
      expect(await form.getByLabel("Name").inputValue()).toBe("broken");
      expect((await branch.api("GET", "/instances/broken/")).status).toBe(404);
    });

    test("disables and enables several at once, and their workers end and come back", async (scene) => {
      const { page, branch, visit, picture } = scene;
      await visit("#/instances?q=pair");
      await rowOf(page, "pair1").getByText("running").waitFor();
      const pids = [await pidOf(branch, "pair1"), await pidOf(branch, "pair2")];
      await select(page, "pair1", "pair2");
      await bulk(page, "Disable").click();
      await picture("what is asked before two instances are disabled");
      await confirm(page, "Disable");
      await rowOf(page, "pair1").getByText("disabled").waitFor();
      await rowOf(page, "pair2").getByText("disabled").waitFor();
      expect(pids.some(alive)).toBe(false);

      // They are selected no more, since it worked.
      await page.getByRole("checkbox", { name: /^Select all/ }).check();
      await bulk(page, "Enable").click();
      await rowOf(page, "pair1").getByText("running").waitFor();
      await rowOf(page, "pair2").getByText("running").waitFor();
      expect(pids).not.toContain(await pidOf(branch, "pair1"));
    });

    test("restarts several one by one, each with another pid afterwards", async ({ page, branch, visit }) => {
      await visit("#/instances?q=pair");
      await rowOf(page, "pair1").getByText("running").waitFor();
      const pids = [await pidOf(branch, "pair1"), await pidOf(branch, "pair2")];
      await select(page, "pair1", "pair2");
      await bulk(page, "Restart one by one").click();
      await confirm(page, "Restart one by one");
      await page.getByText("2 of 2 done").waitFor({ timeout: 40_000 });
      expect(pids).not.toContain(await pidOf(branch, "pair1"));
      expect(pids).not.toContain(await pidOf(branch, "pair2"));
    });

    test("says for each instance what went wrong, and leaves those selected", async (scene) => {
      const { page, branch, visit, problems } = scene;
      await must(branch, 201, "POST", "/shop/instances/fine/", { is_enabled: false });
      await must(branch, 201, "POST", "/shop/instances/wrong/", { is_enabled: false, arguments: "-A nothing" });
      await visit("#/instances");
      await select(page, "fine", "wrong");
      problems.meant(502, "/shop/instances/wrong/enable/");
      await bulk(page, "Enable").click();
      await page.getByText("1 of 2 done, 1 failed").waitFor({ timeout: 40_000 });
      await page
        .getByRole("region", { name: /Enabling/ })
        .getByText(/nothing|did not come up/)
        .waitFor();
      expect(await page.getByRole("checkbox", { name: "Select wrong", exact: true }).isChecked()).toBe(true);
      expect(await page.getByRole("checkbox", { name: "Select fine", exact: true }).isChecked()).toBe(false);
    });

    test("restarts the enabled ones of those that are selected, and says how many are left out", async (scene) => {
      const { page, branch, visit, picture } = scene;
      await must(branch, 201, "POST", "/shop/instances/rest1/", { is_enabled: false });
      await must(branch, 201, "POST", "/shop/instances/rest2/", { pool: "solo" });
      const before = await pidOf(branch, "rest2");
      await visit("#/instances?q=rest");
      await select(page, "rest1");
      expect(await bulk(page, "Restart").isDisabled()).toBe(true);
      await select(page, "rest2");
      await bulk(page, "Restart").click();
      await page.getByRole("dialog").getByText("1 is disabled").waitFor();
      await confirm(page, "Restart");
      await page.getByText("1 of 1 done").waitFor({ timeout: 40_000 });
      await picture("what was done to several");
      expect(await pidOf(branch, "rest2")).not.toBe(before);
    });

    test("opens the form when the address asks for it, also where the list is shown already", async ({
      page,
      visit,
    }) => {
      await visit("#/instances");
      await rowOf(page, "pair1").waitFor();
      await visit("#/instances?add=1");
      const form = page.getByRole("dialog", { name: "Add an instance" });
      await form.getByRole("button", { name: "Cancel" }).click();
      await form.waitFor({ state: "detached" });
      expect(page.url()).toEndWith("#/instances");
    });

    test("deletes several after a question that names them, and nothing is left of them", async (scene) => {
      const { page, branch, visit } = scene;
      await must(branch, 201, "POST", "/shop/instances/gone1/", { pool: "solo" });
      await must(branch, 201, "POST", "/shop/instances/gone2/", { is_enabled: false });
      const pid = await pidOf(branch, "gone1");
      await visit("#/instances?q=gone");
      await rowOf(page, "gone2").waitFor();
      await select(page, "gone1", "gone2");
      await bulk(page, "Delete").click();
      await page
        .getByRole("dialog")
        .getByText(/gone1, gone2/)
        .waitFor();
      await confirm(page, "Delete");
      await page.getByText("2 of 2 done").waitFor({ timeout: 40_000 });
      await rowOf(page, "gone1").waitFor({ state: "detached" });
      await rowOf(page, "gone2").waitFor({ state: "detached" });
      expect(alive(pid)).toBe(false);
      expect((await branch.api("GET", "/instances/gone1/")).status).toBe(404);
    });

    test("is worked with by keys alone: found, selected, opened", async ({ page, visit }) => {
      await visit("#/instances");
      await rowOf(page, "pair1").waitFor();
      await page.keyboard.press("/");
      await page.keyboard.type("pair");
      await page.keyboard.press("Escape");
      expect(await page.getByRole("searchbox").inputValue()).toBe("pair");
      await page.keyboard.press("j");
      await page.keyboard.press("j");
      await page.keyboard.press("x");
      await page.getByText("1 selected").waitFor();
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { level: 1, name: /pair\d/ }).waitFor();
      await page.keyboard.press("?");
      await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await page.keyboard.press("g");
      await page.keyboard.press("q");
      await page.getByRole("heading", { level: 1, name: "Queues" }).waitFor();
    });

    test("keeps filter, order and selection in the address", async ({ page, visit }) => {
      await visit("#/instances");
      await page.getByRole("searchbox", { name: "Search instances" }).fill("pair");
      await page.getByRole("columnheader", { name: "Name" }).getByRole("button").click();
      await select(page, "pair2");
      await page.reload();
      await rowOf(page, "pair2").waitFor();
      const rows = page.getByRole("row").filter({ has: page.getByRole("gridcell") });
      const names = await until(
        async () => {
          const texts = await rows.allInnerTexts();
          return texts.length === 2 && texts.map((text) => /pair\d/.exec(text)?.[0]);
        },
        { what: "two rows" },
      );
      expect(names).toEqual(["pair2", "pair1"]);
      expect(await page.getByRole("checkbox", { name: "Select pair2", exact: true }).isChecked()).toBe(true);
      expect(await page.getByRole("searchbox", { name: "Search instances" }).inputValue()).toBe("pair");
    });

    test("shows first what needs attention, with the way there", async ({ page, branch, visit }) => {
      await must(branch, 201, "POST", "/shop/instances/dies/", { pool: "solo", restart_max_rate: "1/h" });
      for (const deaths of [1, 2]) {
        process.kill(await pidOf(branch, "dies"), "SIGKILL");
        await untilInstance(branch, "dies", "dealt with", ({ state, restarts }) =>
          deaths === 1 ? state === "running" && restarts === 1 : state === "disabled",
        );
      }
      await visit("#/");
      const link = page.getByRole("main").getByRole("link", { name: "dies" }).first();
      await link.click();
      await page
        .getByText(/more deaths than restart_max_rate/)
        .first()
        .waitFor();
      expect((await instanceOf(branch, "dies")).is_enabled).toBe(false);
    });
  },
  {},
  async (branch) => {
    await must(branch, 201, "POST", "/shop/", { stop_timeout: 5 });
    await must(branch, 201, "POST", "/shop/queues/orders/");
    await must(branch, 201, "POST", "/shop/instances/pair1/", { pool: "solo" });
    await must(branch, 201, "POST", "/shop/instances/pair2/", { pool: "solo" });
  },
);
