import { describe, expect, test } from "bun:test";
import { instance } from "../test-things.ts";
import { filterOf, inStates, namesIn, toggledState, withoutStates } from "./filter.ts";

const all = [
  instance("web-1", { queues: ["high"], branch: "rack1" }),
  instance("web-2", { state: "backoff", why: "exit code 1", branch: "rack2" }),
  instance("mail-1", { app: "mail", state: "disabled" }),
];

function shown(query: string): string[] {
  const filter = filterOf(new URLSearchParams(query));
  return inStates(withoutStates(all, filter), filter).map(({ name }) => name);
}

describe("the filter of instances", () => {
  test.each([
    ["", ["web-1", "web-2", "mail-1"]],
    ["q=WEB", ["web-1", "web-2"]],
    ["q=web+rack2", ["web-2"]],
    ["q=high", ["web-1"]],
    ["q=exit", ["web-2"]],
    ["app=mail", ["mail-1"]],
    ["branch=rack2&q=nothing", []],
    ["state=backoff,disabled", ["web-2", "mail-1"]],
  ])("%p shows %p", (query, names) => expect(shown(query)).toEqual(names));

  test("a state is added and taken out again", () => {
    const filter = filterOf(new URLSearchParams("state=running"));
    expect(toggledState(filter, "backoff")).toBe("running,backoff");
    expect(toggledState(filter, "running")).toBe("");
  });

  test("no names are none", () => expect([...namesIn(null), ...namesIn("")]).toEqual([]));
});
