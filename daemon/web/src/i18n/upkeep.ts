import { words } from "./index.ts";
import { upkeepWords as vi } from "./vi/upkeep.ts";
import { upkeepWords as en } from "./en/upkeep.ts";

/** Words of maintenance, availability and the account of links. */
export const u = words(vi, en);
