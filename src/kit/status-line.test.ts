import { expect, test } from "bun:test";
import { StatusLine } from "./status-line.ts";

function setup(columns: number) {
  const written: string[] = [];
  const write = (text: string) => written.push(text) > 0;
  return { written, line: new StatusLine({ write }, () => columns) };
}

test("the line says one thing after another, each once, and nothing at last", () => {
  const { written, line } = setup(80);
  for (const text of ["broker", "broker", "bus", "", ""]) line.show(text);
  expect(written).toEqual(["\r\u001B[Kbroker", "\r\u001B[Kbus", "\r\u001B[K"]);
});

test("other lines are written above it", () => {
  const { written, line } = setup(80);
  line.write("one\n");
  line.show("broker");
  line.write("two\n");
  line.show("");
  line.write("three\n");
  expect(written).toEqual(["one\n", "\r\u001B[Kbroker", "\r\u001B[Ktwo\nbroker", "\r\u001B[K", "three\n"]);
});

test("what has no room in one line is cut", () => {
  const { written, line } = setup(10);
  line.show("starting: waiting for all");
  expect(written).toEqual(["\r\u001B[Kstarting…"]);
});

test("nothing is shown where there is no terminal, and other lines are as they are", () => {
  const { written, line } = setup(0);
  line.show("broker");
  line.write("one\n");
  expect(written).toEqual(["one\n"]);
});
