import { Cell } from "../cell.ts";

export type Language = "vi" | "en";
export type Words = Record<string, string>;
export type Args = Record<string, string | number | undefined>;

const STORED = "nhipcau.language";

function remembered(): Language | undefined {
  try {
    const stored = localStorage.getItem(STORED);
    return stored === "vi" || stored === "en" ? stored : undefined;
  } catch {
    return undefined; // storage may be forbidden by the browser's policy; the default holds
  }
}

export const language = new Cell<Language>(typeof localStorage === "undefined" ? "vi" : (remembered() ?? "vi"));

/** The person's own choice, remembered by this browser. */
export function chooseLanguage(next: Language): void {
  try {
    localStorage.setItem(STORED, next);
  } catch {
    // not remembered, still used now
  }
  applyLanguage(next);
}

/** What the daemon proposes; a remembered choice wins. */
export function proposeLanguage(next: Language): void {
  applyLanguage(remembered() ?? next);
}

function applyLanguage(next: Language): void {
  language.value = next;
  document.documentElement.lang = next;
}

// Controls that can reorder or hide text. Line breaks of device text become spaces.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+/g;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** Text of a device or guest made safe inside a sentence of ours: no controls, foreign directions isolated. */
export function harmless(text: string): string {
  const plain = text.replace(CONTROLS, " ");
  return RIGHT_TO_LEFT.test(plain) ? `\u2068${plain}\u2069` : plain;
}

/**
 * Fills `{name}` with the argument and `{name:one|many}` by the number's grammar (English needs it; Vietnamese does not).
 * Text arguments are made harmless; a missing argument shows as `?`.
 */
export function fill(sentence: string, args: Args = {}): string {
  return sentence.replace(/\{(\w+)(?::([^|}]*)\|([^}]*))?\}/g, (_, name: string, one?: string, many?: string) => {
    const value = args[name];
    if (one !== undefined) return Number(value) === 1 ? one : (many ?? "");
    if (value === undefined) return "?";
    return typeof value === "number" ? formatNumber(value) : harmless(value);
  });
}

const formats = { vi: new Intl.NumberFormat("vi-VN", { maximumFractionDigits: 1 }), en: new Intl.NumberFormat("en-GB", { maximumFractionDigits: 1 }) };

/** `1.234,5` in Vietnamese, `1,234.5` in English; at most one decimal unless more are wanted. */
export function formatNumber(value: number, decimals = 1): string {
  if (decimals === 1) return formats[language.value].format(value);
  return value.toLocaleString(language.value === "vi" ? "vi-VN" : "en-GB", { maximumFractionDigits: decimals });
}

/**
 * A dictionary in both languages as a function from key to sentence in the language of the moment. Keys made from what a newer
 * daemon says may be missing; they show as they are, since a page that breaks tells less.
 */
export function words<V extends Words>(vi: V, en: Record<keyof V, string>) {
  return (key: keyof V & string, args?: Args): string => fill((language.value === "vi" ? vi : en)[key] ?? key, args);
}

/** As `words`, for keys that come from the daemon: undefined when the key is unknown. */
export function openWords(vi: Words, en: Words) {
  return (key: string, args?: Args): string | undefined => {
    const dictionary = language.value === "vi" ? vi : en;
    return Object.hasOwn(dictionary, key) ? fill(dictionary[key]!, args) : undefined;
  };
}
