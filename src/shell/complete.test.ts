import { expect, test } from "bun:test";
import { completionOf } from "./complete.ts";

class Things {
  readonly add = () => {};
  #names: string[];
  constructor(...names: string[]) {
    this.#names = names;
  }
  async all() {
    return this.#names.map((name) => ({ name }));
  }
  get() {}
}

const SCOPE = {
  client: { apps: new Things("shop", "blog"), get: () => {}, health: () => {} },
  apps: new Things("shop", "blog"),
  app: (name: string) => ({ instances: new Things(`${name}-1`, `${name}-2`), _hidden: 1 }),
  get broken(): never {
    throw new Error("Of which app?");
  },
};

test.each([
  ["", ["app", "apps", "broken", "client"], ""],
  ["ap", ["app", "apps"], "ap"],
  ["client.", ["apps", "get", "health"], ""],
  ["await client.he", ["health"], "he"],
  ["client.apps.", ["add", "all", "get"], ""],
  ['app("shop").in', ["instances"], "in"],
  ['app("shop").instances.g', ["get"], "g"],
  ["broken.", [], ""],
  ["nothing.at.", [], ""],
  ["f(client.he", ["health"], "he"],
  ['app("sh', ["shop"], "sh"],
  ['client.get("', ["blog", "shop"], ""],
  ['app("shop").instances.get("shop-2', ["shop-2"], "shop-2"],
  ['const a = await client.apps.get("b', ["blog"], "b"],
  ['broken.get("', [], ""],
  ['"text".', [], ""],
  ["1.", [], ""],
])("%j can go on with %j", async (line, candidates, word) => {
  expect(await completionOf(line, SCOPE, Object.keys(SCOPE))).toEqual([candidates, word]);
});
