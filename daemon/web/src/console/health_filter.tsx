import type { Health } from "../api.ts";
import { t } from "../i18n/console.ts";
import { HealthMark } from "../ui/basics.tsx";

const ORDER: Health[] = ["critical", "degraded", "unknown", "ok"];

/** Chips that show only what is in one state, each with its number. */
export function HealthFilter({ rows, value, onChange }: { rows: readonly { health: Health }[]; value: string; onChange: (value: string) => void }) {
  return (
    <div class="choice chips" role="group" data-test="health-filter">
      <button type="button" aria-pressed={value === ""} data-test="health-all" onClick={() => onChange("")}>{t("devices.all")} <span class="num">{rows.length}</span></button>
      {ORDER.map((health) => {
        const count = rows.filter((row) => row.health === health).length;
        return (count > 0 || value === health) && (
          <button key={health} type="button" aria-pressed={value === health} data-test={`health-${health}`} onClick={() => onChange(value === health ? "" : health)}>
            <HealthMark health={health} count={count} />
          </button>
        );
      })}
    </div>
  );
}
