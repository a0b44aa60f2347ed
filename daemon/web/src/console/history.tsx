import type { HistoryRow } from "../api.ts";
import { useNow } from "../clock.ts";
import { when } from "../format.ts";
import { t } from "../i18n/console.ts";
import { useResource } from "../resource.ts";
import { Failure, Loading, Name, Panel } from "../ui/basics.tsx";
import { type Column, Table } from "../ui/table.tsx";

/** What changed on a device: a serial number, a version, a part, a neighbour. */
export function History({ id }: { id: string }) {
  const now = useNow(60_000);
  const history = useResource<HistoryRow[]>(`/devices/${encodeURIComponent(id)}/history`, [`device:${id}`]);
  const columns: Column<HistoryRow>[] = [
    { key: "luc", label: t("event.at"), cell: (row) => <span class="num nowrap">{when(row.at, now)}</span> },
    { key: "gi", label: t("history.what"), cell: (row) => <>{t(`history.kind.${row.kind}`)}{row.subject && <span class="under"><Name>{row.subject}</Name></span>}</> },
    { key: "cu", label: t("history.old"), cell: (row) => <Value row={row} text={row.old} /> },
    { key: "moi", label: t("history.new"), cell: (row) => <Value row={row} text={row.new} /> },
  ];
  const rows = history.data;
  return (
    <Panel title={t("history.title")} flush={(rows?.length ?? 0) > 0} test="history">
      {rows
        ? rows.length === 0 ? <p class="quiet">{t("history.none")}</p> : <Table label={t("history.title")} columns={columns} rows={rows} rowKey={(row) => `${row.at} ${row.kind} ${row.subject}`} test="history-rows" order="lich-su" low />
        : history.error ? <Failure error={history.error} retry={history.reload} /> : <Loading rows={2} />}
    </Panel>
  );
}

/** An interface that came or went has an address and no value worth reading alone. */
function Value({ row, text }: { row: HistoryRow; text: string | undefined }) {
  if (text === undefined) return <span class="quiet">{t("history.absent")}</span>;
  return <span class="mono"><Name>{text || (row.kind === "interface" ? t("history.present") : "–")}</Name></span>;
}
