import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, test } from "bun:test";
import { ANSWERS } from "./answers.ts";
import { describeApi } from "./openapi.ts";
import { paramSchema } from "./param-schemas.ts";
import { routes } from "./routes.ts";

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, unknown>>;
  readonly requestBody?: { readonly content: Record<string, { schema: { properties: Record<string, unknown> } }> };
  readonly "x-role": string;
  readonly security: readonly unknown[];
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const document = JSON.parse(JSON.stringify(describeApi(routes, "1.2.3", "b1"))) as Document;
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, ...operation })),
);
const rows = routes.map((route) => [`${route.methods.join("·")} ${route.pattern}`, route] as const);

describe("the description of the API", () => {
  test("is valid OpenAPI 3.1", async () => {
    const result = await new Validator().validate({ ...document });
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
  });

  test("names each operation once", () => {
    const ids = operations.map(({ operationId }) => operationId);
    expect(ids).toHaveLength(new Set(ids).size);
  });

  test("has all routes of the table and no other, but for the sends", () => {
    const wanted = routes.flatMap(({ methods, pattern }) => methods.map((method) => `${method} ${pattern}`));
    const isPlain = (path: string) => !path.includes("!") && !path.includes("/queue/");
    const described = operations
      .filter(({ path }) => isPlain(path))
      .map(
        ({ path, method }) =>
          `${method.toUpperCase()} ${path.replaceAll(/\{([a-z]+)\}/g, ":$1").replace(/(.)\/$/, "$1")}`,
      );
    expect(described.toSorted()).toEqual(wanted.toSorted());
  });

  test("says under which path a change is not waited for", () => {
    const nowait = operations.filter(({ path }) => path.includes("!")).map(({ path, method }) => `${method} ${path}`);
    expect(nowait).toEqual(
      expect.arrayContaining([
        "put /!/{app}/",
        "post /{app}/instances/!/{name}/restart/",
        "put /{app}/instances/!/{name}/queues/{queue}/",
        "delete /{app}/queues/!/{queue}/",
        "post /{app}/task/!/{queue}/{task}/",
        "patch /{app}/queue/!/{queue}/{url}",
      ]),
    );
    expect(nowait.filter((one) => one.startsWith("get ") && !one.includes("/queue/"))).toEqual([]);
  });

  test("says of a parameter of a change that it may stand in query or body", () => {
    const put = document.paths["/{app}/instances/{name}/"]?.["put"];
    const inQuery = put?.parameters.filter((param) => param.in === "query").map(({ name }) => name) ?? [];
    for (const type of ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"]) {
      expect(Object.keys(put?.requestBody?.content[type]?.schema.properties ?? {})).toEqual(inQuery);
    }
    expect(inQuery).toContain("max_concurrency");
    expect(document.paths["/"]?.["get"]?.requestBody).toBeUndefined();
  });
});

describe.each(rows)("%s", (_, { methods, pattern, params }) => {
  test("has its answers described", () => {
    expect(Object.keys(ANSWERS)).toContain(`${methods[0]} ${pattern}`);
  });

  test("has its parameters described", () => {
    expect(params.filter((name) => paramSchema(pattern, name) === undefined)).toEqual([]);
  });
});

test("no answers are described of a route that is not there", () => {
  const wanted = new Set(routes.map(({ methods, pattern }) => `${methods[0]} ${pattern}`));
  expect(Object.keys(ANSWERS).filter((key) => !wanted.has(key))).toEqual([]);
});
