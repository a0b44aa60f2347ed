import { harmless, openWords, words } from "./index.ts";
import { consoleWords as vi, siteKinds as viKinds } from "./vi/console.ts";
import { consoleWords as en, siteKinds as enKinds } from "./en/console.ts";

/** Words of the operator console. */
export const t = words(vi, en);

const kinds = openWords(viKinds, enKinds);

/** The kind of a site in words. */
export function siteKind(kind: string): string {
  return kinds(kind) ?? harmless(kind);
}
