import { expect, test } from "bun:test";
import { parseBrokerUrl } from "../domain/broker.ts";
import { startingStep } from "./steps.ts";

const BROKER = parseBrokerUrl("broker", "amqp://me:hush@h:5672//");

function starting({ broker = "up", bus = "up", seen = ["web", "mail"] } = {}): string {
  return startingStep({
    brokers: { inUse: () => [{ broker: BROKER, link: { state: { is: broker } } }] },
    cluster: { busState: { is: bus } },
    controller: {
      live: {
        wishes: () => ({ instances: [{ name: "web" }, { name: "mail" }] }),
        seen: (name) => (seen.includes(name) ? {} : undefined),
      },
    },
  });
}

test.each([
  [{}, "starting"],
  [{ broker: "away", bus: "away" }, "starting"],
  [{ broker: "connecting" }, "starting: waiting for broker amqp://h:5672//"],
  [{ bus: "connecting" }, "starting: waiting for bus"],
  [{ seen: ["web"] }, "starting: waiting for workers (1 of 2 taken over)"],
  [
    { broker: "connecting", bus: "connecting", seen: [] },
    "starting: waiting for broker amqp://h:5672//, bus, workers (0 of 2 taken over)",
  ],
])("a branch that starts says what it waits for: %j", (is, words) => expect(starting(is)).toBe(words));
