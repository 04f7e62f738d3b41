import { describe, expect, test } from "bun:test";
import type { Member, MemberChange } from "../bus/bus.ts";
import type { KnownBranch } from "../store/known-branches.ts";
import { onAddress, otherAddresses } from "./other-addresses.ts";

const member = (id: string, url: string | null): Member => ({
  id,
  incarnation: id,
  startedAtMs: 0,
  version: "1",
  facts: { url },
  heardMs: 0,
});
const known = (id: string, url: string | null, isForgotten = false): KnownBranch => ({
  id,
  url,
  lastSeenAtMs: 0,
  isForgotten,
  version: "0",
});
const addresses = (members: Member[], rows: KnownBranch[]) =>
  otherAddresses({ branchId: "a", members: () => members }, rows);

describe("the addresses of other branches", () => {
  test("are known of those that are away too, as without the bus all are", () => {
    expect(addresses([], [known("b", "http://10.0.0.2:8000"), known("c", "https://[fe80::1]")])).toEqual([
      { host: "10.0.0.2", port: 8000 },
      { host: "fe80::1", port: 443 },
    ]);
  });

  test("are what is said now where something is said", () => {
    const rows = [known("b", "http://10.0.0.2:8000"), known("c", "http://10.0.0.3:8000")];
    expect(addresses([member("b", "http://10.0.0.2:9000"), member("c", null)], rows)).toEqual([
      { host: "10.0.0.2", port: 9000 },
    ]);
  });

  test("are not those of this one, of forgotten ones, and of names", () => {
    const rows = [
      known("a", "http://127.0.0.1:8000"),
      known("b", "http://127.0.0.1:8001", true),
      known("c", "http://c:1"),
    ];
    expect(addresses([member("a", "http://127.0.0.1:8000")], rows)).toEqual([]);
  });
});

test("the addresses of other branches are looked at when one comes, goes or says another, and not when it tells of its load", () => {
  let tell: (change: MemberChange, member: Member) => void = () => {};
  let looks = 0;
  onAddress({ onMember: (listener) => ((tell = listener), () => {}) }, () => looks++);
  const after = (change: MemberChange, url: string | null) => {
    tell(change, member("b", url));
    return looks;
  };
  expect(after("joined", "http://10.0.0.2:8000")).toBe(1);
  expect(after("changed", "http://10.0.0.2:8000")).toBe(1);
  expect(after("changed", "http://10.0.0.2:9000")).toBe(2);
  expect(after("changed", "http://10.0.0.2:9000")).toBe(2);
  expect(after("left", "http://10.0.0.2:9000")).toBe(3);
  expect(after("joined", null)).toBe(4);
  expect(after("changed", null)).toBe(4);
});
