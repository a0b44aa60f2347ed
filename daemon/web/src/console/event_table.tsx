import type { EventRow } from "../api.ts";
import { useNow } from "../clock.ts";
import { when } from "../format.ts";
import { t } from "../i18n/console.ts";
import { eventKind, reasonSentence } from "../i18n/reasons.ts";
import { Link } from "../router.tsx";
import { HealthMark, Name } from "../ui/basics.tsx";
import { type Column, Table } from "../ui/table.tsx";

/** Events as they came, newest first. */
export function EventTable({ events, high }: { events: EventRow[]; high?: boolean }) {
  const now = useNow(60_000);
  const columns: Column<EventRow>[] = [
    { key: "luc", label: t("event.at"), cell: (row) => <span class="num nowrap">{when(row.at, now)}</span> },
    { key: "viec", label: t("event.what"), cell: (row) => <><HealthMark health={row.health} word={false} /> {eventKind(row.kind)}</> },
    {
      key: "o-dau", label: t("event.where"),
      cell: (row) => row.device && row.device_name
        ? <><Link href={`/thiet-bi/${encodeURIComponent(row.device)}`}><Name>{row.device_name}</Name></Link>{row.interface && <span class="quiet"> <Name>{row.interface}</Name></span>}</>
        : <Name>{row.site}</Name>,
    },
    { key: "chi-tiet", label: t("event.detail"), cell: (row) => <>{reasonSentence(row.reason)}<Variables reason={row.reason} />{row.held_back_by && row.reason.code !== "behind" && <span class="quiet block">{t("event.held", { name: row.held_back_by })}</span>}</> },
  ];
  return <Table label={t("events.log")} columns={columns} rows={events} rowKey={(row) => String(row.id)} rowClass={(row) => `row-${row.health}`} test="events" low={!high} order="-" />;
}

interface Variable { oid: string; name: string; text: string }

/** What a trap carries, with the numbers behind the names: on demand, because few want them. */
function Variables({ reason }: { reason: EventRow["reason"] }) {
  if (reason.code !== "trap") return null;
  const args: Record<string, unknown> = reason.args ?? {};
  const listed = Array.isArray(args["variables"]) ? (args["variables"] as Variable[]) : [];
  if (typeof args["oid"] !== "string") return null;
  return (
    <details class="quiet">
      <summary>{t("event.variables", { count: listed.length })}</summary>
      <dl class="trap-variables">
        <dt><Name>{String(args["name"] ?? "")}</Name></dt><dd class="num">{args["oid"]}</dd>
        {listed.map((variable) => <><dt title={variable.oid}><Name>{variable.name}</Name></dt><dd><Name>{variable.text}</Name>{variable.name !== variable.oid && <span class="quiet num block">{variable.oid}</span>}</dd></>)}
      </dl>
    </details>
  );
}
