import { useSignal, type Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { useEffect } from "preact/hooks";
import { ApiError } from "../api/request.ts";
import { Icon } from "./icon.tsx";
import { rebased } from "./rebased.ts";
import { worded } from "./worded.ts";

export interface FormState<T extends object> {
  readonly values: Signal<T>;
  /** Messages of the API by the parameter that they are about; those about none are under "". */
  readonly errors: Signal<Readonly<Record<string, string>>>;
  readonly isBusy: Signal<boolean>;
  readonly set: (changes: Partial<T>) => void;
  /** For onSubmit: does `work`, and shows at the field what the API says against it. What was typed stays. */
  readonly submit: (work: (values: T) => Promise<void>) => (event: Event) => Promise<void>;
}

/** What was typed into a form, and what the API says of it. */
export function useForm<T extends object>(initial: T): FormState<T> {
  const values = useSignal(initial);
  const errors = useSignal<Readonly<Record<string, string>>>({});
  const isBusy = useSignal(false);
  return {
    values,
    errors,
    isBusy,
    set: (changes) => {
      values.value = { ...values.value, ...changes };
    },
    submit: (work) => async (event) => {
      event.preventDefault();
      if (isBusy.value) return;
      const element = event.currentTarget;
      isBusy.value = true;
      errors.value = {};
      try {
        await work(values.value);
      } catch (error) {
        const parameter = error instanceof ApiError ? (error.parameter ?? "") : "";
        errors.value = { [parameter]: sentence(error) };
        if (element instanceof Element) setTimeout(() => showWrong(element));
      } finally {
        isBusy.value = false;
      }
    },
  };
}

/** A form that changes what there is, which may change meanwhile. `before` is what there is now: what differs from it was typed. */
export function useEditForm<T extends object>(now: T): FormState<T> & { readonly before: Signal<T> } {
  const before = useSignal(now);
  const form = useForm(now);
  useEffect(() => {
    form.values.value = rebased(before.peek(), now, form.values.peek());
    before.value = now;
  }, [JSON.stringify(now)]);
  return { ...form, before };
}

/** Goes to the field that is wrong, or to what is said of none. */
function showWrong(form: Element): void {
  const field = form.querySelector<HTMLElement>("[aria-invalid]");
  if (field) field.focus();
  else form.querySelector("[role=alert]")?.scrollIntoView({ block: "nearest" });
}

/** With the last lines of the worker's log, where it was that which failed. */
function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const log = error instanceof ApiError ? error.facts["log"] : undefined;
  const lines = Array.isArray(log) ? log.join("\n") : log;
  return typeof lines === "string" ? `${error.message}\n\n${lines}` : error.message;
}

interface FieldProps {
  /** Of the parameter. */
  readonly name: string;
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly error?: string | undefined;
  readonly children: (control: { id: string; "aria-invalid"?: true; "aria-describedby"?: string }) => ComponentChildren;
}

/** A label, a control, what is to be known of it, and what is wrong with it. */
export function Field({ name, label, hint, error, children }: FieldProps) {
  // Of its own: a login form may stand over another form with the same names.
  const id = `${useId()}-${name}`;
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div class={`field${error ? " is-wrong" : ""}`}>
      <label for={id}>{label}</label>
      {children({
        id,
        ...(error && { "aria-invalid": true as const }),
        ...(described && { "aria-describedby": described }),
      })}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="error" id={`${id}-error`}>
          {worded(error, name, label)}
        </p>
      )}
    </div>
  );
}

type TextKeys<T> = { [K in keyof T]: T[K] extends string ? K : never }[keyof T] & string;

interface InputProps<T extends object> {
  readonly form: FormState<T>;
  readonly name: TextKeys<T>;
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly type?: "text" | "number" | "password" | "url";
  readonly placeholder?: string;
  readonly required?: boolean;
  readonly disabled?: boolean;
  /** Takes the focus when the dialog opens that it is in; else the first field does. */
  readonly autofocus?: boolean;
  readonly autocomplete?: string;
  /** Names and values as programs take them. */
  readonly mono?: boolean;
  readonly min?: number;
  readonly max?: number;
  /** Values to choose from, or to type another. */
  readonly suggestions?: readonly string[];
}

/** A line of text or a number. */
export function TextField<T extends object>(props: InputProps<T>) {
  const { form, name, label, hint, mono, suggestions, type = "text", autocomplete = "off", autofocus, ...rest } = props;
  // A plain object, since what an input may carry depends on its type.
  const attributes: object = { ...rest, name, type, autocomplete, ...(autofocus && { "data-focus": true }) };
  return (
    <Field name={name} label={label} hint={hint} error={form.errors.value[name]}>
      {(control) => (
        <>
          <input
            type="text"
            {...attributes}
            {...control}
            {...(suggestions && { list: `${control.id}-list` })}
            class={mono ? "mono" : ""}
            spellcheck={false}
            value={String(form.values.value[name])}
            onInput={(event) => form.set({ [name]: event.currentTarget.value } as Partial<T>)}
          />
          {suggestions && (
            <datalist id={`${control.id}-list`}>
              {suggestions.map((value) => (
                <option key={value} value={value} />
              ))}
            </datalist>
          )}
        </>
      )}
    </Field>
  );
}

type AreaProps<T extends object> = Pick<
  InputProps<T>,
  "form" | "name" | "label" | "hint" | "placeholder" | "disabled"
> & { readonly rows?: number };

/** Text of several lines, as programs take it. */
export function TextArea<T extends object>({ form, name, label, hint, rows = 3, ...rest }: AreaProps<T>) {
  return (
    <Field name={name} label={label} hint={hint} error={form.errors.value[name]}>
      {(control) => (
        <textarea
          {...control}
          {...rest}
          name={name}
          class="mono"
          rows={rows}
          spellcheck={false}
          value={String(form.values.value[name])}
          onInput={(event) => form.set({ [name]: event.currentTarget.value } as Partial<T>)}
        />
      )}
    </Field>
  );
}

interface SelectProps<T extends object> extends Pick<InputProps<T>, "form" | "name" | "label" | "hint" | "disabled"> {
  readonly options: readonly (string | { readonly value: string; readonly label: string })[];
}

/** One of some values. */
export function SelectField<T extends object>({ form, name, label, hint, options, ...rest }: SelectProps<T>) {
  return (
    <Field name={name} label={label} hint={hint} error={form.errors.value[name]}>
      {(control) => (
        <select
          {...control}
          {...rest}
          name={name}
          value={String(form.values.value[name])}
          onChange={(event) => form.set({ [name]: event.currentTarget.value } as Partial<T>)}
        >
          {options.map((option) => {
            const { value, label: shown } = typeof option === "string" ? { value: option, label: option } : option;
            return (
              <option key={value} value={value}>
                {shown}
              </option>
            );
          })}
        </select>
      )}
    </Field>
  );
}

/** What the API said that is about none of the fields shown. */
export function FormError({ errors, known = [] }: { errors: FormState<object>["errors"]; known?: readonly string[] }) {
  const rest = Object.entries(errors.value).filter(([parameter]) => !known.includes(parameter));
  if (rest.length === 0) return null;
  return (
    <div class="form-error" role="alert">
      <Icon name="warn" />
      {rest.map(([parameter, message]) => (
        <p key={parameter}>{message}</p>
      ))}
    </div>
  );
}
