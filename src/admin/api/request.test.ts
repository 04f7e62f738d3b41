import { afterAll, afterEach, describe, expect, spyOn, test } from "bun:test";
import { ApiError, loginWanted, path, request, silentBranches } from "./request.ts";

const fetching = spyOn(globalThis, "fetch");
afterEach(() => fetching.mockReset());
afterAll(() => fetching.mockRestore());

function answer(status: number, body: string, headers: Record<string, string> = {}): void {
  // Bun's own fetch has more on it than a browser's.
  fetching.mockImplementation((async () => new Response(body, { status, headers })) as unknown as typeof fetch);
}

async function refused(work: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ApiError) return error;
  throw new Error("it was not refused by an ApiError");
}

describe("request()", () => {
  test("marks requests as the page's own, and sends parameters as JSON", async () => {
    answer(200, '{"ok":"ok"}');
    expect(await request<unknown>("POST", path("shop", "instances", "a b"), { max: 2 })).toEqual({ ok: "ok" });
    const [to, init] = fetching.mock.calls[0] ?? [];
    expect(to).toBe("/shop/instances/a%20b/");
    expect(init?.body).toBe('{"max":2}');
    expect(new Headers(init?.headers).get("x-requested-with")).toBe("cyme");
  });

  test("gives the API's sentence, its code and the parameter that is wrong", async () => {
    answer(400, '{"nok":"Cannot use max","error":"invalid","parameter":"max"}');
    const { status, message, code, parameter } = await refused(request("GET", "/"));
    expect({ status, message, code, parameter }).toEqual({
      status: 400,
      message: "Cannot use max",
      code: "invalid",
      parameter: "max",
    });
  });

  test("asks for a login where the session has ended, but not where the login itself is refused", async () => {
    const before = loginWanted.value;
    answer(401, '{"nok":"no","error":"unauthorized"}');
    expect((await refused(request("GET", "/"))).message).toContain("log in again");
    expect(loginWanted.value).toBe(before + 1);
    expect((await refused(request("POST", "/api/session/", {}))).message).toBe("no");
    expect(loginWanted.value).toBe(before + 1);
  });

  test("says of a proxy's own page that the status was none of the API", async () => {
    answer(502, "<h1>Bad gateway</h1>");
    expect((await refused(request("GET", "/"))).message).toBe("The branch answered with status 502");
  });

  test("takes half an answer for none", async () => {
    answer(200, '{"ok":');
    expect((await refused(request("GET", "/"))).message).toContain("broke off");
  });

  test("says that the branch was not reached", async () => {
    fetching.mockRejectedValue(new TypeError("Failed to fetch"));
    expect(await refused(request("GET", "/"))).toMatchObject({ status: 0, code: "unreachable" });
  });

  test("tells which branches were silent to a change, not to a read", async () => {
    answer(200, "{}", { "x-cyme-silent": "b2,b3" });
    await request("GET", "/");
    expect(silentBranches.value).toEqual([]);
    await request("DELETE", "/shop/");
    expect(silentBranches.value).toEqual(["b2", "b3"]);
  });
});
