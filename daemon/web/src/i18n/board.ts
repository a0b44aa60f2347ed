import { words } from "./index.ts";
import { boardWords as vi } from "./vi/board.ts";
import { boardWords as en } from "./en/board.ts";

/** Words of the roll-call board, on the desk and in the room. */
export const b = words(vi, en);
