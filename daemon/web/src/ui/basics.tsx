import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ApiError, Health, Reason } from "../api.ts";
import { common, errorSentence } from "../i18n/common.ts";
import { harmless } from "../i18n/index.ts";
import { reasonSentence } from "../i18n/reasons.ts";

/** Text of a device or guest: controls removed, direction isolated. */
export function Name({ children }: { children: string | undefined }) {
  return children ? <bdi>{harmless(children)}</bdi> : null;
}

const SHAPES: Record<Health, ComponentChildren> = {
  ok: <circle cx="8" cy="8" r="5.5" fill="currentColor" />,
  degraded: <path d="M8 2 15 14H1z" fill="currentColor" />,
  critical: <rect x="2.5" y="2.5" width="11" height="11" rx="1" fill="currentColor" />,
  unknown: <circle cx="8" cy="8" r="4.75" fill="none" stroke="currentColor" stroke-width="1.75" />,
};

/** Shape, colour and word: health never shows by colour alone. `word={false}` hides the word from sight only. */
export function HealthMark({ health, word = true, count }: { health: Health; word?: boolean; count?: number }) {
  return (
    <span class={`health health-${health}`} data-health={health}>
      <svg class="shape" viewBox="0 0 16 16" aria-hidden="true">{SHAPES[health]}</svg>
      {count !== undefined && <b class="num">{count}</b>}
      <span class={word ? undefined : "unseen"}>{common(`health.${health}`)}</span>
    </span>
  );
}

export function Reasons({ reasons }: { reasons: Reason[] }) {
  if (reasons.length === 0) return null;
  return (
    <span class="reasons">
      {reasons.map((reason, index) => <span key={index}>{reasonSentence(reason)}</span>)}
    </span>
  );
}

interface ButtonProps {
  children: ComponentChildren;
  onClick?: () => void;
  kind?: "plain" | "primary" | "danger" | "quiet";
  type?: "button" | "submit";
  disabled?: boolean;
  busy?: boolean;
  test?: string;
  label?: string;
  pressed?: boolean;
}

export function Button({ children, onClick, kind = "plain", type = "button", disabled, busy, test, label, pressed }: ButtonProps) {
  return (
    <button
      type={type}
      class={`button ${kind}`}
      disabled={disabled || busy}
      aria-busy={busy}
      aria-label={label}
      aria-pressed={pressed}
      title={label}
      data-test={test}
      onClick={onClick}
    >
      {children}
    </button>
  );
}

export function Loading({ rows = 4 }: { rows?: number }) {
  return (
    <div class="loading" role="status">
      <span class="unseen">{common("loading")}</span>
      {Array.from({ length: rows }, (_, index) => <div key={index} class="ghost" aria-hidden="true" />)}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <svg viewBox="0 0 64 32" aria-hidden="true" class="empty-art">
        <path d="M2 26h60M8 26a24 20 0 0 1 48 0M20 26V13.5M32 26V10M44 26V13.5" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" />
      </svg>
      <p class="empty-title">{title}</p>
      {children && <div class="empty-more">{children}</div>}
    </div>
  );
}

export function Failure({ error, retry }: { error: ApiError; retry?: () => void }) {
  return (
    <div class="failure" role="alert" data-test="failure">
      <p class="failure-title">{common("error.title")}</p>
      <p>{errorSentence(error.code)}</p>
      {retry && <Button onClick={retry}>{common("retry")}</Button>}
    </div>
  );
}

/** The sentence above the button of a form that was refused. */
export function Refusal({ error }: { error: ApiError | undefined }) {
  return error ? <p class="refusal" role="alert" data-test="refusal">{errorSentence(error.code)}</p> : null;
}

export function CopyButton({ text, test, label }: { text: string; test?: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <Button
      test={test}
      onClick={() => {
        void copyText(text).then((done) => {
          setCopied(done);
          clearTimeout(timer.current);
          timer.current = window.setTimeout(() => setCopied(false), 2500);
        });
      }}
    >
      <span aria-live="polite">{copied ? common("copied") : (label ?? common("copy"))}</span>
    </Button>
  );
}

async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Plain HTTP has no clipboard API; the selection still works there.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "unseen";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** A panel with a heading; `aside` stands at its right end. */
export function Panel({ title, aside, children, test, flush }: { title?: ComponentChildren; aside?: ComponentChildren; children: ComponentChildren; test?: string; flush?: boolean }) {
  return (
    <section class={flush ? "panel flush" : "panel"} data-test={test}>
      {(title || aside) && (
        <header class="panel-head">
          <h2>{title}</h2>
          {aside}
        </header>
      )}
      {children}
    </section>
  );
}

export function PageHead({ title, sub, children }: { title: ComponentChildren; sub?: ComponentChildren; children?: ComponentChildren }) {
  return (
    <header class="page-head">
      <div class="page-title">
        <h1>{title}</h1>
        {sub && <div class="page-sub">{sub}</div>}
      </div>
      {children && <div class="page-tools">{children}</div>}
    </header>
  );
}
