import { describe, expect, test } from "bun:test";
import { instance, queue } from "../../test-things.ts";
import { unheard } from "./unheard.ts";

const PLACE = { app: "shop", queue: "orders" };

describe("unheard()", () => {
  test("goes by what the broker counts", () => {
    const idle = [instance("web", { queues: ["orders"] })];
    expect(unheard(PLACE, queue("orders", { consumers: 0 }), idle)).toBe("Nobody consumes from this queue.");
    expect(unheard(PLACE, queue("orders", { consumers: 1 }), [])).toBeNull();
  });

  test("goes by the instances of the app where the broker says nothing", () => {
    const other = instance("mail", { app: "mail", queues: ["orders"] });
    expect(unheard(PLACE, undefined, [other])).toBe("No instance consumes from this queue.");
    expect(unheard(PLACE, undefined, [instance("web", { queues: ["orders"] })])).toBeNull();
    expect(unheard(PLACE, queue("orders", { consumers: null }), [])).not.toBeNull();
  });
});
