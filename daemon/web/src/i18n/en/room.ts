import type { roomWords as vi } from "../vi/room.ts";

export const roomWords: Record<keyof typeof vi, string> = {
};
