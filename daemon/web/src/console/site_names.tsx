import { t } from "../i18n/console.ts";
import { harmless } from "../i18n/index.ts";

/** Sites named at once; a trunk that carries the whole province must not fill the screen. */
const NAMED_MAX = 3;

/** The first few names; the rest opens on request. */
export function SiteNames({ sites }: { sites: readonly string[] }) {
  const names = sites.map(harmless);
  const rest = names.slice(NAMED_MAX);
  return (
    <>
      {names.slice(0, NAMED_MAX).join(", ")}
      {rest.length > 0 && (
        <details class="more">
          <summary>{t("sites.more", { n: rest.length })}</summary>
          <p>{rest.join(", ")}</p>
        </details>
      )}
    </>
  );
}
