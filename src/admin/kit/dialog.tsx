import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Button } from "./button.tsx";

interface DialogProps {
  readonly title: string;
  /** Called by Escape and the close button; without it the dialog stays. */
  readonly onClose?: (() => void) | undefined;
  readonly wide?: boolean;
  readonly children: ComponentChildren;
}

/** What takes the focus when a dialog opens: what says so, else the first field to type in, else the first button below. */
const FIRST = ["[data-focus]", ":is(input:not([type=checkbox]), select, textarea):not(:disabled)", "footer button"];

/** A dialog over the page, which is out of reach meanwhile; it is open while it is there. */
export function Dialog({ title, onClose, wide, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    const first = FIRST.map((wanted) => dialog?.querySelector<HTMLElement>(wanted)).find(Boolean);
    first?.focus();
    return () => dialog?.close();
  }, []);
  const cancel = (event: Event) => {
    event.preventDefault();
    onClose?.();
  };
  // At the second Escape in a row browsers close without asking.
  const reopen = () => {
    if (!ref.current?.isConnected || ref.current.open) return;
    ref.current.showModal();
    onClose?.();
  };
  return (
    <dialog ref={ref} class={`dialog${wide ? " is-wide" : ""}`} aria-labelledby={id} onCancel={cancel} onClose={reopen}>
      <header>
        <h2 id={id}>{title}</h2>
        {onClose && <Button kind="quiet" icon="close" label="Close" onClick={onClose} />}
      </header>
      {children}
    </dialog>
  );
}

interface Question {
  readonly title: string;
  readonly text: ComponentChildren;
  /** What the button says that goes on: a verb. */
  readonly verb: string;
  readonly isDanger?: boolean;
}

const asked = signal<(Question & { readonly answer: (yes: boolean) => void }) | null>(null);

/** Asks before something is done that stops work; resolves to whether it is to be done. */
export function confirm(question: Question): Promise<boolean> {
  asked.value?.answer(false);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const answer = (yes: boolean) => {
    asked.value = null;
    resolve(yes);
  };
  asked.value = { ...question, answer };
  return promise;
}

/** Shows what confirm() asks; stands once in the page. */
export function Confirmation() {
  const question = asked.value;
  if (!question) return null;
  const { title, text, verb, isDanger = true, answer } = question;
  return (
    <Dialog title={title} onClose={() => answer(false)}>
      <div class="dialog-body">{text}</div>
      <footer>
        <Button onClick={() => answer(false)}>Cancel</Button>
        <Button kind={isDanger ? "danger" : "main"} onClick={() => answer(true)}>
          {verb}
        </Button>
      </footer>
    </Dialog>
  );
}
