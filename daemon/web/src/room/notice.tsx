import type { ComponentChildren } from "preact";
import { Brand } from "../ui/brand.tsx";
import { Switches } from "../ui/switches.tsx";

/** One sentence on an otherwise empty page: the room is not open, is over, or cannot be found. */
export function Notice({ title, text, children, test }: { title: string; text?: string; children?: ComponentChildren; test?: string }) {
  return (
    <main class="gate">
      <div class="gate-card" data-test={test} role="status">
        <div class="gate-brand"><Brand /></div>
        <h1>{title}</h1>
        {text && <p class="gate-text">{text}</p>}
        {children}
      </div>
      <Switches />
    </main>
  );
}
