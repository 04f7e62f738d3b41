import { NOUNS } from "./path.ts";

/** The pattern under which a change is not waited for, with its `!`; undefined where there is none. */
export function nowaitPattern(pattern: string): string | undefined {
  if (pattern === "/:app") return "/!/:app";
  const parts = pattern.split("/");
  const noun = parts.findIndex((part) => NOUNS.includes(part));
  return noun < 0 ? undefined : parts.toSpliced(noun + 1, 0, "!").join("/");
}
