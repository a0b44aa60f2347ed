import { Cell } from "./cell.ts";

export type Theme = "light" | "dark" | "wall";
export const THEMES: Theme[] = ["light", "dark", "wall"];

const STORED = "nhipcau.theme";

function initial(): Theme {
  try {
    const stored = localStorage.getItem(STORED) as Theme | null;
    if (stored !== null && THEMES.includes(stored)) return stored;
  } catch {
    // storage forbidden: follow the system
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export const theme = new Cell<Theme>("light");

/** Call once before the first render. */
export function startTheme(): void {
  theme.value = initial();
  document.documentElement.dataset.theme = theme.value;
}

export function chooseTheme(next: Theme): void {
  theme.value = next;
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem(STORED, next);
  } catch {
    // not remembered, still used now
  }
}
