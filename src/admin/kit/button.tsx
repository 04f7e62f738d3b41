import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon.tsx";

interface ButtonProps {
  readonly onClick?: (event: MouseEvent) => void;
  readonly icon?: IconName;
  readonly kind?: "plain" | "main" | "danger" | "quiet";
  readonly disabled?: boolean;
  /** Something is on its way: it can not be asked for once more. */
  readonly busy?: boolean;
  readonly type?: "button" | "submit";
  /** What it does, where that is not said by its text. */
  readonly label?: string;
  readonly title?: string | undefined;
  readonly pressed?: boolean;
  readonly children?: ComponentChildren;
}

/** A button with a picture, a word, or both. */
export function Button({ icon, kind = "plain", busy, label, title, pressed, type, children, ...rest }: ButtonProps) {
  return (
    <button
      {...rest}
      type={type ?? "button"}
      class={`button is-${kind}${children ? "" : " is-bare"}`}
      aria-label={label}
      title={title ?? label}
      aria-pressed={pressed}
      aria-busy={busy}
      disabled={(rest.disabled ?? false) || (busy ?? false)}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}
