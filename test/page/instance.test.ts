import { expect } from "bun:test";
import { startBranch, type Branch } from "../harness/branch.ts";
import { anyCelery, sendTask } from "../harness/celery.ts";
import { alive } from "../harness/processes.ts";
import { until } from "../harness/wait.ts";
import { consumed, instanceOf, must, pidOf, PROJECT, scaled, untilInstance } from "../lifecycle/work.ts";
import { describePage } from "./stage.ts";

const WEB = "#/instances/web";
const LONG_MS = 30_000;

const isRunning = ({ state }: { readonly state: string }) => state === "running";

describePage(
  import.meta.path,
  ({ test }) => {
    test("restarts the worker: another pid answers", async ({ page, branch, visit }) => {
      await visit(WEB);
      const before = await pidOf(branch, "web");
      await page.getByText(String(before), { exact: true }).waitFor();
      await page.getByRole("button", { name: "Restart", exact: true }).click();
      const question = page.getByRole("dialog", { name: "Restart instance web?" });
      await question.getByRole("button", { name: "Restart" }).click();
      await page.getByText("Instance web is restarted").waitFor({ timeout: LONG_MS });
      const { pid } = await untilInstance(branch, "web", "running again", isRunning);
      expect(pid).not.toBe(before);
      expect(alive(before)).toBe(false);
      await page.getByText(String(pid), { exact: true }).waitFor();
    });

    test("disables and enables it", async ({ page, branch, visit }) => {
      await visit(WEB);
      const before = await pidOf(branch, "web");
      await page.getByRole("button", { name: "Disable" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
      await page.getByRole("heading", { level: 1 }).getByText("disabled").waitFor({ timeout: LONG_MS });
      expect(alive(before)).toBe(false);
      await page.getByRole("button", { name: "Enable" }).click();
      await page.getByRole("heading", { level: 1 }).getByText("running").waitFor({ timeout: LONG_MS });
      expect(alive(await pidOf(branch, "web"))).toBe(true);
    });

    test("sets the bounds of the worker, which Celery's stats then tell", async (scene) => {
      const { page, branch, brokerUrl, visit } = scene;
      await visit(WEB);
      const before = await pidOf(branch, "web");
      await page.getByRole("spinbutton", { name: "Most processes" }).fill("3");
      await page.getByRole("spinbutton", { name: "Most processes" }).press("Tab");
      await page.getByRole("spinbutton", { name: "Fewest processes" }).fill("4");
      await page.getByRole("spinbutton", { name: "Fewest processes" }).press("Tab");
      await page.getByText("Fewest is more than most").waitFor();
      expect(await page.getByRole("button", { name: "Apply" }).isDisabled()).toBe(true);
      await page.getByRole("spinbutton", { name: "Fewest processes" }).fill("1");
      await page.getByRole("slider", { name: /Fewest processes/ }).press("ArrowRight");
      await page.getByRole("button", { name: "Apply" }).click();
      await page.getByText("Instance web has 2 to 3 processes").waitFor();
      expect(await scaled(anyCelery(), brokerUrl, branch, "web")).toEqual({ max: 3, min: 2 });
      expect(await pidOf(branch, "web")).toBe(before);
    });

    test("has the worker consume a queue that is ticked, and leave it", async ({ page, branch, brokerUrl, visit }) => {
      await visit(WEB);
      await page.getByRole("checkbox", { name: "orders" }).check();
      await page.getByText("web consumes from orders", { exact: true }).waitFor();
      expect(await consumed(anyCelery(), brokerUrl, branch, "web")).toEqual(["dq.web", "orders"]);
      await page.getByRole("checkbox", { name: "orders" }).uncheck();
      await page.getByText("web consumes from orders no more").waitFor();
      expect(await consumed(anyCelery(), brokerUrl, branch, "web")).toEqual(["dq.web"]);
    });

    test("shows the lines of the log as they are written, and finds some of them", async (scene) => {
      const { page, brokerUrl, visit, picture } = scene;
      await visit(`${WEB}?tab=log`);
      const lines = page.getByRole("region", { name: "Lines of the log" });
      await lines
        .getByText(/ready\./)
        .first()
        .waitFor();
      await using sent = await sendTask(anyCelery(), brokerUrl, { task: "work.add", queue: "dq.web", args: [2, 3] });
      expect(await sent.result).toBe(5);
      await lines
        .getByText(new RegExp(`work\\.add\\[${sent.id}\\] succeeded`))
        .first()
        .waitFor();
      await picture("the live log");
      await page.getByRole("button", { name: "Pause" }).click();
      await page.getByRole("searchbox", { name: "Search the log" }).fill("succeeded in");
      await until(async () => (await lines.innerText()).split("\n").every((line) => line.includes("succeeded in")), {
        what: "the other lines to go",
      });
    });

    test("shows what was done to it and why", async ({ page, visit }) => {
      await visit(`${WEB}?tab=history`);
      await page.getByText("asked for").first().waitFor();
      expect(await page.getByRole("main").getByRole("listitem").count()).toBeGreaterThan(2);
    });

    test("shows what the worker says of itself", async ({ page, branch, visit }) => {
      await visit(`${WEB}?tab=stats`);
      await page.getByText("prefetch_count").waitFor();
      await page
        .getByText(String(await pidOf(branch, "web")), { exact: true })
        .last()
        .waitFor();
    });

    test("draws what the worker uses", async ({ page, visit }) => {
      await visit(WEB);
      await page.getByRole("img", { name: /^Memory in the last hour, now \d/ }).waitFor({ timeout: LONG_MS });
      await page.getByRole("region", { name: "CPU" }).locator("canvas").waitFor();
    });

    test("changes it, and the worker has the change", async ({ page, branch, visit }) => {
      await visit(WEB);
      const before = await pidOf(branch, "web");
      await page.getByRole("button", { name: "Edit" }).click();
      const form = page.getByRole("dialog", { name: "Edit web" });
      await form.getByLabel("Environment").fill("GREETING=hello");
      await form.getByRole("button", { name: "Save" }).click();
      await form.waitFor({ state: "detached", timeout: LONG_MS });
      const { pid } = await untilInstance(branch, "web", "running anew", (web) => isRunning(web) && web.pid !== before);
      expect(await Bun.file(`/proc/${pid}/environ`).text()).toContain("GREETING=hello");
    });

    test("follows in its form what others change, and sends what was typed alone", async ({ page, branch, visit }) => {
      await visit(WEB);
      await page.getByRole("button", { name: "Edit" }).click();
      const form = page.getByRole("dialog", { name: "Edit web" });
      await form.getByLabel("Longest life").fill("86400");
      await must(branch, 200, "POST", "/shop/instances/web/autoscale/", { max: 5, min: 1 });
      const most = form.getByLabel("Most processes");
      await until(async () => (await most.inputValue()) === "5", { what: "the new bound in the form" });
      expect(await form.getByLabel("Longest life").inputValue()).toBe("86400");
      await form.getByRole("button", { name: "Save" }).click();
      await form.waitFor({ state: "detached", timeout: LONG_MS });
      expect(await instanceOf(branch, "web")).toMatchObject({
        max_concurrency: 5,
        min_concurrency: 1,
        max_age: 86_400,
      });
    });

    test("moves it to another branch, where it runs then", async ({ page, branch, brokerUrl, visit }) => {
      await using other: Branch = await startBranch({ broker: brokerUrl });
      await must(branch, 201, "POST", "/shop/instances/nomad/", { branch: branch.id, pool: "solo" });
      const before = await pidOf(branch, "nomad");
      await visit("#/instances/nomad");
      await page.getByRole("button", { name: "Move" }).click({ timeout: LONG_MS });
      const form = page.getByRole("dialog", { name: "Move nomad" });
      await form.getByLabel(/From/).selectOption(other.id);
      await form.getByRole("button", { name: "Move" }).click();
      await page.getByText(`Instance nomad is on ${other.id} now`).waitFor({ timeout: LONG_MS });
      expect((await other.workers()).length).toBeGreaterThan(0);
      await until(() => !alive(before), { what: "the worker here to end" });
      await must(branch, 200, "DELETE", "/shop/instances/nomad/");
    });

    test("deletes it, and goes to the list", async ({ page, branch, visit }) => {
      await must(branch, 201, "POST", "/shop/instances/last/", { pool: "solo" });
      const pid = await pidOf(branch, "last");
      await visit("#/instances/last");
      await page.getByRole("button", { name: "Delete" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
      await page.getByRole("heading", { level: 1, name: "Instances" }).waitFor({ timeout: LONG_MS });
      expect(alive(pid)).toBe(false);
      expect((await branch.api("GET", "/instances/last/")).status).toBe(404);
    });
  },
  {},
  async (branch) => {
    await must(branch, 201, "POST", "/shop/", { stop_timeout: 5, ...PROJECT });
    await must(branch, 201, "POST", "/shop/queues/orders/");
    await must(branch, 201, "POST", "/shop/instances/web/");
    await instanceOf(branch, "web");
  },
);
