import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { path, request } from "../api/request.ts";
import type { Instance } from "../api/types.ts";
import { Button } from "../kit/button.tsx";
import { Card } from "../kit/parts.tsx";
import { may } from "../state/session.ts";
import { attempt } from "../state/toasts.ts";
import { areInOrder, moved, topOf, type Bounds } from "./bounds.ts";

/** The bounds between which the worker has as many processes as there is work for. */
export function Scale({ instance }: { readonly instance: Instance }) {
  const { app, name, pool, max_concurrency: max, min_concurrency: min } = instance;
  const wished = useSignal<Bounds | null>(null);
  /** Shown until the branch tells of it, which may be a moment after its answer. */
  const applied = useSignal<Bounds | null>(null);
  const isBusy = useSignal(false);
  useEffect(() => {
    applied.value = null;
  }, [min, max]);
  const now: Bounds = applied.value ?? { min, max };
  const bounds = wished.value ?? now;
  const isChanged = bounds.min !== now.min || bounds.max !== now.max;
  const canAct = may("operator");
  const apply = async (event: Event) => {
    event.preventDefault();
    isBusy.value = true;
    const text = `Instance ${name} has ${bounds.min} to ${bounds.max} processes`;
    if (await attempt(() => request("POST", `${path(app, "instances", name)}autoscale/`, bounds), text)) {
      wished.value = null;
      applied.value = bounds;
    }
    isBusy.value = false;
  };
  const slider = (key: keyof Bounds, label: string) => (
    <Bound
      name={key}
      label={label}
      value={bounds[key]}
      top={topOf(now)}
      disabled={!canAct}
      onMove={(value) => (wished.value = moved(bounds, key, value))}
    />
  );
  return (
    <Card title="Concurrency">
      <form class="card-body scale" onSubmit={(event) => void apply(event)}>
        {slider("max", "Most")}
        {slider("min", "Fewest")}
        {!areInOrder(bounds) && (
          <p class="form-error" role="alert">
            Fewest is more than most: wanted at most {bounds.max}
          </p>
        )}
        <p class="hint">
          {pool === "prefork"
            ? "The worker keeps between these by the work there is, without a restart."
            : `The pool ${pool} takes another number by a restart.`}
        </p>
        {canAct && (
          <div class="actions">
            <Button
              type="submit"
              kind="main"
              icon="scale"
              disabled={!isChanged || !areInOrder(bounds)}
              busy={isBusy.value}
            >
              Apply
            </Button>
            {isChanged && <Button onClick={() => (wished.value = null)}>Reset</Button>}
          </div>
        )}
      </form>
    </Card>
  );
}

interface BoundProps {
  readonly name: keyof Bounds;
  readonly label: string;
  readonly value: number;
  readonly top: number;
  readonly disabled: boolean;
  readonly onMove: (value: number) => void;
}

function Bound({ name, label, value, top, disabled, onMove }: BoundProps) {
  const low = name === "max" ? 1 : 0;
  return (
    <div class="bound">
      <span>{label}</span>
      <input
        type="range"
        aria-label={`${label} processes, slider`}
        min={low}
        max={top}
        value={Math.min(value, top)}
        disabled={disabled}
        onInput={(event) => onMove(event.currentTarget.valueAsNumber)}
      />
      <input
        type="number"
        name={name}
        aria-label={`${label} processes`}
        min={low}
        max={10_000}
        value={value}
        disabled={disabled}
        onChange={(event) => onMove(event.currentTarget.valueAsNumber)}
      />
    </div>
  );
}
