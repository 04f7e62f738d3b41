import type { ComponentChildren } from "preact";
import { href } from "../state/router.ts";
import { Icon, type IconName } from "./icon.tsx";

/** The head of a page: its name, what is said of it, and what can be done there. */
export function PageHead(props: {
  readonly title: ComponentChildren;
  readonly note?: ComponentChildren;
  readonly back?: { readonly to: string; readonly label: string };
  readonly children?: ComponentChildren;
}) {
  const { title, note, back, children } = props;
  return (
    <div class="page-head">
      <div>
        {back && (
          <a class="back" href={back.to}>
            <Icon name="left" />
            {back.label}
          </a>
        )}
        <h1 tabIndex={-1}>{title}</h1>
        {note && <p class="note">{note}</p>}
      </div>
      <div class="actions">{children}</div>
    </div>
  );
}

/** A part of a page with a heading of its own. */
export function Card(props: {
  readonly title: string;
  readonly actions?: ComponentChildren;
  readonly class?: string;
  readonly children: ComponentChildren;
}) {
  return (
    <section class={`card ${props.class ?? ""}`} aria-label={props.title}>
      <header>
        <h2>{props.title}</h2>
        {props.actions}
      </header>
      {props.children}
    </section>
  );
}

/** Said where there is nothing to show: why, and what to do. */
export function Empty({ icon = "info", children }: { readonly icon?: IconName; readonly children: ComponentChildren }) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <div>{children}</div>
    </div>
  );
}

/** A share of a whole, as a bar and in words. */
export function Meter({ percent, label }: { readonly percent: number; readonly label: string }) {
  const level = percent >= 90 ? "is-high" : percent >= 75 ? "is-raised" : "";
  return (
    <span class="meter">
      <meter class={level} min={0} max={100} value={percent} aria-label={label} />
      <span>{Math.round(percent)} %</span>
    </span>
  );
}

export function InstanceLink({ name }: { readonly name: string }) {
  return (
    <a class="mono" href={href("instances", name)}>
      {name}
    </a>
  );
}
