import { path, request } from "../api/request.ts";
import type { Instance } from "../api/types.ts";

/** What can be done to one instance or several. */
export type Verb = "enable" | "disable" | "restart" | "restart one by one" | "delete";

type Named = Pick<Instance, "app" | "name">;

/** Whether it can be done to an instance as it is. Of one whose branch does not answer nobody knows, so its branch will say. */
export function fits(verb: Verb, { is_enabled: isEnabled, is_held: isHeld }: Pick<Instance, "is_enabled" | "is_held">) {
  switch (verb) {
    case "enable":
      return !isEnabled || isHeld;
    case "disable":
    case "restart":
    case "restart one by one":
      return isEnabled !== false;
    case "delete":
      return true;
    default:
      return verb satisfies never;
  }
}

/** Of those that it can not be done to: `9 are disabled already`; undefined where there are none. */
export function leftOut(verb: Verb, many: number): string | undefined {
  if (many === 0) return undefined;
  const what = verb === "enable" ? "enabled already" : verb === "disable" ? "disabled already" : "disabled";
  return `${many} ${many === 1 ? "is" : "are"} ${what}`;
}

/** Stopping waits for running tasks, and a rolling restart for its turn. */
const WAIT_S = 3600;

/** Does it and waits until it is so. Rejects ApiError. */
export function act(verb: Verb, { app, name }: Named): Promise<unknown> {
  const place = path(app, "instances", name);
  const waiting = `?timeout=${WAIT_S}`;
  switch (verb) {
    case "delete":
      return request("DELETE", `${place}${waiting}`);
    case "restart one by one":
      return request("POST", `${place}restart/${waiting}&rolling=1`);
    default:
      return request("POST", `${place}${verb}/${waiting}`);
  }
}

const FINISHED = "Running tasks are finished within the stop timeout";

/** What is asked before it is done to `names`; undefined where it stops no work. */
export function warningOf(
  verb: Verb,
  names: readonly string[],
): { title: string; text: string; verb: string } | undefined {
  const isOne = names.length === 1;
  const what = isOne ? `instance ${names[0]}` : `${names.length} instances`;
  switch (verb) {
    case "enable":
      return undefined;
    case "disable":
      return {
        title: `Disable ${what}?`,
        text: `${FINISHED}, then ${isOne ? "the worker ends and stays off until it is" : "the workers end and stay off until they are"} enabled.`,
        verb: "Disable",
      };
    case "restart":
      return {
        title: `Restart ${what}?`,
        text: `${FINISHED}, then ${isOne ? "the worker is started anew" : "the workers are started anew, all at once"}.`,
        verb: "Restart",
      };
    case "restart one by one":
      return {
        title: `Restart ${what}, one by one?`,
        text: "The workers of an app take turns, and while one is restarted another one consumes in its place. This may take long.",
        verb: "Restart one by one",
      };
    case "delete":
      return {
        title: `Delete ${what}?`,
        text: `${FINISHED}. Folder, log and direct queue go with ${isOne ? "it" : "them"}. There is no way back.`,
        verb: "Delete",
      };
    default:
      return verb satisfies never;
  }
}

/** For messages: what was done. */
export const DONE: Readonly<Record<Verb, string>> = {
  enable: "enabled",
  disable: "disabled",
  restart: "restarted",
  "restart one by one": "restarted",
  delete: "deleted",
};
