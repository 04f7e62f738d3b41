import { expect } from "bun:test";
import { until } from "../harness/wait.ts";
import { must, untilInstance } from "../lifecycle/work.ts";
import { describePage } from "./stage.ts";

const SECRET = "kept-from-the-page";

interface App {
  readonly broker: { readonly hostname: string; readonly password: string | null };
  readonly arguments: string | null;
  readonly env: Record<string, string> | null;
  readonly stop_timeout: number;
}

describePage(import.meta.path, ({ test }) => {
  test("adds an app, and shows what the API refuses at the field", async ({ page, branch, visit, problems }) => {
    await visit("#/apps");
    await page.getByRole("button", { name: "Add app" }).click();
    const form = page.getByRole("dialog", { name: "Add app" });
    await form.getByLabel("Name").fill("shop");
    await form.getByLabel("Stop timeout").fill("-1");
    problems.meant(400, "/shop/");
    await form.getByRole("button", { name: "Add" }).click();
    await form.getByText(/Cannot use “Stop timeout”/).waitFor();
    expect(await form.getByLabel("Stop timeout").getAttribute("aria-invalid")).toBe("true");

    await form.getByLabel("Stop timeout").fill("5");
    await form.getByLabel("Arguments").fill("-O fair");
    await form.getByLabel("Environment").fill("GREETING=hello\nPLACE=world");
    await form.getByRole("button", { name: "Add" }).click();
    await form.waitFor({ state: "detached" });
    await page.getByRole("row", { name: /shop/ }).waitFor();
    const app = await must<App>(branch, 200, "GET", "/shop/");
    expect(app).toMatchObject({ arguments: "-O fair", env: { GREETING: "hello", PLACE: "world" }, stop_timeout: 5 });
  });

  test("refuses a name that is taken instead of changing that app", async ({ page, branch, visit }) => {
    await must(branch, 201, "POST", "/taken/", { stop_timeout: 7 });
    await visit("#/apps");
    await page.getByRole("row", { name: /taken/ }).waitFor();
    await page.getByRole("button", { name: "Add app" }).click();
    const form = page.getByRole("dialog", { name: "Add app" });
    await form.getByLabel("Name").fill("taken");
    await form.getByRole("button", { name: "Add" }).click();
    await form.getByText(/exists already/).waitFor();
    expect((await must<App>(branch, 200, "GET", "/taken/")).stop_timeout).toBe(7);
  });

  test("shows the broker of an app without its password, and keeps it when others are changed", async (scene) => {
    const { page, branch, brokerUrl, visit } = scene;
    const url = brokerUrl.replace("guest:guest", `guest:${SECRET}`);
    await must(branch, 201, "POST", "/hidden/", { broker: url });
    await visit("#/apps");
    const row = page.getByRole("row", { name: /hidden/ });
    await row.getByText(new URL(brokerUrl).host).waitFor();
    await row.getByRole("button", { name: "Edit" }).click();
    const form = page.getByRole("dialog", { name: /hidden/ });
    await form.getByLabel("Stop timeout").fill("9");
    expect(await page.content()).not.toContain(SECRET);
    await form.getByRole("button", { name: "Save" }).click();
    await form.waitFor({ state: "detached" });
    const app = await must<App>(branch, 200, "GET", "/hidden/");
    expect(app).toMatchObject({ broker: { password: SECRET }, stop_timeout: 9 });
  });

  test("deletes an app, saying what stops, and its workers end", async ({ page, branch, visit }) => {
    await must(branch, 201, "POST", "/old/", { stop_timeout: 5 });
    await must(branch, 201, "POST", "/old/queues/errands/");
    await must(branch, 201, "POST", "/old/instances/o1/", { pool: "solo", queues: ["errands"] });
    const { pid } = await untilInstance(branch, "o1", "running", ({ state }) => state === "running");
    await visit("#/apps");
    await page.getByRole("row", { name: /old/ }).getByRole("button", { name: "Delete" }).click();
    const question = page.getByRole("dialog", { name: /^Delete/ });
    await question.getByText(/o1/).waitFor();
    await question.getByRole("button", { name: "Cancel" }).click();
    await must(branch, 200, "GET", "/old/");

    await page.getByRole("row", { name: /old/ }).getByRole("button", { name: "Delete" }).click();
    await question.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("row", { name: /old/ }).waitFor({ state: "detached" });
    await until(async () => !(await branch.workers()).some((worker) => worker.pid === pid), { what: "o1 to end" });
    expect((await branch.api("GET", "/old/")).status).toBe(404);
  });

  test("shows at once what others change", async ({ page, branch, visit }) => {
    await visit("#/apps");
    await page.getByRole("button", { name: "Add app" }).waitFor();
    await must(branch, 201, "POST", "/elsewhere/");
    await page.getByRole("row", { name: /elsewhere/ }).waitFor();
    await must(branch, 200, "DELETE", "/elsewhere/");
    await page.getByRole("row", { name: /elsewhere/ }).waitFor({ state: "detached" });
  });
});
