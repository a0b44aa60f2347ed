import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Cell, useCell } from "../cell.ts";
import { common } from "../i18n/common.ts";
import { Button } from "./basics.tsx";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  wide?: boolean;
  test?: string;
}

/** A modal window: the browser keeps the focus inside and closes it on Escape. */
export function Dialog({ title, onClose, children, wide, test }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    element.current?.showModal();
  }, []);
  return (
    <dialog ref={element} class={wide ? "dialog wide" : "dialog"} aria-label={title} data-test={test} onClose={onClose} onCancel={onClose}>
      <header class="dialog-head">
        <h2>{title}</h2>
        <button type="button" class="icon-button" aria-label={common("close")} data-test="dialog-close" onClick={onClose}>
          <svg viewBox="0 0 16 16" aria-hidden="true"><path d="m3 3 10 10M13 3 3 13" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" /></svg>
        </button>
      </header>
      <div class="dialog-body">{children}</div>
    </dialog>
  );
}

interface Question {
  title: string;
  text: string;
  action: string;
  danger: boolean;
  resolve: (agreed: boolean) => void;
}

const question = new Cell<Question | null>(null);

/** Asks once, naming what will happen; resolves to whether the person agreed. */
export function ask(title: string, text: string, action: string, danger = true): Promise<boolean> {
  question.value?.resolve(false);
  return new Promise((resolve) => {
    question.value = { title, text, action, danger, resolve };
  });
}

/** Where `ask` appears; once per page. */
export function Asker() {
  const asked = useCell(question);
  if (!asked) return null;
  const answer = (agreed: boolean) => {
    question.value = null;
    asked.resolve(agreed);
  };
  return (
    <Dialog title={asked.title} onClose={() => answer(false)} test="ask">
      <p>{asked.text}</p>
      <div class="actions">
        <Button test="ask-no" onClick={() => answer(false)}>{common("cancel")}</Button>
        <Button test="ask-yes" kind={asked.danger ? "danger" : "primary"} onClick={() => answer(true)}>{asked.action}</Button>
      </div>
    </Dialog>
  );
}

const message = new Cell<{ text: string; bad: boolean } | null>(null);
let timer = 0;

/** A short message in a corner that covers no control; gone after six seconds. */
export function say(text: string, bad = false): void {
  message.value = { text, bad };
  clearTimeout(timer);
  timer = window.setTimeout(() => (message.value = null), 6_000);
}

/** Where `say` appears; once per page. */
export function Speaker() {
  const said = useCell(message);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {said && <p class={said.bad ? "toast bad" : "toast"} data-test="toast">{said.text}</p>}
    </div>
  );
}
