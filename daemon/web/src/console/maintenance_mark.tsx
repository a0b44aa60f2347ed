import { u } from "../i18n/upkeep.ts";
import { Link } from "../router.tsx";

/** Says beside the truth that something is worked on. */
export function MaintenanceMark({ window }: { window: number | undefined }) {
  if (window === undefined) return null;
  return <Link href={`/bao-tri#${window}`} class="work-mark" test="maintenance-mark">{u("maintenance.mark")}</Link>;
}
