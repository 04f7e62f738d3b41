import { describe, expect, test } from "bun:test";
import { EventStream } from "./event-stream.ts";

const bytes = (length: number, of = 97) => new Uint8Array(length).fill(of);

function opened() {
  const ended: string[] = [];
  const stream = new EventStream(() => void ended.push("ended"));
  return { stream, ended, reader: stream.body.getReader() };
}

describe("a stream of events", () => {
  test("gives what was written before and after it was read, in order", async () => {
    const { stream, reader } = opened();
    stream.begin(bytes(1, 1));
    stream.write(bytes(1, 2));
    expect((await reader.read()).value).toEqual(bytes(1, 1));
    expect((await reader.read()).value).toEqual(bytes(1, 2));
    const next = reader.read();
    stream.write(bytes(1, 3));
    expect((await next).value).toEqual(bytes(1, 3));
  });

  test("ends, once, when it is told to, whatever was not read", async () => {
    const { stream, reader, ended } = opened();
    stream.write(bytes(10));
    stream.end();
    stream.end();
    stream.write(bytes(10));
    expect(await reader.read()).toMatchObject({ done: true });
    expect(ended).toEqual(["ended"]);
  });

  test("ends when its reader leaves, and takes nothing more", async () => {
    const { stream, reader, ended } = opened();
    await reader.cancel();
    stream.write(bytes(10));
    stream.end();
    expect(ended).toEqual(["ended"]);
  });

  test("is cut off when more than 1 MB waits for its reader", async () => {
    const { stream, reader, ended } = opened();
    for (let i = 0; i <= 16; i++) stream.write(bytes(64 * 1024));
    expect(ended).toEqual([]);
    stream.write(bytes(1));
    expect(ended).toEqual(["ended"]);
    expect(await reader.read()).toMatchObject({ done: true });
  });

  test("may be written much at once, as long as that is read before the next", async () => {
    const { stream, reader, ended } = opened();
    for (let round = 0; round < 3; round++) {
      stream.write(bytes(5_000_000));
      expect((await reader.read()).value).toHaveLength(5_000_000);
    }
    expect(ended).toEqual([]);
  });

  test("may begin with more than that, and forgives who catches up", async () => {
    const { stream, reader, ended } = opened();
    stream.begin(bytes(5_000_000));
    for (let round = 0; round < 3; round++) {
      stream.write(bytes(900_000));
      expect((await reader.read()).done).toBe(false);
      if (round === 0) expect((await reader.read()).done).toBe(false);
    }
    expect(ended).toEqual([]);
  });
});
