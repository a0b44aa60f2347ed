import { words } from "./index.ts";
import { deskWords as vi } from "./vi/desk.ts";
import { deskWords as en } from "./en/desk.ts";

/** Words of the host desk. */
export const d = words(vi, en);
