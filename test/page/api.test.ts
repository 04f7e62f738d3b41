import { until } from "../harness/wait.ts";
import { describePage } from "./stage.ts";

describePage(import.meta.path, ({ test }) => {
  test("shows every call of the API, by words that are searched for, with a line for a shell", async ({
    page,
    visit,
    picture,
  }) => {
    await visit("#/api");
    const calls = page.locator("details.call");
    await calls.first().waitFor();
    const all = await calls.count();
    await page.getByRole("searchbox", { name: "Search the API" }).fill("autoscale");
    await until(async () => (await calls.count()) < all, { what: "only those that are searched for" });
    const call = calls.filter({ hasText: "Set the bounds" }).first();
    await call.locator("summary").click();
    await call.getByText(/curl -X POST .*autoscale/).waitFor();
    await call.getByRole("cell", { name: "max", exact: true }).waitFor();
    await picture("one call");
  });
});
