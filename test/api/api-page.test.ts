import { describe, expect, test } from "bun:test";
import { describeApi } from "../../src/http/openapi.ts";
import { routes } from "../../src/http/routes.ts";
import { callsByTag, curlOf, kindOf, type Description } from "../../src/admin/pages/api/description.ts";

const description = JSON.parse(JSON.stringify(describeApi(routes, "1.2.3", "b1"))) as Description;
const calls = callsByTag(description, "http://127.0.0.1:8000");

describe("what the page shows of the API", () => {
  test("is every call, grouped by what it is about", () => {
    const described = Object.values(description.paths).flatMap((item) => Object.keys(item));
    expect([...calls.values()].flat()).toHaveLength(described.length);
    expect([...calls.keys()]).toEqual(
      expect.arrayContaining(["apps", "instances", "queues", "branches", "users", "tokens"]),
    );
  });

  test("says of a call who may, what it takes and what it answers", () => {
    const call = calls.get("instances")?.find(({ id }) => id === "putAppInstancesName");
    expect(call).toMatchObject({
      method: "PUT",
      path: "/{app}/instances/{name}/",
      role: "operator",
      params: expect.arrayContaining([
        expect.objectContaining({ name: "app", place: "path" }),
        { name: "max_concurrency", place: "query or body", kind: "integer, 1 to 10000", about: expect.any(String) },
      ]),
      answers: expect.arrayContaining([
        { status: "201", error: null },
        { status: "409", error: "conflict" },
      ]),
    });
  });

  test("is a line for a shell that holds no token", () => {
    const origin = "http://h";
    expect(curlOf("GET", "/ping/", "open", origin)).toBe("curl 'http://h/ping/'");
    expect(curlOf("DELETE", "/{app}/", "admin", origin)).toBe(
      `curl -X DELETE -H "Authorization: Bearer $CYME_TOKEN" 'http://h/{app}/'`,
    );
  });

  test("says what kind of value a parameter is", () => {
    expect(kindOf({ enum: ["a", "b"] })).toBe("a · b");
    expect(kindOf({ type: "string" })).toBe("text");
    expect(kindOf({ type: "number", minimum: 0 })).toBe("number, from 0");
    expect(kindOf({ type: "string", format: "uuid" })).toBe("uuid");
  });
});
