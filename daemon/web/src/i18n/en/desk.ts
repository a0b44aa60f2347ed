import type { deskWords as vi } from "../vi/desk.ts";

export const deskWords: Record<keyof typeof vi, string> = {
};
