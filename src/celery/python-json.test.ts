import { describe, expect, test } from "bun:test";
import { parsePythonJson } from "./python-json.ts";

describe("parsePythonJson()", () => {
  test("reads plain JSON", () => {
    expect(parsePythonJson('{"a": [1, "two", null]}')).toEqual({ a: [1, "two", null] });
  });

  test.each(["NaN", "Infinity", "-Infinity"])("reads %s as null", (number) => {
    expect(parsePythonJson(number)).toBeNull();
    expect(parsePythonJson(`{"a": ${number}, "b": [${number},${number}]}`)).toEqual({ a: null, b: [null, null] });
  });

  test("leaves such words in strings and keys alone", () => {
    const text = String.raw`{"NaN": "-Infinity", "a \" NaN": "\\", "b": Infinity}`;
    expect(parsePythonJson(text)).toEqual({ NaN: "-Infinity", 'a " NaN': "\\", b: null });
  });

  test.each(["", "{", "{'a': 1}", "[NaN", '"NaN', "Infinit"])("throws SyntaxError for %p", (text) => {
    expect(() => parsePythonJson(text)).toThrow(SyntaxError);
  });
});
