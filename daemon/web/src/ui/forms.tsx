import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { common } from "../i18n/common.ts";

interface FieldProps {
  label: string;
  hint?: string;
  bad?: string;
  children: (id: string) => ComponentChildren;
}

export function Field({ label, hint, bad, children }: FieldProps) {
  const id = useId();
  return (
    <div class={bad ? "field bad" : "field"}>
      <label for={id}>{label}</label>
      {children(id)}
      {bad ? <p class="field-bad" role="alert">{bad}</p> : hint ? <p class="field-hint">{hint}</p> : null}
    </div>
  );
}

interface TextProps {
  id?: string;
  value: string;
  onInput: (value: string) => void;
  type?: "text" | "password" | "date" | "time" | "number" | "tel" | "search";
  required?: boolean;
  autoComplete?: string;
  maxLength?: number;
  minLength?: number;
  min?: number;
  max?: number;
  placeholder?: string;
  test?: string;
  name?: string;
  label?: string;
  focus?: boolean;
}

export function Text({ id, value, onInput, type = "text", required, autoComplete = "off", maxLength = 200, minLength, min, max, placeholder, test, name, label, focus }: TextProps) {
  return (
    <input
      id={id}
      class="input"
      // Preact's types want one literal, not a choice of them.
      type={type as "text"}
      value={value}
      name={name}
      required={required}
      autocomplete={autoComplete as "off"}
      maxLength={maxLength}
      minLength={minLength}
      min={min}
      max={max}
      placeholder={placeholder}
      data-test={test}
      aria-label={label}
      autoFocus={focus}
      spellcheck={false}
      onInput={(event) => onInput(event.currentTarget.value)}
    />
  );
}

interface SelectProps<T extends string> {
  id?: string;
  value: T;
  onChange: (value: T) => void;
  options: readonly (readonly [value: T, label: string])[];
  test?: string;
  label?: string;
}

export function Select<T extends string>({ id, value, onChange, options, test, label }: SelectProps<T>) {
  return (
    <select id={id} class="input" value={value} data-test={test} aria-label={label} onChange={(event) => onChange(event.currentTarget.value as T)}>
      {options.map(([option, text]) => <option key={option} value={option} selected={option === value}>{text}</option>)}
    </select>
  );
}

export function Check({ checked, onChange, children, test, mixed }: { checked: boolean; onChange: (checked: boolean) => void; children: ComponentChildren; test?: string; mixed?: boolean }) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={checked}
        data-test={test}
        ref={(element) => {
          if (element) element.indeterminate = mixed === true;
        }}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>{children}</span>
    </label>
  );
}

/** The filter above a list: matches as one types, with or without accents. */
export function FilterBox({ value, onInput, placeholder, test = "filter" }: { value: string; onInput: (value: string) => void; placeholder: string; test?: string }) {
  return (
    <div class="filter">
      <svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="7" cy="7" r="4.5" fill="none" stroke="currentColor" stroke-width="1.6" /><path d="m10.5 10.5 3.5 3.5" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" /></svg>
      <Text type="search" value={value} onInput={onInput} placeholder={placeholder} label={common("filter")} test={test} />
    </div>
  );
}

/** Choices side by side, one of them on. */
export function Choice<T extends string>({ value, onChange, options, label, test }: SelectProps<T>) {
  return (
    <div class="choice" role="group" aria-label={label} data-test={test}>
      {options.map(([option, text]) => (
        <button key={option} type="button" aria-pressed={option === value} data-test={test ? `${test}-${option}` : undefined} onClick={() => onChange(option)}>{text}</button>
      ))}
    </div>
  );
}
