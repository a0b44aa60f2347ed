import type { boardWords as vi } from "../vi/board.ts";

export const boardWords: Record<keyof typeof vi, string> = {
};
