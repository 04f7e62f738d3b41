import { useSignal } from "@preact/signals";
import { Button } from "../../kit/button.tsx";
import { count } from "../../kit/numbers.ts";
import { Card, Empty, PageHead } from "../../kit/parts.tsx";
import { STATE_NAMES, StateMark } from "../../kit/state-mark.tsx";
import type { PageProps } from "../../pages.tsx";
import { apps, isLoaded } from "../../state/live.ts";
import { go, href } from "../../state/router.ts";
import { may } from "../../state/session.ts";
import { AppForm } from "./app-form.tsx";
import { brokerText } from "./fields.ts";
import { removeApp } from "./remove.tsx";
import { rowOf, type AppRow } from "./row.ts";

const BACK = { to: href("apps"), label: "Apps" };

/** One app: how its workers are started, and what it has. */
export function AppPage({ path: [, name = ""] }: PageProps) {
  const app = apps.value.get(name);
  if (app) return <Present {...rowOf(app)} />;
  return (
    <>
      <PageHead title={name} back={BACK} />
      <Empty icon="apps">{isLoaded.value ? "There is no app of this name." : "Loading"}</Empty>
    </>
  );
}

function Present(row: AppRow) {
  const isEdited = useSignal(false);
  const { app } = row;
  const remove = async () => {
    if (await removeApp(row)) go(href("apps"));
  };
  return (
    <>
      <PageHead title={app.name} back={BACK}>
        {may("admin") && (
          <>
            <Button icon="edit" onClick={() => (isEdited.value = true)}>
              Edit
            </Button>
            <Button icon="trash" onClick={() => void remove()}>
              Delete
            </Button>
          </>
        )}
      </PageHead>
      <Members {...row} />
      <Settings {...row} />
      {isEdited.value && <AppForm app={app} onClose={() => (isEdited.value = false)} />}
    </>
  );
}

function Members({ app, instances, queues }: AppRow) {
  const byState = Map.groupBy(instances, ({ state }) => state);
  return (
    <Card title="What it has">
      <dl class="card-body facts">
        <dt>Instances</dt>
        <dd>
          <a href={href("instances", { app: app.name })}>{count(instances.length)}</a>{" "}
          {STATE_NAMES.filter((state) => byState.has(state)).map((state) => (
            <StateMark key={state} state={state} count={byState.get(state)?.length ?? 0} />
          ))}
        </dd>
        <dt>Queues</dt>
        <dd>
          <a href={href("queues", { app: app.name })}>{count(queues.length)}</a>{" "}
          <span class="mono">{queues.map(({ name }) => name).join(", ")}</span>
        </dd>
        <dt>Tasks</dt>
        <dd>
          <a href={href("tasks", { app: app.name })}>Those that were sent</a>
        </dd>
      </dl>
    </Card>
  );
}

function Settings({ app }: AppRow) {
  const settings = [
    ["Broker", brokerText(app)],
    ["Arguments", app.arguments],
    ["Configuration", app.extra_config],
    ["Command", app.command],
    ["Working directory", app.cwd],
    ["Environment", app.env && Object.keys(app.env).join(", ")],
    ["Stop timeout", app.stop_timeout === null ? null : `${app.stop_timeout} s`],
  ] as const;
  return (
    <Card title="How its workers are started">
      <dl class="card-body facts">
        {settings
          .filter(([, value]) => value !== null && value !== "")
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd class="mono">{value}</dd>
            </div>
          ))}
      </dl>
    </Card>
  );
}
