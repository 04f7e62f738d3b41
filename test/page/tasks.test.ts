import { afterAll, expect } from "bun:test";
import { startEcho, type Echo } from "../harness/targets.ts";
import { until } from "../harness/wait.ts";
import { must, PROJECT } from "../lifecycle/work.ts";
import { outcome, send } from "../tasks/work.ts";
import { describePage } from "./stage.ts";

const TASKS = "#/tasks";

let echo: Echo;

describePage(
  import.meta.path,
  ({ test }) => {
    afterAll(() => echo?.stop());

    test("sends a URL task, and shows its state and result as they come", async ({ page, visit }) => {
      await visit(TASKS);
      await page.getByRole("button", { name: "Send a URL" }).click();
      const form = page.getByRole("dialog", { name: "Send a URL" });
      await form.getByLabel("App").selectOption("shop");
      await form.getByLabel("Queue").selectOption("t2");
      await form.getByLabel("Method").selectOption("POST");
      await form.getByLabel("URL").fill(`${echo.url}/import//user?who=a%2Fb`);
      await form.getByLabel("Body").fill("company=Vandelay");
      await form.getByRole("button", { name: "Send" }).click();
      await form.waitFor({ state: "detached" });
      const seen = await until(() => echo.requests.find(({ method }) => method === "POST"), { what: "the request" });
      expect(seen.target).toBe("/import//user?who=a%2Fb");
      expect(seen.body.toString()).toBe("company=Vandelay");
      // It goes to the task by itself.
      await page.getByText("SUCCESS").waitFor();
      await page
        .getByRole("region", { name: "Content" })
        .getByText(/company=Vandelay/)
        .waitFor();
      await page.getByRole("link", { name: "Tasks" }).first().click();
      await page
        .getByRole("row", { name: /import/ })
        .getByText("SUCCESS")
        .waitFor();
    });

    test("says what a URL is where one cannot be sent", async ({ page, visit }) => {
      await visit(TASKS);
      await page.getByRole("button", { name: "Send a URL" }).click();
      const form = page.getByRole("dialog", { name: "Send a URL" });
      await form.getByLabel("App").selectOption("shop");
      await form.getByLabel("Queue").selectOption("t2");
      await form.getByLabel("URL").fill("127.0.0.1:8801/ping");
      await form.getByRole("button", { name: "Send" }).click();
      await form.getByText(/begins with http.*got "127.0.0.1:8801\/ping"/).waitFor();
    });

    test("offers the queue that is consumed first, and says of another one that nobody does", async (scene) => {
      const { page, visit, picture } = scene;
      await visit(TASKS);
      await page.getByRole("button", { name: "Send a task" }).click();
      const form = page.getByRole("dialog", { name: "Send a task" });
      expect(await form.getByLabel("Queue").inputValue()).toBe("t2");
      expect(await form.getByText(/consumes from this queue/).count()).toBe(0);
      await form.getByLabel("Queue").selectOption("celery");
      await form.getByText("No instance consumes from this queue").waitFor();
      await picture("a queue without a consumer");
      await form.getByLabel("Task name").fill("work.add");
      await form.getByRole("button", { name: "Send" }).click();
      await form.waitFor({ state: "detached" });
      await page.getByRole("main").getByText("No instance consumes from this queue").waitFor();
    });

    test("sends a task of the app's own, and shows its result", async ({ page, visit }) => {
      await visit(TASKS);
      await page.getByRole("button", { name: "Send a task" }).click();
      const form = page.getByRole("dialog", { name: "Send a task" });
      await form.getByLabel("App").selectOption("shop");
      await form.getByLabel("Queue").selectOption("t2");
      await form.getByLabel("Task name").fill("work.add");
      await form.getByLabel("Arguments (JSON list)").fill("[20, 22]");
      await form.getByRole("button", { name: "Send" }).click();
      await form.waitFor({ state: "detached" });
      await page.getByRole("region", { name: "Result" }).getByText("42").first().waitFor();
      await page.getByRole("link", { name: "Tasks" }).first().click();
      await page
        .getByRole("row", { name: /work\.add/ })
        .getByText("SUCCESS")
        .waitFor();
    });

    test("filters by state and app, and keeps that in the address", async ({ page, branch, visit }) => {
      const failed = await send(branch, "http://127.0.0.1:1/refused");
      await outcome(branch, failed);
      const done = await send(branch, `${echo.url}/fine`);
      await outcome(branch, done);
      await visit(TASKS);
      await page.getByRole("row", { name: /refused/ }).waitFor();
      await page.getByLabel("State").selectOption("FAILURE");
      await page.getByRole("row", { name: /fine/ }).waitFor({ state: "detached" });
      await page.reload();
      await page.getByRole("row", { name: /refused/ }).waitFor();
      expect(await page.getByRole("row", { name: /fine/ }).count()).toBe(0);
      await page.getByRole("link", { name: /refused/ }).click();
      await page
        .getByText(/ConnectionRefused|refused/i)
        .last()
        .waitFor();
      await page.getByRole("main").getByText("FAILURE").waitFor();
    });
  },
  {},
  async (branch) => {
    echo = await startEcho();
    await must(branch, 201, "POST", "/shop/", { stop_timeout: 5, ...PROJECT });
    await must(branch, 201, "POST", "/shop/queues/t2/");
    await must(branch, 201, "POST", "/shop/instances/web/", { queues: ["t2"], pool: "threads", max_concurrency: 2 });
  },
);
