import { expect } from "bun:test";
import type { Page } from "playwright-core";
import type { Branch } from "../harness/branch.ts";
import { until } from "../harness/wait.ts";
import { must } from "../lifecycle/work.ts";
import { addPeople, basic, logIn, PASSWORD } from "./people.ts";
import { describePage } from "./stage.ts";

const CANARY = "canary-4711";
/** What a viewer may look at, and a word that it shows once all of it is there. */
const PLACES = [
  ["#/", "Queues by depth"],
  ["#/instances", "web"],
  ["#/instances/web", "Consumes from"],
  ["#/instances/web?tab=log", "ready."],
  ["#/apps", "shop"],
  ["#/apps/shop", "How its workers are started"],
  ["#/queues", "t2"],
  ["#/tasks", "Sent through Cyme"],
] as const;

async function fillLogin(page: Page, name: string, password: string): Promise<void> {
  // It may stand over another form.
  const form = page.getByRole("dialog", { name: /^Log in/ });
  await form.getByLabel("Name").fill(name);
  await form.getByLabel("Password").fill(password);
  await form.getByRole("button", { name: "Log in" }).click();
}

/** Texts of all answers that a page gets. The event stream has none before its end: what it brought is looked for in the page. */
function listen(page: Page): string[] {
  const heard: string[] = [];
  page.on("response", async (response) => {
    if (!response.url().includes("/api/events")) heard.push(await response.text().catch(() => ""));
  });
  return heard;
}

const asAdmin = (branch: Branch, method: string, path: string, json?: unknown) =>
  branch.api(method, path, { headers: basic("admin"), ...(json === undefined ? {} : { json }) });

describePage(
  import.meta.path,
  ({ test }) => {
    test("asks who is there, says what is wrong, and lets in", async ({ page, visit, problems }) => {
      problems.meant(401, "/api/session/");
      await visit("#/instances");
      await page.getByRole("button", { name: "Log in" }).waitFor();
      expect(await page.getByRole("row").count()).toBe(0);
      await fillLogin(page, "admin", "wrong password");
      await page.getByRole("alert").waitFor();
      await fillLogin(page, "admin", PASSWORD);
      await page.getByRole("row", { name: /web/ }).waitFor();
      await page.getByText("admin").first().waitFor();
    });

    test("logging out ends the session", async ({ page, branch, visit, problems }) => {
      await logIn(page.context(), branch, "operator");
      await visit("#/instances");
      await page.getByRole("row", { name: /web/ }).waitFor();
      const [cookie] = await page.context().cookies();
      problems.meant(401, "/api/session/");
      await page.getByRole("button", { name: "Log out" }).click();
      await page.getByRole("button", { name: "Log in" }).waitFor();
      expect(await page.getByRole("row").count()).toBe(0);
      const again = await branch.api("GET", "/instances/web/", {
        headers: { cookie: `${cookie?.name}=${cookie?.value}` },
      });
      expect(again.status).toBe(401);
      await page.reload();
      await page.getByRole("button", { name: "Log in" }).waitFor();
    });

    test("a session that ends asks for the password and keeps what was typed", async ({
      page,
      branch,
      visit,
      problems,
    }) => {
      await asAdmin(branch, "POST", "/api/users/eve/", { password: PASSWORD, role: "admin" });
      await logIn(page.context(), branch, "eve");
      await visit("#/apps");
      await page.getByRole("button", { name: "Add app" }).click();
      const form = page.getByRole("dialog", { name: "Add app" });
      await form.getByLabel("Name").fill("typed");
      await asAdmin(branch, "PUT", "/api/users/eve/", { password: `${PASSWORD}!` });
      problems.meant(401, "/typed/");
      await form.getByRole("button", { name: "Add" }).click();
      await fillLogin(page, "eve", `${PASSWORD}!`);
      await form.getByRole("button", { name: "Add" }).click();
      await page.getByRole("row", { name: /typed/ }).waitFor();
    });

    test("a viewer sees everything but secrets, and nothing to change it with", async ({ page, branch, visit }) => {
      await logIn(page.context(), branch, "viewer");
      const heard = listen(page);
      for (const [place, word] of PLACES) {
        await visit(place);
        await page.getByRole("main").getByText(word).first().waitFor();
        const refused = /^(add|edit|change|delete|restart|enable|disable|move|declare|send|log)\b/i;
        expect(await page.getByRole("main").getByRole("button", { name: refused }).count()).toBe(0);
        // What filters a list is no change.
        expect(await page.getByRole("main").locator("input:enabled:not([type=search])").count()).toBe(0);
        expect(await page.content()).not.toContain(CANARY);
      }
      for (const place of ["#/users", "#/audit"]) {
        await visit(place);
        await page.getByText("This page is for the role admin; yours is viewer").waitFor();
      }
      await visit("#/instances?add=1");
      await page.getByRole("row", { name: /web/ }).waitFor();
      expect(await page.getByRole("dialog").count()).toBe(0);
      expect(
        await page
          .getByRole("navigation")
          .getByRole("link", { name: /users|audit/i })
          .count(),
      ).toBe(0);
      expect(heard.join("\n")).not.toContain(CANARY);
    });

    test("an operator changes instances, but neither apps nor users", async ({ page, branch, visit }) => {
      await logIn(page.context(), branch, "operator");
      await visit("#/instances/web");
      await page.getByRole("button", { name: "Restart" }).first().waitFor();
      await visit("#/apps");
      await page.getByRole("row", { name: /shop/ }).waitFor();
      expect(
        await page
          .getByRole("main")
          .getByRole("button", { name: /add|edit|delete/i })
          .count(),
      ).toBe(0);
      expect(
        await page
          .getByRole("navigation")
          .getByRole("link", { name: /users|audit/i })
          .count(),
      ).toBe(0);
    });

    test("an admin adds a user, who can then log in, and deletes them", async ({ page, branch, visit, problems }) => {
      await logIn(page.context(), branch, "admin");
      await visit("#/users");
      await page.getByRole("button", { name: "Add user" }).click();
      const form = page.getByRole("dialog", { name: "Add user" });
      await form.getByLabel("Name").fill("mia");
      await form.getByLabel("Password").fill("short");
      problems.meant(400, "/api/users/mia/");
      await form.getByRole("button", { name: "Add" }).click();
      await form.getByText(/Cannot use “Password”/).waitFor();
      await form.getByLabel("Password").fill(PASSWORD);
      await form.getByLabel("Role").selectOption("operator");
      await form.getByRole("button", { name: "Add" }).click();
      await page.getByRole("row", { name: /mia.*operator/ }).waitFor();
      expect((await branch.api("GET", "/shop/", { headers: basic("mia") })).status).toBe(200);

      await page.getByRole("row", { name: /mia/ }).getByRole("button", { name: "Delete" }).click();
      await page
        .getByRole("dialog", { name: /^Delete/ })
        .getByRole("button", { name: "Delete" })
        .click();
      await page.getByRole("row", { name: /mia/ }).waitFor({ state: "detached" });
      expect((await branch.api("GET", "/shop/", { headers: basic("mia") })).status).toBe(401);
    });

    test("an admin changes the role and the password of a user", async ({ page, branch, visit }) => {
      await asAdmin(branch, "POST", "/api/users/tom/", { password: PASSWORD });
      await logIn(page.context(), branch, "admin");
      await visit("#/users");
      await page.getByRole("row", { name: /tom/ }).getByRole("button", { name: "Change" }).click();
      const form = page.getByRole("dialog", { name: /tom/ });
      await form.getByLabel("Role").selectOption("operator");
      await form.getByLabel("Password").fill(`${PASSWORD}?`);
      await form.getByRole("button", { name: "Save" }).click();
      await page.getByRole("row", { name: /tom.*operator/ }).waitFor();
      expect((await branch.api("GET", "/", { headers: basic("tom", `${PASSWORD}?`) })).status).toBe(200);
    });

    test("a token is shown once, works, and ends when it is deleted", async ({ page, branch, visit }) => {
      await logIn(page.context(), branch, "admin");
      await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: branch.url });
      await visit("#/users");
      await page.getByRole("button", { name: "Add token" }).click();
      const form = page.getByRole("dialog", { name: "Add token" });
      await form.getByLabel("Name").fill("ci");
      await form.getByLabel("Role").selectOption("viewer");
      await form.getByLabel("Expires").fill("90d");
      await form.getByRole("button", { name: "Add" }).click();
      const shown = page.getByRole("dialog", { name: /ci/ });
      await shown.getByRole("button", { name: "Copy" }).click();
      await shown.getByText("Copied").waitFor();
      const token = await page.evaluate<string>("navigator.clipboard.readText()");
      expect(token).toStartWith("cyme_");
      const use = () => branch.api("GET", "/shop/", { headers: { authorization: `Bearer ${token}` } });
      expect((await use()).status).toBe(200);
      await shown.getByRole("button", { name: "Close" }).click();
      const row = page.getByRole("row", { name: /ci.*viewer/ });
      await row.waitFor();
      expect(await page.content()).not.toContain(token);

      await row.getByRole("button", { name: "Delete" }).click();
      await page
        .getByRole("dialog", { name: /^Delete/ })
        .getByRole("button", { name: "Delete" })
        .click();
      await row.waitFor({ state: "detached" });
      expect((await use()).status).toBe(401);
    });

    test("the audit shows who did what, newest first, and what is older on demand", async ({ page, branch, visit }) => {
      for (let i = 0; i < 110; i++) await asAdmin(branch, "PUT", "/audited/", { stop_timeout: i });
      await logIn(page.context(), branch, "admin");
      await visit("#/audit");
      const first = page.getByRole("row", { name: /audited/ }).first();
      await first.getByText("admin").waitFor();
      await first.getByText(/109/).waitFor();
      expect(await page.getByRole("row", { name: /stop_timeout=0\b/ }).count()).toBe(0);
      await page.getByRole("button", { name: "Show older" }).click();
      const shown = async () => Number(await page.getByRole("grid", { name: "Audit" }).getAttribute("aria-rowcount"));
      await until(async () => (await shown()) > 111, { what: "older entries" });
      await page.getByRole("searchbox").fill("/api/users/tom");
      await page
        .getByRole("row", { name: /audited/ })
        .first()
        .waitFor({ state: "detached" });
      await page.getByRole("row", { name: /tom/ }).first().waitFor();
      expect(await page.content()).not.toContain(PASSWORD);
    });
  },
  {},
  async (branch) => {
    await must(branch, 201, "POST", "/shop/", { stop_timeout: 5, env: { SECRET: CANARY } });
    await must(branch, 201, "POST", "/shop/queues/t2/");
    await must(branch, 201, "POST", "/shop/instances/web/", { pool: "solo", queues: ["t2"], env: { OWN: CANARY } });
    await addPeople(branch);
  },
);
