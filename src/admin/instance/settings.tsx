import type { Instance } from "../api/types.ts";
import { bytes } from "../kit/numbers.ts";
import { Card } from "../kit/parts.tsx";
import { span } from "../../kit/span.ts";
import { moment } from "../state/time.ts";

/** How the worker is started: its own settings; the others are its app's. */
export function Settings({ instance }: { readonly instance: Instance }) {
  const { broker, env, max_memory: memory, max_age: age } = instance;
  const own: readonly (readonly [string, string | null])[] = [
    ["Pool", instance.pool],
    [
      "Broker",
      `${broker.userid}@${broker.hostname}:${broker.port}${broker.virtual_host === "/" ? "" : ` ${broker.virtual_host}`}`,
    ],
    ["Arguments", instance.arguments],
    ["Extra configuration", instance.extra_config],
    ["Command", instance.command],
    ["Working directory", instance.cwd],
    ["User", instance.user],
    ["Environment", env === null ? null : Object.keys(env).join(", ")],
    ["Most memory", memory === null ? null : bytes(memory)],
    ["Longest life", age === null ? null : span(age * 1000)],
    ["May die", instance.restart_max_rate],
    ["Stop timeout", instance.stop_timeout === null ? null : `${instance.stop_timeout} s`],
    ["Created", moment(instance.created_at)],
  ];
  return (
    <Card title="Settings" class="is-whole">
      <dl class="card-body settings">
        {own
          .filter(([, value]) => value !== null && value !== "")
          .map(([label, value]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd class="mono">{value}</dd>
            </div>
          ))}
      </dl>
    </Card>
  );
}
