import { words } from "./index.ts";
import { roomWords as vi } from "./vi/room.ts";
import { roomWords as en } from "./en/room.ts";

/** Words of the room page. */
export const r = words(vi, en);
