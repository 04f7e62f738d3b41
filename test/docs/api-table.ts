/**
 * The table of all routes in docs/api.md, made from the table by which requests are answered. A test keeps both equal;
 * `bun test/docs/api-table.ts` writes it anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { ANSWERS } from "../../src/http/answers.ts";
import { routes, type Route } from "../../src/http/routes.ts";

export const API = resolve(import.meta.dir, "../../docs/api.md");
const BEGIN = "<!-- This table is made by `bun test/docs/api-table.ts`. -->\n";
const END = "\n<!-- The end of that table. -->";

/** Of every instance and app, which would make the rows too long. */
const GROUPS: readonly (readonly [name: string, params: readonly string[]])[] = [
  [
    "those of an app",
    routes.find(({ pattern, methods }) => pattern === "/:app" && methods.includes("PUT"))?.params ?? [],
  ],
];

/** `/:app/instances/:name` as `/<app>/instances/<name>/`. */
export const pathOf = (pattern: string) =>
  `${pattern.replaceAll(/:([a-z]+)/g, "<$1>")}${/\/$|\.json$/.test(pattern) ? "" : "/"}`;

function paramsOf({ params, pattern }: Route): string {
  const own = params.filter((name) => name !== "timeout");
  const group = GROUPS.find(([, names]) => pattern !== "/:app" && names.every((name) => params.includes(name)));
  const shown = group ? own.filter((name) => !group[1].includes(name)) : own;
  return [...(group ? [group[0]] : []), ...shown.map((name) => `\`${name}\``)].join(", ");
}

const statusesOf = ({ methods, pattern }: Route) =>
  Object.keys(ANSWERS[`${methods[0] ?? "GET"} ${pattern}`] ?? {}).join(" ");

function apiTable(): string {
  const rows = routes.map((route) => {
    const { methods, pattern, role, about } = route;
    return `| ${methods.join(" ")} \`${pathOf(pattern)}\` | ${role} | ${statusesOf(route)} | ${paramsOf(route)} | ${about} |`;
  });
  return ["| route | role | answers | parameters | |", "|---|---|---|---|---|", ...rows].join("\n");
}

/** The document with the table as it is to be. Throws where it has no place for it. */
export function withTable(markdown: string): string {
  const begin = markdown.indexOf(BEGIN);
  const end = markdown.indexOf(END);
  if (begin < 0 || end < begin) throw new Error("docs/api.md has no place for the table of routes");
  return `${markdown.slice(0, begin + BEGIN.length)}${apiTable()}${markdown.slice(end)}`;
}

if (import.meta.main) writeFileSync(API, withTable(readFileSync(API, "utf8")));
