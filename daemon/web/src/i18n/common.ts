import { openWords, words } from "./index.ts";
import { common as viCommon, errors as viErrors } from "./vi/common.ts";
import { common as enCommon, errors as enErrors } from "./en/common.ts";

/** Words that every page uses. */
export const common = words(viCommon, enCommon);

const errorWords = openWords(viErrors, enErrors);

/** The sentence for an error code of the daemon (`network` is ours: it could not be reached). */
export function errorSentence(code: string): string {
  return errorWords(code) ?? errorWords("internal")!;
}
