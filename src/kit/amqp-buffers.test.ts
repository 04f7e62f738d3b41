import { describe, expect, test } from "bun:test";
import { CorkedWrites, SmallBuffers } from "./amqp-buffers.ts";

const KB = 1024;

function corked() {
  const written: Uint8Array[] = [];
  const writes = new CorkedWrites((bytes) => written.push(bytes));
  return { writes, written, turn: () => new Promise<void>((resolve) => setImmediate(resolve)) };
}

describe("SmallBuffers", () => {
  test("keeps what is to be used again, and not a buffer as large as a message", () => {
    const buffers = new SmallBuffers();
    buffers.push(new Uint8Array(8 * KB));
    buffers.push(new Uint8Array(8 * KB + 1));
    expect(buffers).toHaveLength(1);
    expect(buffers.pop()?.byteLength).toBe(8 * KB);
    expect(buffers.pop()).toBeUndefined();
  });
});

describe("CorkedWrites", () => {
  test("writes once what came within one turn, in order", async () => {
    const { writes, written, turn } = corked();
    writes.add(Uint8Array.of(1, 2));
    writes.add(Uint8Array.of(3));
    expect(written).toEqual([]);
    await turn();
    expect(written.map((bytes) => [...bytes])).toEqual([[1, 2, 3]]);
    writes.add(Uint8Array.of(4));
    await turn();
    expect(written.map((bytes) => [...bytes])).toEqual([[1, 2, 3], [4]]);
  });

  test("lets small buffers be used again at once", async () => {
    const { writes, written, turn } = corked();
    const buffer = Uint8Array.of(1);
    writes.add(buffer);
    buffer[0] = 2;
    await turn();
    expect(written[0]?.[0]).toBe(1);
  });

  test("does not copy what is large", async () => {
    const { writes, written, turn } = corked();
    const large = new Uint8Array(300 * KB);
    writes.add(Uint8Array.of(1));
    writes.add(large);
    await turn();
    expect(written).toHaveLength(2);
    expect(written[1]).toBe(large);
  });
});
