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
    { key: "chi-tiet", label: t("event.detail"), cell: (row) => <>{reasonSentence(row.reason)}{row.held_back_by && <span class="quiet block">{t("event.held", { name: row.held_back_by })}</span>}</> },
  ];
  return <Table label={t("events.log")} columns={columns} rows={events} rowKey={(row) => String(row.id)} rowClass={(row) => `row-${row.health}`} test="events" low={!high} order="-" />;
}
