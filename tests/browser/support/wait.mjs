// Waiting for what real programs do in their own time.

/** Long enough for a loaded machine; a test that reaches it has failed. Milliseconds. */
export const PATIENCE_MS = Number(process.env.NHIPCAU_PATIENCE_MS ?? 30_000);
const PAUSE_MS = 100;

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Looks until the answer is neither undefined, null nor false. */
export async function until(what, look, patienceMs = PATIENCE_MS) {
  const end = Date.now() + patienceMs;
  let last;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== null && found !== false) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`waited ${patienceMs} ms in vain for: ${what}`, { cause: last });
    await pause(PAUSE_MS);
  }
}
