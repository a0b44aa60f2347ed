import { words } from "./index.ts";
import { consoleWords as vi } from "./vi/console.ts";
import { consoleWords as en } from "./en/console.ts";

/** Words of the operator console. */
export const t = words(vi, en);
