import type { ComponentChildren } from "preact";
import { common } from "../i18n/common.ts";
import { Switches } from "../ui/switches.tsx";
import { Brand } from "../ui/brand.tsx";

/** The page before one is signed in: the name of the house, and one form. */
export function Gate({ title, text, children }: { title: string; text: string; children: ComponentChildren }) {
  return (
    <main class="gate">
      <div class="gate-card">
        <div class="gate-brand"><Brand /><p>{common("tagline")}</p></div>
        <h1>{title}</h1>
        <p class="gate-text">{text}</p>
        {children}
      </div>
      <Switches />
    </main>
  );
}
