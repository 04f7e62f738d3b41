import { expect } from "bun:test";
import { anyCelery } from "../harness/celery.ts";
import { consumed, must, untilInstance } from "../lifecycle/work.ts";
import { send } from "../tasks/work.ts";
import { describePage } from "./stage.ts";

const QUEUES = "#/queues";

describePage(
  import.meta.path,
  ({ test }) => {
    test("declares a queue, and shows what the API refuses at the field", async ({ page, branch, visit, problems }) => {
      await visit(QUEUES);
      await page.getByRole("button", { name: "Declare queue" }).click();
      const form = page.getByRole("dialog", { name: "Declare queue" });
      await form.getByLabel("App").selectOption("shop");
      await form.getByLabel("Name").fill("orders");
      await form.getByLabel("Exchange type").selectOption("topic");
      await form.getByLabel("Routing key").fill("order.*");
      await form.getByLabel("Options").fill("{ not json");
      problems.meant(400, "/shop/queues/orders/");
      await form.getByRole("button", { name: "Declare" }).click();
      await form.getByText(/Cannot use “Options”/).waitFor();
      await form.getByLabel("Options").fill('{"durable": false}');
      await form.getByRole("button", { name: "Declare" }).click();
      await form.waitFor({ state: "detached" });
      await page.getByRole("row", { name: /orders/ }).waitFor();
      expect(await must(branch, 200, "GET", "/shop/queues/orders/")).toMatchObject({
        exchange: "orders",
        exchange_type: "topic",
        routing_key: "order.*",
        options: { durable: false },
      });
    });

    test("shows messages that wait, and nobody to take them", async ({ page, branch, visit }) => {
      await must(branch, 201, "POST", "/shop/queues/waiting/");
      await visit(QUEUES);
      const row = page.getByRole("row", { name: /waiting/ });
      await row.waitFor();
      await send(branch, "http://127.0.0.1:1/", { place: "/shop/queue/waiting/" });
      await send(branch, "http://127.0.0.1:1/", { place: "/shop/queue/waiting/" });
      await row.getByRole("gridcell", { name: "2", exact: true }).waitFor();
      await row.getByText(/no consumer/i).waitFor();
    });

    test("says who consumes a queue, and deleting it takes it from the worker", async (scene) => {
      const { page, branch, brokerUrl, visit } = scene;
      await must(branch, 201, "POST", "/shop/queues/gone/");
      await must(branch, 201, "POST", "/shop/instances/q1/", { pool: "solo", queues: ["gone"] });
      await untilInstance(branch, "q1", "running", ({ state }) => state === "running");
      await visit(QUEUES);
      const row = page.getByRole("row", { name: /gone/ });
      await row.getByRole("link", { name: "q1" }).waitFor();
      await row.getByRole("button", { name: "Delete" }).click();
      const question = page.getByRole("dialog", { name: /^Delete/ });
      await question.getByText(/q1/).waitFor();
      await question.getByRole("button", { name: "Delete" }).click();
      await row.waitFor({ state: "detached" });
      expect(await consumed(anyCelery(), brokerUrl, branch, "q1")).toEqual(["dq.q1"]);
    });

    test("filters by app and text, and keeps that in the address", async ({ page, branch, visit }) => {
      await must(branch, 201, "POST", "/other/");
      await must(branch, 201, "POST", "/other/queues/alpha/");
      await must(branch, 201, "POST", "/other/queues/beta/");
      await visit(QUEUES);
      await page.getByRole("row", { name: /alpha/ }).waitFor();
      await page.getByRole("searchbox").fill("alp");
      await page.getByRole("row", { name: /beta/ }).waitFor({ state: "detached" });
      await page.reload();
      await page.getByRole("row", { name: /alpha/ }).waitFor();
      expect(await page.getByRole("row", { name: /beta/ }).count()).toBe(0);
    });
  },
  {},
  async (branch) => {
    await must(branch, 201, "POST", "/shop/", { stop_timeout: 5 });
  },
);
