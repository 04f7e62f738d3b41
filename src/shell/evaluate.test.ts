import { describe, expect, test } from "bun:test";
import { evaluate, transpile, Unfinished } from "./evaluate.ts";

const run = async (code: string) => evaluate(transpile(code), new AbortController().signal);
const error = (code: string) => run(code).catch((thrown: unknown) => thrown);

describe("a line", () => {
  test.each([
    ["1 + 1", 2],
    ["{ a: 1 }", { a: 1 }],
    ["const n: number = 3; n * 2", 6],
    ["await Promise.resolve(4)", 4],
    ["Promise.resolve(5)", 5],
    ["function f() { return 6 }", undefined],
    ["({ then: (done) => done(7) })", 7],
  ])("%s gives %j", async (code, value) => expect(await run(code)).toEqual(value));

  test("sees what lines before it declared, const and class too, and may declare it anew", async () => {
    await run("const first = await Promise.resolve(1); let second = 2; class Third {}");
    expect(await run("[first, second, new Third() instanceof Third]")).toEqual([1, 2, true]);
    await run("const first = 'again'");
    expect(await run("first")).toBe("again");
  });

  test("has what a promise becomes under the name that it was declared by", async () => {
    await run("const soon = Promise.resolve({ name: 'web' })");
    expect(await run("soon.name")).toBe("web");
  });

  test.each(["function f() {", "[1, 2", "`a", "if (true) {"])("goes on where it is not ended: %s", async (code) => {
    expect(await error(code)).toBeInstanceOf(Unfinished);
  });

  test.each([
    ["const = 1", SyntaxError],
    ["x y", SyntaxError],
    ["null.name", TypeError],
    ["await Promise.reject(new RangeError('far'))", RangeError],
  ])("that is wrong says so: %s", async (code, type) => expect(await error(code)).toBeInstanceOf(type));

  test("loads modules, those of the working directory, too", async () => {
    await run('import { join } from "node:path"; const { name } = await import("./package.json")');
    expect(await run("[join('a', 'b'), name]")).toEqual(["a/b", "cyme"]);
    expect(await error('import "./nowhere.ts"')).toMatchObject({ message: expect.stringContaining("./nowhere.ts") });
  });

  test("can be ended until something is really waited for", async () => {
    const { promise: ended, resolve } = Promise.withResolvers<string>();
    let turns = 0;
    const around = () => () => resolve(`ended after ${turns} turns`);
    const code = "for (let n = 0; n < 5; n++) { await 1; turn() }; await new Promise(() => {})";
    Object.assign(globalThis, { turn: () => turns++ });
    const interrupt = new AbortController();
    const running = evaluate(transpile(code), interrupt.signal, around).catch(() => {});
    expect(await ended).toBe("ended after 5 turns");
    interrupt.abort();
    await running;
  });

  test("is waited for no longer once it is interrupted", async () => {
    const interrupt = new AbortController();
    const waiting = evaluate(transpile("new Promise(() => {})"), interrupt.signal).catch(
      (thrown: Error) => thrown.message,
    );
    interrupt.abort();
    expect(await waiting).toBe("interrupted");
  });
});
